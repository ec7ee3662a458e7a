//! What samples cost: CPU, memory and disk of 100,000 series over three hours, on a directory; then of native histograms.
//!
//! `cargo bench -p watchfire-tsdb --bench append [-- <ticks> [<MiB>]]`; times are of the whole process, from /proc. At the
//! end the store is opened again, with so much memory for its head where that is given.
#![expect(clippy::print_stdout, reason = "printing figures is what this program is for")]

use std::fs;
use std::sync::Arc;
use std::time::Instant;
use watchfire_model::{
    ByteSize, Histogram, Labels, Point, PointValue, QueryBudget, Sample, Samples, SeriesSource, TimeNs, TimeRange,
    Timestamp,
};
use watchfire_store::{DirStorage, ManualClock};
use watchfire_tsdb::{SeriesId, Tsdb, TsdbOptions};

const TARGETS: usize = 100;
const SERIES_PER_TARGET: usize = 1000;
const STEP_MS: i64 = 15_000;
/// A multiple of two hours.
const START_MS: i64 = 1_800_000_000_000;

fn main() {
    let mut numbers = std::env::args().filter_map(|arg| arg.parse::<i64>().ok());
    let (ticks, head_mib) = (numbers.next().unwrap_or(730), numbers.next());
    let directory = tempfile::tempdir().expect("a directory for the store");
    let clock = Arc::new(ManualClock::new(TimeNs(START_MS * 1_000_000)));
    let open = |head_mib: Option<i64>| {
        let storage = DirStorage::open(directory.path()).expect("an empty directory");
        let defaults = TsdbOptions::default();
        let head_bytes_max = head_mib.map_or(defaults.head_bytes_max, |mib| ByteSize::from_mib(mib as u64));
        let options = TsdbOptions { head_bytes_max, ..defaults };
        Tsdb::open(Arc::new(storage), Arc::clone(&clock) as _, options).expect("the store opens")
    };
    // Nothing is refused while the log is made longer than the head may be.
    let tsdb = open(Some(1 << 20));
    let n_series = (TARGETS * SERIES_PER_TARGET) as f64;

    let rss_before = rss_bytes();
    let (cpu, started) = (cpu_seconds(), Instant::now());
    let ids: Vec<Vec<SeriesId>> = (0..TARGETS).map(|target| register(&tsdb, target)).collect();
    println!(
        "register: {:.2} us CPU, {:.2} us wall per series, labels built included",
        (cpu_seconds() - cpu) / n_series * 1e6,
        started.elapsed().as_secs_f64() / n_series * 1e6
    );
    println!("after registering: {:.0} B RSS per series", (rss_bytes() - rss_before) / n_series);

    let mut signals: Vec<Signal> = (0..TARGETS * SERIES_PER_TARGET).map(Signal::new).collect();
    let (mut cpu, mut started) = (cpu_seconds(), Instant::now());
    let mut measured = 0;
    for tick in 0..ticks {
        clock.advance_ms(STEP_MS);
        for (target, ids) in ids.iter().enumerate() {
            let time = Timestamp(START_MS + tick * STEP_MS + target as i64 * 149);
            let signals = &mut signals[target * SERIES_PER_TARGET..][..SERIES_PER_TARGET];
            let batch: Vec<_> =
                ids.iter().zip(signals).map(|(id, signal)| (*id, Sample { time, value: signal.next() })).collect();
            tsdb.append(&batch).expect("the directory takes it");
        }
        tsdb.commit().expect("the directory takes it");
        measured += TARGETS * SERIES_PER_TARGET;
        if tick == 20 || tick == ticks - 1 {
            let samples = measured as f64 / 1e6;
            println!(
                "{} ticks: {:.3} CPU s, {:.3} s per M samples (100 targets, a commit a tick)",
                tick + 1,
                (cpu_seconds() - cpu) / samples,
                started.elapsed().as_secs_f64() / samples
            );
            println!(
                "  {:.0} B RSS per series, {:.0} B of it in the head's structures",
                (rss_bytes() - rss_before) / n_series,
                tsdb.head_bytes() as f64 / n_series
            );
            (cpu, started, measured) = (cpu_seconds(), Instant::now(), 0);
        }
    }

    let (cpu, started) = (cpu_seconds(), Instant::now());
    tsdb.maintain().expect("the directory takes it");
    let status = tsdb.status();
    println!(
        "flush: {:.2} CPU s, {:.2} s; {} B of log",
        cpu_seconds() - cpu,
        started.elapsed().as_secs_f64(),
        status.wal_bytes
    );
    for block in &status.blocks {
        println!(
            "block: {} series, {} samples, {:.3} B per sample",
            block.series,
            block.samples,
            block.bytes as f64 / block.samples as f64
        );
    }
    println!("after the flush: {:.0} B RSS per series", (rss_bytes() - rss_before) / n_series);

    let (cpu, started) = (cpu_seconds(), Instant::now());
    let steps = tsdb.compact().expect("the directory takes it");
    println!("merge: {:.2} CPU s, {:.2} s; {steps} steps", cpu_seconds() - cpu, started.elapsed().as_secs_f64());

    read_all(&tsdb, "first");
    read_all(&tsdb, "second");
    drop(tsdb);
    // From here on the peak is counted anew.
    fs::write("/proc/self/clear_refs", "5").expect("/proc is there");
    let (cpu, started, rss) = (cpu_seconds(), Instant::now(), rss_bytes());
    let tsdb = open(head_mib);
    let opened = started.elapsed().as_secs_f64();
    tsdb.wait_ready().expect("the directory can be read");
    println!(
        "opened again in {opened:.3} s, the log read in {:.2} s ({:.2} CPU s) with {} samples in the head",
        started.elapsed().as_secs_f64(),
        cpu_seconds() - cpu,
        tsdb.status().head_samples
    );
    println!(
        "  {:.0} MiB RSS at most, {:.0} MiB before; {} blocks, {:.0} MiB of head",
        peak_rss_bytes() / 1_048_576.0,
        rss / 1_048_576.0,
        tsdb.status().blocks.len(),
        tsdb.head_bytes() as f64 / 1_048_576.0
    );
    drop(tsdb);
    histograms();
}

