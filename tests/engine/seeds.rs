//! Random records and queries over the whole life of a store.
//!
//! `WATCHFIRE_ENGINE_SEEDS` says how many lives (`make engine SEEDS=1000`), `WATCHFIRE_ENGINE_SEED` runs a single one.

use crate::answers::{self, Question};
use crate::ask::Ask;
use crate::messages::{SPAN_S, START_S};
use crate::number;
use crate::pipes;
use crate::random::Random;
use crate::stats;
use crate::text::text;
use crate::world::{Step, World};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use watchfire_model::{TimeNs, TimeRangeNs};

/// Lives of a usual `cargo test`.
const SEEDS_DEFAULT: u64 = 4;
/// Queries in each state of a store.
const QUERIES: u64 = 6;
/// Granules hold up to 8,192 rows: in every so many lives (none of a usual `cargo test`) a stream has more records than one.
const LARGE_EVERY: u64 = 8;
const LARGE: u64 = 20_000;

fn steps(seed: u64, random: &mut Random) -> Vec<Step> {
    let mut steps = vec![Step::Append(random.within(1..300))];
    if seed.is_multiple_of(LARGE_EVERY) {
        steps.extend([Step::Append(LARGE), Step::Flush, Step::Append(9000), Step::Flush, Step::Compact]);
    }
    for _ in 0..random.within(3..6) {
        let step = match random.within(0..8) {
            0..=2 => Step::Append(random.within(1..200)),
            3 | 4 => Step::Flush,
            5 => Step::Compact,
            _ => Step::Restart,
        };
        steps.push(step);
    }
    steps.extend([Step::Flush, Step::Append(random.within(1..100)), Step::Compact, Step::Restart]);
    steps
}

/// Queries asked, and records that they found.
#[derive(Debug, Default)]
struct Totals {
    queries: u64,
    found: u64,
    /// Queries that found some records and not all.
    telling: u64,
    /// Queries with pipes that were answered.
    piped: u64,
}

fn run(seed: u64, totals: &mut Totals) -> Result<(), String> {
    let mut random = Random::new(seed);
    let mut world = World::new(seed);
    for (place, step) in steps(seed, &mut random).into_iter().enumerate() {
        world.step(step, &mut random);
        let queries = if matches!(step, Step::Append(LARGE)) { 2 } else { QUERIES };
        for _ in 0..queries {
            query(&world, &mut random, totals).map_err(|fault| format!("step {place}, {step:?}: {fault}"))?;
        }
    }
    Ok(())
}

fn query(world: &World, random: &mut Random, totals: &mut Totals) -> Result<(), String> {
    let ask = Ask::any(random, 2);
    let fail = |fault: String| format!("{ask:?}: {fault}");
    let filter = ask.filter();
    let range = range(random);
    let wanted = answers::wanted(&world.records, range, |record| ask.is_met(record));
    totals.queries += 1;
    totals.found += wanted.len() as u64;
    totals.telling += u64::from(!wanted.is_empty() && wanted.len() < world.records.len());
    let question = Question { filter: &filter, range };
    answers::check(world, &question, &wanted, random).map_err(fail)?;
    stats::check(world, &question, &wanted, random).map_err(fail)?;
    let is_answered = pipes::check(world, &text(&ask, random), range, random)?;
    totals.piped += u64::from(is_answered);
    Ok(())
}

fn range(random: &mut Random) -> TimeRangeNs {
    if random.one_in(2) {
        return TimeRangeNs::ALL;
    }
    let start = START_S * 1_000_000_000 + random.within(0..SPAN_S) as i64 * 1_000_000_000;
    let len = random.within(0..SPAN_S) as i64 * 1_000_000_000 / if random.one_in(2) { 1 } else { 100 };
    TimeRangeNs { start: TimeNs(start), end: TimeNs(start + len) }
}

#[test]
fn every_answer_is_that_of_a_plain_scan() {
    let begun = Instant::now();
    let seeds: Vec<u64> = match number("WATCHFIRE_ENGINE_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("WATCHFIRE_ENGINE_SEEDS").unwrap_or(SEEDS_DEFAULT)).collect(),
    };
    let mut totals = Totals::default();
    let mut faults = Vec::new();
    for &seed in &seeds {
        let done = catch_unwind(AssertUnwindSafe(|| run(seed, &mut totals)));
        if let Err(fault) = done.unwrap_or_else(|_| Err("a panic".to_owned())) {
            let fault = fault.chars().take(3000).collect::<String>();
            println!(
                "seed {seed}: {fault}; again with WATCHFIRE_ENGINE_SEED={seed} cargo test --test engine -- seeds --nocapture"
            );
            faults.push(format!("seed {seed}: {fault}"));
        }
    }
    println!(
        "engine: {} lives, {} failed; {} queries found {} records, {} of them some but not all, {} with pipes; {:.0} s",
        seeds.len(),
        faults.len(),
        totals.queries,
        totals.found,
        totals.telling,
        totals.piped,
        begun.elapsed().as_secs_f64(),
    );
    assert!(faults.is_empty(), "{} of {} lives fail", faults.len(), seeds.len());
}
