//! A run as a list of steps, made from a seed.

use crate::random::Random;
use watchfire_store::Fault;

/// Steps of a usual run.
pub(crate) const STEPS: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    AppendLogs {
        records: u64,
    },
    /// Answers every sender that waits.
    CommitLogs,
    AppendSamples {
        series: u64,
        late_ms: i64,
    },
    CommitSamples,
    FlushLogs,
    /// Merges small blocks.
    CompactLogs,
    CompactMetrics,
    /// Reads a part of all blocks again.
    Scrub,
    /// Makes new blocks of damaged ones; there are none.
    Repair,
    /// Holds all that makes up the stores, as a backup does.
    Pin,
    MaintainLogs,
    MaintainMetrics,
    Advance {
        ms: i64,
    },
    /// The clock shows another time for a while, far away.
    Jump {
        ms: i64,
    },
    JumpBack,
    /// Compares all that queries show with what was promised.
    Check,
    /// The process ends and is started again; the page cache survives.
    Restart,
    /// The power fails: only what was synced survives.
    PowerCut,
    /// The operation this far ahead fails.
    Fail {
        ahead: u64,
        fault: Fault,
    },
    /// From the operation this far ahead on everything fails, until `Mend`.
    Unplug {
        ahead: u64,
    },
    /// The disk has this many bytes left, until `Mend`.
    Fill {
        bytes: u64,
    },
    /// Nothing fails any more.
    Mend,
}

/// A run of `len` steps.
pub(crate) fn script(seed: u64, len: usize) -> Vec<Step> {
    let mut random = Random::new(seed);
    let mut steps = Vec::with_capacity(len + 4);
    // One run in four sees no faults, so that nothing hides behind them.
    let has_faults = !random.one_in(4);
    let mut is_away = false;
    while steps.len() < len {
        let step = match random.within(0..100) {
            0..26 => Step::AppendLogs { records: if random.one_in(20) { 300 } else { random.within(1..20) } },
            26..42 => Step::CommitLogs,
            42..58 => append_samples(&mut random),
            58..66 => Step::CommitSamples,
            66..69 => Step::FlushLogs,
            69 => [Step::CompactLogs, Step::CompactMetrics, Step::Scrub, Step::Repair, Step::Pin]
                [random.within(0..5) as usize],
            70..73 => Step::MaintainLogs,
            73..79 => Step::MaintainMetrics,
            79..89 => Step::Advance { ms: random.within(1_000..600_000) as i64 },
            89 if is_away => {
                is_away = false;
                Step::JumpBack
            }
            89 if random.one_in(3) => {
                is_away = true;
                Step::Jump { ms: [31_536_000_000, -31_536_000_000, -21_600_000, 600_000][random.within(0..4) as usize] }
            }
            90 => Step::Check,
            91 => Step::Restart,
            92 => Step::PowerCut,
            93 | 94 if has_faults => fault(&mut random),
            95..97 if has_faults => Step::Mend,
            _ => continue,
        };
        steps.push(step);
    }
    steps
}

fn append_samples(random: &mut Random) -> Step {
    let late_ms = if random.one_in(6) { random.within(0..3_600_000) as i64 } else { 0 };
    Step::AppendSamples { series: random.within(1..crate::data::SERIES + 1), late_ms }
}

fn fault(random: &mut Random) -> Step {
    let ahead = random.within(1..25);
    match random.within(0..6) {
        0 | 1 => Step::Fail { ahead, fault: Fault::Io },
        2 => Step::Fail { ahead, fault: Fault::IoAfterwards },
        3 => Step::Fail { ahead, fault: Fault::Full },
        4 => Step::Fill { bytes: random.within(0..20_000) },
        _ => Step::Unplug { ahead },
    }
}
