//! The power fails at any operation of any run: what was synced is there, and the stores open.
//!
//! `WATCHFIRE_SIM_CUTS` says how many (`make sim-long` makes 5,000).

use crate::number;
use crate::random::Random;
use crate::script::{Step, script};
use crate::world::{Totals, World};
use std::time::Instant;

const CUTS_DEFAULT: u64 = 12;
/// Steps of one run.
const STEPS: usize = 120;
/// Far into the numbers, away from the seeds of other tests.
const SEEDS_FROM: u64 = 1 << 32;
/// Operations within which the power fails.
const OPERATIONS_MAX: u64 = 600;

fn run(seed: u64) -> Result<Totals, String> {
    let mut random = Random::new(seed);
    let at = random.within(1..OPERATIONS_MAX);
    let mut world = World::new(seed);
    world.step(Step::Unplug { ahead: at })?;
    for step in script(seed, STEPS) {
        let brings_back = matches!(step, Step::Mend | Step::Restart | Step::PowerCut | Step::Fail { .. });
        if brings_back || matches!(step, Step::Unplug { .. } | Step::Fill { .. }) {
            continue;
        }
        world.step(step).map_err(|violation| format!("{step:?}: {violation}"))?;
        if world.storage.operations() >= at {
            break;
        }
    }
    world.power_cut().map_err(|violation| format!("after the power cut: {violation}"))?;
    world.finish()
}

#[test]
fn power_cuts_lose_and_double_nothing() {
    let begun = Instant::now();
    let cuts = number("WATCHFIRE_SIM_CUTS").unwrap_or(CUTS_DEFAULT);
    let mut all = Totals::default();
    let mut failures = Vec::new();
    for seed in SEEDS_FROM..SEEDS_FROM + cuts {
        match run(seed) {
            Ok(totals) => all.add(totals),
            Err(violation) => failures.push(format!("power cut {seed}: {violation}")),
        }
    }
    println!(
        "power cuts: {cuts} runs, {} failed; {} records and {} samples acknowledged, {} records without an answer there \
         afterwards; {:.0} s",
        failures.len(),
        all.records_acknowledged,
        all.samples_acknowledged,
        all.records_back,
        begun.elapsed().as_secs_f64(),
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
