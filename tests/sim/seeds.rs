//! Random runs: each seed is a script of operations and faults, and must keep every promise.
//!
//! `WATCHFIRE_SIM_SEEDS` says how many seeds run (`make sim SEEDS=500`), `WATCHFIRE_SIM_FIRST` where they begin,
//! `WATCHFIRE_SIM_SEED` runs a single one and prints its steps and operations. `seeds.txt` holds those that once failed.

use crate::number;
use crate::script::{STEPS, script};
use crate::world::{Events, Totals, World};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// Seeds of a usual `cargo test`.
const SEEDS_DEFAULT: u64 = 6;
/// Every so many seeds one is run twice, and the events have to be the same.
const TWICE_EVERY: u64 = 2;

/// Carries out a seed's run. Its events are comparable with those of the same seed, unless chance had a hand in it.
fn run(seed: u64) -> Result<(Totals, Option<Events>), String> {
    let is_traced = std::env::var_os("WATCHFIRE_SIM_SEED").is_some();
    let mut world = World::new(seed);
    if is_traced {
        world.trace();
    }
    for (place, step) in script(seed, STEPS).into_iter().enumerate() {
        if is_traced {
            eprintln!("{place}: {step:?} (operation {})", world.storage.operations());
        }
        let done = catch_unwind(AssertUnwindSafe(|| world.step(step)));
        let done = done.unwrap_or_else(|_| Err("a panic".to_owned()));
        done.map_err(|violation| format!("step {place}, {step:?}: {violation}"))?;
    }
    let totals = catch_unwind(AssertUnwindSafe(|| world.finish())).unwrap_or_else(|_| Err("a panic".to_owned()))?;
    let raced = world.has_raced();
    Ok((totals, (!raced).then_some(world.events)))
}

fn again(seed: u64) -> String {
    format!("run it again with WATCHFIRE_SIM_SEED={seed} cargo test --test sim -- seeds --nocapture")
}

#[test]
fn seeds_keep_every_promise() {
    let begun = Instant::now();
    let known = include_str!("seeds.txt").lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
    let first = number("WATCHFIRE_SIM_FIRST").unwrap_or(1);
    let seeds: Vec<u64> = match number("WATCHFIRE_SIM_SEED") {
        Some(seed) => vec![seed],
        None => known.chain(first..first + number("WATCHFIRE_SIM_SEEDS").unwrap_or(SEEDS_DEFAULT)).collect(),
    };
    let mut all = Totals::default();
    let mut failures = Vec::new();
    let mut twice = 0;
    for &seed in &seeds {
        match run(seed) {
            Ok((totals, events)) => {
                all.add(totals);
                if seed % TWICE_EVERY == 0
                    && let (Some(events), Ok((_, Some(again)))) = (events, run(seed))
                {
                    twice += 1;
                    if again.hash() != events.hash() {
                        let difference = events.difference(&again);
                        failures.push(format!("seed {seed}: other events at the second time: {difference:?}"));
                    }
                }
            }
            Err(violation) => {
                println!("seed {seed}: {violation}; {}", again(seed));
                failures.push(format!("seed {seed}: {violation}"));
            }
        }
    }
    println!(
        "sim: {} seeds of {STEPS} steps, {} failed; records {} acknowledged, {} refused, {} without an answer there after \
         a power cut; samples {} acknowledged, {} refused; {twice} seeds run twice with the same events; {:.0} s",
        seeds.len(),
        failures.len(),
        all.records_acknowledged,
        all.records_refused,
        all.records_back,
        all.samples_acknowledged,
        all.samples_refused,
        begun.elapsed().as_secs_f64(),
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
