//! What the log store has to answer: who was promised what, and what a query may therefore show.

use crate::data::{ID_FIELD, SHORT_STREAM};
use std::collections::{BTreeMap, HashMap};
use watchfire_model::{FieldValue, LogRecord, TimeNs};

/// What is known of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Appended, and not answered yet: shown once.
    Pending,
    /// Nobody was answered, and a fault or a restart came between: shown once or not at all.
    Open,
    /// Acknowledged: shown once, until its retention is over.
    Stored,
    /// Answered with an error, and nothing has been made durable since: not shown, but a crash may bring it back, as
    /// nothing on disk tells yet that it was refused.
    Refused,
    /// Not there, and never again.
    Absent,
}

#[derive(Debug)]
struct Sent {
    record: LogRecord,
    fate: Fate,
}

/// Keeps account of every record sent.
#[derive(Debug, Default)]
pub(crate) struct LogJudge {
    sent: BTreeMap<u64, Sent>,
    /// Records of older event times may have been deleted for their age.
    oldest_kept: TimeNs,
    oldest_kept_short: TimeNs,
    pub(crate) acknowledged: u64,
    pub(crate) refused: u64,
    /// Refused records that a crash brought back.
    pub(crate) came_back: u64,
}

impl LogJudge {
    pub(crate) fn new() -> LogJudge {
        LogJudge { oldest_kept: TimeNs::MIN, oldest_kept_short: TimeNs::MIN, ..LogJudge::default() }
    }

    pub(crate) fn appended(&mut self, id: u64, record: LogRecord) {
        self.sent.insert(id, Sent { record, fate: Fate::Pending });
    }

    /// The sender was told that the records are not stored.
    pub(crate) fn refused(&mut self, ids: &[u64]) {
        self.refused += ids.len() as u64;
        self.turn(ids, Fate::Refused);
    }

    /// The sender was told that the records are stored. The session that made them durable names what was refused.
    pub(crate) fn acknowledged(&mut self, ids: &[u64]) {
        self.acknowledged += ids.len() as u64;
        self.turn(ids, Fate::Stored);
        self.turn_all(Fate::Refused, Fate::Absent);
    }

    /// Something has failed, or will: what is pending may turn out either way.
    pub(crate) fn fault(&mut self) {
        self.turn_all(Fate::Pending, Fate::Open);
    }

    /// The process has ended.
    pub(crate) fn restarted(&mut self) {
        self.turn_all(Fate::Pending, Fate::Open);
        self.turn_all(Fate::Refused, Fate::Open);
    }

    /// Retention has run at a time that is not in doubt.
    pub(crate) fn expired(&mut self, oldest_kept: TimeNs, oldest_kept_short: TimeNs) {
        self.oldest_kept = self.oldest_kept.max(oldest_kept);
        self.oldest_kept_short = self.oldest_kept_short.max(oldest_kept_short);
    }

    /// Compares with all that a query shows. After a power cut what is there is durable, so nothing stays open.
    pub(crate) fn check(&mut self, shown: Vec<LogRecord>, is_settled: bool) -> Result<(), String> {
        let mut counts: HashMap<u64, u32> = HashMap::new();
        for record in shown {
            let id = match record.field(ID_FIELD) {
                Some(FieldValue::I64(id)) => *id as u64,
                other => return Err(format!("a record without a number: {other:?}")),
            };
            *counts.entry(id).or_default() += 1;
            match self.sent.get(&id) {
                None => return Err(format!("record {id} was never sent")),
                Some(sent) if sent.record != record => {
                    return Err(format!("record {id} is not what was sent: {record:?}, sent {:?}", sent.record));
                }
                Some(_) => {}
            }
        }
        for (id, sent) in &mut self.sent {
            let count = counts.get(id).copied().unwrap_or(0);
            let oldest_kept =
                if sent.record.stream == SHORT_STREAM { self.oldest_kept_short } else { self.oldest_kept };
            let may_be_gone = sent.record.time < oldest_kept;
            let is_right = match sent.fate {
                Fate::Pending | Fate::Stored => count == 1 || count == 0 && may_be_gone,
                Fate::Open => count <= 1,
                Fate::Refused | Fate::Absent => count == 0,
            };
            if !is_right {
                return Err(format!("record {id}, {:?}, is shown {count} times", sent.fate));
            }
            if is_settled && sent.fate == Fate::Open {
                sent.fate = if count == 1 { Fate::Stored } else { Fate::Absent };
                self.came_back += u64::from(count);
            }
        }
        Ok(())
    }

    fn turn(&mut self, ids: &[u64], fate: Fate) {
        for id in ids {
            if let Some(sent) = self.sent.get_mut(id) {
                sent.fate = fate;
            }
        }
    }

    fn turn_all(&mut self, from: Fate, to: Fate) {
        for sent in self.sent.values_mut().filter(|sent| sent.fate == from) {
            sent.fate = to;
        }
    }
}
