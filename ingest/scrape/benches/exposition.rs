//! Megabytes of a `node_exporter` page (text 0.0.4) that one core reads in a CPU second: every line anew, where the page looks like
//! the one before, and as OpenMetrics; beside it `prometheus-parse`.
//!
//! `cargo bench -p watchfire-scrape --bench exposition [-- page.txt]`

#![expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::hint::black_box;
use watchfire_scrape::{Entry, Exposition, Format, ReadOptions, SampleValue, TextParser};

/// CPU seconds for which each way is measured.
const SECONDS: f64 = 1.0;

fn main() {
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let own = || include_str!("../tests/data/node_exporter.txt").to_owned();
    let page = file.map_or_else(own, |path| std::fs::read_to_string(path).expect("the page can be read"));
    println!("{} bytes, {} samples", page.len(), read_anew(&page, Format::Text));
    measure("every line anew", page.len(), || read_anew(&page, Format::Text));
    let passages = passages(&page);
    measure("known lines", page.len(), || read_known(&page, &passages));
    let strict = openmetrics(&page);
    measure("OpenMetrics, of gauges", strict.len(), || read_anew(&strict, Format::OpenMetrics));
    measure("prometheus-parse", page.len(), || {
        let lines = page.lines().map(|line| Ok(line.to_owned()));
        prometheus_parse::Scrape::parse(lines).map_or(0, |scrape| scrape.samples.len())
    });
}

/// Runs `read` for a while, and says how fast it was.
fn measure(name: &str, bytes: usize, read: impl Fn() -> usize) {
    let begin = cpu_seconds();
    let (mut rounds, mut samples) = (0, 0);
    while cpu_seconds() - begin < SECONDS {
        for _ in 0..20 {
            samples += black_box(read());
            rounds += 1;
        }
    }
    let seconds = cpu_seconds() - begin;
    let megabytes = (bytes * rounds) as f64 / 1e6;
    println!(
        "{name:24} {:7.0} MB/s  {:7.4} s per million samples",
        megabytes / seconds,
        seconds * 1e6 / samples as f64
    );
}

/// Reads all samples; returns how many.
fn read_anew(page: &str, format: Format) -> usize {
    let mut exposition = Exposition::new(page.as_bytes(), format, ReadOptions::default()).expect("it is UTF-8");
    let (mut count, mut sum) = (0, 0.0);
    while let Some(entry) = exposition.next_entry().expect("the page is good") {
        if let Entry::Sample(sample) = entry
            && let SampleValue::Float(value) = sample.value
        {
            count += 1;
            sum += value;
        }
    }
    black_box(sum);
    count
}

fn passages(page: &str) -> Vec<(String, usize)> {
    let mut parser = TextParser::new(page);
    let mut passages = Vec::new();
    while let Some(entry) = parser.next_entry().expect("the page is good") {
        if let Entry::Sample(sample) = entry {
            passages.push((sample.passage.to_owned(), sample.lines));
        }
    }
    passages
}

fn read_known(page: &str, passages: &[(String, usize)]) -> usize {
    let mut parser = TextParser::new(str::from_utf8(black_box(page.as_bytes())).expect("it is UTF-8"));
    let mut sum = 0.0;
    for (passage, lines) in passages {
        let (value, _) = parser.take_known(passage, *lines).expect("the page is known");
        sum += value;
    }
    black_box(sum);
    passages.len()
}

/// The samples of a page without its metadata, as the stricter format wants them.
fn openmetrics(page: &str) -> String {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples.flat_map(|line| [line, "\n"]).chain(["# EOF\n"]).collect()
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux");
    let nanoseconds = stat.split(' ').next().and_then(|text| text.parse::<f64>().ok()).expect("a number");
    nanoseconds / 1e9
}
