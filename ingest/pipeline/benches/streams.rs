//! CPU seconds that giving a million records their streams takes on one thread, by the kind of the rules; beside it the
//! time of asking each rule in turn.
//!
//! `cargo bench -p watchfire-pipeline --bench streams -- messages.ndjson`: a file of GELF messages, one a line.

#![expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::hint::black_box;
use watchfire_gelf::{Arrival, Decoded, Decoder, MessageLimits};
use watchfire_model::{LogFilter, LogRecord, TimeNs};
use watchfire_pipeline::{STREAMS_MAX, StreamName, StreamRule, StreamRules};

const ROUNDS: usize = 3;
/// Records that asking each rule in turn is measured on.
const NAIVE_RECORDS: usize = 50_000;
/// What kinds of rules there are; `#` is the number of the rule.
const KINDS: [(&str, &str); 6] = [
    ("one field, by value", "service:service-#"),
    ("two fields, by value", "service:service-# AND env:prod"),
    ("a word of the message", "message:word#"),
    ("a word anywhere", "word#"),
    ("severity and a field", "level:<=error AND container_name:*-#"),
    ("a number", "status:>=#"),
];

fn main() {
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let text = file.map_or_else(own_messages, |path| std::fs::read(path).expect("the file can be read"));
    let records = decode(&text);
    println!("{} records, {STREAMS_MAX} streams; seconds for a million records", records.len());
    for (kind, query) in KINDS {
        measure(kind, &vec![query; STREAMS_MAX], &records);
    }
    let mixed: Vec<&str> = KINDS.iter().map(|(_, query)| *query).cycle().take(STREAMS_MAX).collect();
    measure("all kinds", &mixed, &records);
    measure("no rules", &[], &records);
}

fn own_messages() -> Vec<u8> {
    let message = |n: u32| {
        format!(
            "{{\"version\":\"1.1\",\"host\":\"node-{:02}\",\"short_message\":\"GET /v1/items/{n} word{} in {}ms\",\
             \"timestamp\":1795046400.{:03},\"level\":6,\"_service\":\"service-{}\",\"_env\":\"prod\",\
             \"_container_name\":\"items-{}\",\"_status\":{}}}\n",
            n % 20,
            n % 1000,
            n % 77,
            n % 1000,
            n % 200,
            n % 200,
            n % 600
        )
    };
    (0..200_000).flat_map(|n| message(n).into_bytes()).collect()
}

fn decode(text: &[u8]) -> Vec<LogRecord> {
    let arrival = Arrival { sender: [10, 0, 0, 1].into(), received: TimeNs(1_800_000_000_000_000_000) };
    let mut decoder = Decoder::new(MessageLimits::default());
    let mut decoded = Decoded::default();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        decoder.decode(line, &arrival, &mut decoded);
    }
    decoded.records
}

/// The services of real files have names of their own: the rules take them in turn.
fn spell(query: &str, rule: usize, records: &[LogRecord]) -> String {
    let services = ["service", "container_name"].map(|name| {
        let of = records.iter().skip(rule * 37 % records.len().max(1)).find_map(|record| record.field(name));
        of.map_or_else(|| format!("{name}-{rule}"), |value| value.to_text().to_string())
    });
    query.replace("service-#", &format!("\"{}\"", services[0])).replace('#', &rule.to_string())
}

/// Seconds that this thread has had a core, whatever else the machine does.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells the time of threads");
    let running = text.split(' ').next().and_then(|number| number.parse::<f64>().ok());
    running.expect("the first number is the time on a core in ns") / 1e9
}

fn measure(kind: &str, queries: &[&str], records: &[LogRecord]) {
    let filter = |(rule, query): (usize, &&str)| {
        let text = spell(query, rule, records);
        watchfire_logquery::parse(&text).expect("a valid query").filter
    };
    let filters: Vec<LogFilter> = queries.iter().enumerate().map(filter).collect();
    let rules = filters.iter().enumerate().map(|(rule, filter)| StreamRule {
        name: StreamName::parse(&format!("s{rule}")).expect("a name"),
        filter: filter.clone(),
        remove_from_default: false,
    });
    let rules = StreamRules::compile(rules.collect()).expect("at most 100 rules");
    let per_million = |seconds: f64, count: usize| seconds * 1e6 / count.max(1) as f64;
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = cpu_seconds();
        for record in records {
            black_box(rules.streams_of(record));
        }
        best = best.min(per_million(cpu_seconds() - start, records.len()));
    }
    let few = &records[..NAIVE_RECORDS.min(records.len())];
    let start = cpu_seconds();
    for record in few {
        for filter in &filters {
            black_box(filter.matches(record));
        }
    }
    let naive = per_million(cpu_seconds() - start, few.len());
    let matched = few.iter().filter(|record| rules.streams_of(record).contains(',')).count();
    let percent = matched as f64 * 100.0 / few.len().max(1) as f64;
    println!("{kind:24} {best:7.3} s   each in turn {naive:7.3} s   {percent:3.0} % of the records match");
}
