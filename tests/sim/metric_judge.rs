//! What the metric store has to answer: of one series and time the last write that was promised, or one after it.

use std::collections::{BTreeMap, BTreeSet};
use watchfire_model::{DurationMs, Labels};

/// Windows that have to agree on a time before samples may be deleted for their age.
const CONFIRMING_WINDOWS: u64 = 6;

/// Samples as a query shows them: bits of values by series and time.
pub(crate) type Shown = BTreeMap<Labels, BTreeMap<i64, u64>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Appended, and no commit has succeeded since.
    Pending,
    /// Not known to be durable when a restart came: it may be shown, or what was written before it.
    Open,
    /// Covered by a commit.
    Stored,
}

#[derive(Debug, Clone, Copy)]
struct Write {
    bits: u64,
    fate: Fate,
}

/// Keeps account of every sample written.
#[derive(Debug)]
pub(crate) struct MetricJudge {
    /// Writes to a series and time in order.
    writes: BTreeMap<(Labels, i64), Vec<Write>>,
    retention_ms: i64,
    span_ms: i64,
    /// Windows with samples.
    windows: BTreeSet<i64>,
    oldest_kept: i64,
    pub(crate) acknowledged: u64,
    pub(crate) refused: u64,
}

impl MetricJudge {
    pub(crate) fn new(retention: DurationMs, span: DurationMs) -> MetricJudge {
        MetricJudge {
            writes: BTreeMap::new(),
            retention_ms: retention.0 as i64,
            span_ms: span.0 as i64,
            windows: BTreeSet::new(),
            oldest_kept: i64::MIN,
            acknowledged: 0,
            refused: 0,
        }
    }

    pub(crate) fn appended(&mut self, labels: Labels, time: i64, value: f64) {
        self.windows.insert(time.div_euclid(self.span_ms));
        let write = Write { bits: value.to_bits(), fate: Fate::Pending };
        self.writes.entry((labels, time)).or_default().push(write);
    }

    /// A commit has succeeded: everything appended in this process is durable.
    pub(crate) fn committed(&mut self) {
        for write in self.writes.values_mut().flatten().filter(|write| write.fate == Fate::Pending) {
            write.fate = Fate::Stored;
            self.acknowledged += 1;
        }
    }

    pub(crate) fn restarted(&mut self) {
        for write in self.writes.values_mut().flatten().filter(|write| write.fate == Fate::Pending) {
            write.fate = Fate::Open;
        }
    }

    /// Retention has run: what lies a retention before a time that enough windows agree on may be gone. A clock that jumps
    /// for a few windows deletes nothing.
    pub(crate) fn expired(&mut self, now_ms: i64) {
        let wanted = CONFIRMING_WINDOWS.min((self.retention_ms / self.span_ms) as u64).max(1) as usize;
        let per_retention = self.retention_ms / self.span_ms;
        let agreed = self
            .windows
            .iter()
            .rev()
            .find(|window| self.windows.range(*window - per_retention..=**window).count() >= wanted);
        if let Some(window) = agreed {
            let confirmed = ((window + 1) * self.span_ms).min(now_ms);
            self.oldest_kept = self.oldest_kept.max(confirmed - self.retention_ms);
        }
    }

    /// Compares with all that a query shows. After a power cut nothing stays open.
    pub(crate) fn check(&mut self, shown: &Shown, is_settled: bool) -> Result<(), String> {
        for (labels, samples) in shown {
            for time in samples.keys() {
                if !self.writes.contains_key(&(labels.clone(), *time)) {
                    return Err(format!("a sample of {labels} at {time} was never written"));
                }
            }
        }
        for ((labels, time), writes) in &mut self.writes {
            let found = shown.get(labels).and_then(|samples| samples.get(time)).copied();
            let stored = writes.iter().rposition(|write| write.fate == Fate::Stored);
            // A write of this process hides all before it.
            let pending = writes.iter().rposition(|write| write.fate == Fate::Pending);
            let first = pending.max(stored);
            let allowed = &writes[first.unwrap_or(0)..];
            let is_right = match found {
                Some(bits) => allowed.iter().any(|write| write.bits == bits),
                None => first.is_none() || *time < self.oldest_kept,
            };
            if !is_right {
                let found = found.map(f64::from_bits);
                return Err(format!("sample of {labels} at {time} is {found:?}, writes are {writes:?}"));
            }
            if is_settled {
                writes.retain(|write| found == Some(write.bits));
                for write in writes {
                    write.fate = Fate::Stored;
                }
            }
        }
        if is_settled {
            self.writes.retain(|_, writes| !writes.is_empty());
        }
        Ok(())
    }
}
