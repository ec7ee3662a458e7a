//! CPU milliseconds of the engine alone for each query of a list, over series in memory:
//! `cargo bench -p watchfire-promql --bench queries -- [RUNS] [NAME]`, RUNS 3 unless said, NAME a part of the queries' names.
//! The list is `bench/metrics/queries.txt` of the shared folder (`WATCHFIRE_SHARED`), the data have its shape: five
//! targets of 1,000 series, a sample every 15 s for 24 h. With `WATCHFIRE_HELPERS=1` a second thread helps.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod fleet;

use fleet::{END, Fleet, START};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use watchfire_model::{QueryBudget, Timestamp};
use watchfire_promql::{Engine, ScopedHelpers, Value, parse};

fn main() {
    let shared = std::env::var_os("WATCHFIRE_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    let list = shared.join("bench/metrics/queries.txt");
    let Ok(list) = fs::read_to_string(&list) else {
        println!("skipped: no {}", list.display());
        return;
    };
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let runs: u32 = args.first().and_then(|runs| runs.parse().ok()).unwrap_or(3);
    let wanted = args.get(1).map_or("", String::as_str);
    let helpers: usize = std::env::var("WATCHFIRE_HELPERS").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    let engine = Engine::default().with_helpers(Arc::new(ScopedHelpers::new(helpers)));
    let fleet = Fleet::new();
    println!("{:<22} {:>9} {:>9} {:>8} {:>10}", "query", "CPU ms", "wall ms", "series", "points");
    let (mut cpu_sum, mut wall_sum) = (0.0, 0.0);
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.splitn(5, '|').map(str::trim).collect();
        let [name, kind, range_s, step_s, text] = columns[..] else { continue };
        if !name.contains(wanted) || !matches!(kind, "instant" | "range") {
            continue;
        }
        let (Ok(range_s), Ok(step_s)) = (range_s.parse::<i64>(), step_s.parse::<i64>()) else { continue };
        let Ok(expr) = parse(text) else { continue };
        let start = if kind == "range" { (END - range_s * 1000).max(START) } else { END };
        let mut best = (f64::INFINITY, f64::INFINITY, 0, 0);
        for _ in 0..=runs {
            let (wall, cpu) = (Instant::now(), cpu_ms());
            let budget = QueryBudget::unlimited();
            let output = if kind == "range" {
                engine.range(&fleet, &expr, Timestamp(start), Timestamp(END), step_s * 1000, &budget)
            } else {
                engine.instant(&fleet, &expr, Timestamp(END), &budget)
            };
            let Ok(output) = output else { continue };
            let (series, points) = size(&output.value);
            let cpu = cpu_ms() - cpu;
            if cpu < best.0 {
                best = (cpu, wall.elapsed().as_secs_f64() * 1000.0, series, points);
            }
        }
        println!("{name:<22} {:>9.3} {:>9.3} {:>8} {:>10}", best.0, best.1, best.2, best.3);
        cpu_sum += best.0;
        wall_sum += best.1;
    }
    println!("{:<22} {cpu_sum:>9.1} {wall_sum:>9.1}", "all");
}

fn size(value: &Value) -> (usize, usize) {
    match value {
        Value::Scalar { .. } | Value::String { .. } => (0, 1),
        Value::Vector(all) => (all.len(), all.len()),
        Value::Matrix(all) => (all.len(), all.iter().map(|one| one.times.len() + one.histograms.len()).sum()),
    }
}

/// What all threads of this process have used.
fn cpu_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1000.0 + time.tv_nsec as f64 / 1e6
}