/// 200 series of histograms with up to 60 buckets, counters each, over one window.
fn histograms() {
    const SERIES: usize = 200;
    const TICKS: i64 = 480;
    let directory = tempfile::tempdir().expect("a directory for the store");
    let clock = Arc::new(ManualClock::new(TimeNs(START_MS * 1_000_000)));
    let storage = DirStorage::open(directory.path()).expect("an empty directory");
    let tsdb = Tsdb::open(Arc::new(storage), Arc::clone(&clock) as _, TsdbOptions::default()).expect("the store opens");
    let ids = register(&tsdb, 0);
    let mut counts = vec![[0u32; 60]; SERIES];
    let (mut random, mut spent) = (1u64, 0.0);
    for tick in 0..TICKS {
        clock.advance_ms(STEP_MS);
        let mut points = Vec::with_capacity(SERIES);
        for (id, counts) in ids.iter().zip(&mut counts) {
            for count in &mut *counts {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *count += (random >> 61) as u32;
            }
            let total = counts.iter().sum::<u32>();
            let positive = (0..).zip(&*counts).filter(|(_, count)| **count > 0);
            let histogram = Histogram {
                schema: 3,
                count: f64::from(total),
                sum: f64::from(total) * 0.173,
                positive: positive.map(|(index, count)| (index, f64::from(*count))).collect(),
                ..Histogram::empty()
            };
            let (time, start) = (Timestamp(START_MS + tick * STEP_MS), Some(Timestamp(START_MS - 7)));
            points.push((*id, Point { time, start, value: PointValue::Histogram(Arc::new(histogram)) }));
        }
        let cpu = cpu_seconds();
        tsdb.append_points(&points).expect("the directory takes it");
        tsdb.commit().expect("the directory takes it");
        spent += cpu_seconds() - cpu;
    }
    let n_histograms = (SERIES as i64 * TICKS) as f64;
    println!(
        "histograms of 60 buckets: {:.2} us CPU each to append; {:.0} B each in the head, {:.0} B in the log",
        spent / n_histograms * 1e6,
        tsdb.head_bytes() as f64 / n_histograms,
        tsdb.status().wal_bytes as f64 / n_histograms
    );
    let cpu = cpu_seconds();
    drop(tsdb.pin().expect("the directory takes it"));
    let bytes = tsdb.status().blocks.iter().map(|block| block.bytes).sum::<u64>();
    println!(
        "  {:.2} us CPU each to flush, {:.1} B each in the block",
        (cpu_seconds() - cpu) / n_histograms * 1e6,
        bytes as f64 / n_histograms
    );
    let (cpu, budget, mut samples) = (cpu_seconds(), QueryBudget::unlimited(), Samples::default());
    for reader in &tsdb.select(&[], TimeRange::ALL, &budget).expect("the directory can be read") {
        samples.clear();
        reader.read(TimeRange::ALL, &budget, &mut samples).expect("the directory can be read");
    }
    println!("  {:.2} us CPU each to read", (cpu_seconds() - cpu) / n_histograms * 1e6);
}

fn register(tsdb: &Tsdb, target: usize) -> Vec<SeriesId> {
    let series = |number: usize| {
        Labels::from_pairs([
            ("__name__", format!("bench_requests_metric_{}", number / 10)),
            ("instance", format!("10.0.{target}.17:9100")),
            ("job", "bench".to_owned()),
            ("cluster", "europe-west-1-production".to_owned()),
            ("namespace", format!("team-{}", target % 10)),
            ("pod", format!("service-{target}-7d9f8b6c5d-x{target}x")),
            ("code", format!("{}", 200 + number % 10)),
        ])
    };
    (0..SERIES_PER_TARGET).map(|number| tsdb.register(&series(number)).expect("below the limit")).collect()
}

/// Half counters, a third gauges with two digits, some constants and some noise.
struct Signal {
    kind: usize,
    random: u64,
    value: f64,
}

impl Signal {
    fn new(number: usize) -> Signal {
        Signal { kind: number % 12, random: number as u64 + 1, value: (number % 977) as f64 }
    }

    fn next(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = (self.random >> 40) as f64;
        self.value = match self.kind {
            0..6 => self.value + (random % 50.0).floor(),
            6..10 => ((self.value * 100.0 + random % 41.0 - 20.0).round() / 100.0).abs(),
            10 => self.value,
            _ => random.sqrt().sin(),
        };
        self.value
    }
}

fn read_all(tsdb: &Tsdb, which: &str) {
    let (cpu, budget, mut samples) = (cpu_seconds(), QueryBudget::unlimited(), Samples::default());
    let found = tsdb.select(&[], TimeRange::ALL, &budget).expect("the directory can be read");
    let selected = cpu_seconds() - cpu;
    for reader in &found {
        samples.clear();
        reader.read(TimeRange::ALL, &budget, &mut samples).expect("the directory can be read");
    }
    println!(
        "{which} query of everything: {selected:.2} CPU s to select, {:.3} CPU s per M samples",
        (cpu_seconds() - cpu) / budget.samples() as f64 * 1e6
    );
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
    // The 14th and 15th field, in hundredths of a second; the first two are before the parenthesis.
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn peak_rss_bytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0
}

fn rss_bytes() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4096.0
}
