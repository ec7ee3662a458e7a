//! One fixed run of work, flushes, retention and restarts, with something going wrong at each of its operations in turn:
//! the power, an I/O error before or after the deed, a full disk.
//!
//! `WATCHFIRE_SIM_EVERY` is the distance from one operation to the next (`make sim` tries every one).

use crate::number;
use crate::script::Step;
use crate::world::{Totals, World};
use std::time::Instant;
use watchfire_store::Fault;

const EVERY_DEFAULT: u64 = 37;
/// Rounds of 40 minutes: more than the retention of samples, so that blocks retire.
const ROUNDS: u64 = 7;
const ROUND_MS: i64 = 2_400_000;

#[derive(Debug, Clone, Copy)]
enum Trouble {
    PowerCut,
    Fault(Fault),
}

fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    for round in 0..ROUNDS {
        steps.extend([Step::AppendLogs { records: 9 }, Step::CommitLogs]);
        let late_ms = if round % 4 == 3 { ROUND_MS } else { 0 };
        steps.extend([Step::AppendSamples { series: 8, late_ms: 0 }, Step::AppendSamples { series: 3, late_ms }]);
        steps.extend([Step::CommitSamples, Step::Advance { ms: ROUND_MS / 2 }, Step::AppendLogs { records: 2 }]);
        if round % 2 == 1 {
            steps.push(Step::FlushLogs);
        }
        steps.extend([
            Step::CommitLogs,
            Step::AppendSamples { series: 5, late_ms: 0 },
            Step::Advance { ms: ROUND_MS / 2 },
        ]);
        steps.extend([Step::MaintainMetrics, Step::MaintainLogs]);
        if round % 3 == 2 {
            steps.extend([Step::CompactLogs, Step::CompactMetrics]);
        }
        if round == 3 {
            steps.push(Step::Restart);
        }
    }
    steps
}

/// Operations of the run when nothing goes wrong.
fn operations() -> u64 {
    let mut world = World::new(1);
    for step in steps() {
        world.step(step).expect("nothing goes wrong");
    }
    world.storage.operations()
}

fn run(trouble: Trouble, at: u64) -> Result<Totals, String> {
    let mut world = World::new(at);
    match trouble {
        Trouble::PowerCut => world.step(Step::Unplug { ahead: at })?,
        Trouble::Fault(fault) => world.step(Step::Fail { ahead: at, fault })?,
    }
    let mut is_over = false;
    for (place, step) in steps().into_iter().enumerate() {
        world.step(step).map_err(|violation| format!("step {place}, {step:?}: {violation}"))?;
        if !is_over && world.storage.operations() >= at {
            is_over = true;
            if matches!(trouble, Trouble::PowerCut) {
                world.power_cut()?;
                break;
            }
            // From here on everything has to work again.
            world.step(Step::Mend)?;
            world.step(Step::Advance { ms: 61_000 })?;
        }
    }
    world.finish()
}

#[test]
fn trouble_at_every_operation_breaks_no_promise() {
    let begun = Instant::now();
    let operations = operations();
    let every = number("WATCHFIRE_SIM_EVERY").unwrap_or(EVERY_DEFAULT).max(1);
    let troubles = [
        Trouble::PowerCut,
        Trouble::Fault(Fault::Io),
        Trouble::Fault(Fault::IoAfterwards),
        Trouble::Fault(Fault::Full),
    ];
    let mut all = Totals::default();
    let mut failures = Vec::new();
    let mut runs = 0;
    for trouble in troubles {
        for at in (1..=operations).step_by(usize::try_from(every).expect("a small distance")) {
            runs += 1;
            match run(trouble, at) {
                Ok(totals) => all.add(totals),
                Err(violation) => failures.push(format!("{trouble:?} at operation {at}: {violation}")),
            }
        }
    }
    println!(
        "every operation: {runs} runs over {operations} operations, {} failed; {} records and {} samples acknowledged; {:.0} s",
        failures.len(),
        all.records_acknowledged,
        all.samples_acknowledged,
        begun.elapsed().as_secs_f64(),
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
