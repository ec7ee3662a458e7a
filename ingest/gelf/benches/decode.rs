//! CPU seconds that decoding a million messages takes, plain and gzipped, on one thread.
//!
//! `cargo bench -p watchfire-gelf -- messages.ndjson`: a file of messages, one a line (the benchmark kit's
//! `loggen ndjson` writes one). Without a file it makes messages of its own.

#![expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use watchfire_gelf::{Arrival, Decoded, Decoder, MessageLimits};
use watchfire_model::TimeNs;

const ROUNDS: usize = 5;
/// Datagrams that one system call brings.
const BATCH_LEN: usize = 64;

fn main() {
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let text = file.map_or_else(own_messages, |path| std::fs::read(path).expect("the file can be read"));
    let plain: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let gzipped: Vec<Vec<u8>> = plain.iter().map(|message| gzip(message)).collect();
    measure("plain", &plain);
    measure("gzip", &gzipped.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

fn own_messages() -> Vec<u8> {
    let message = |n: u32| {
        format!(
            "{{\"version\":\"1.1\",\"host\":\"node-{:02}\",\"short_message\":\"GET /v1/items/{n} 200 in {}ms\",\
             \"timestamp\":1795046400.{:03},\"level\":6,\"_container_id\":\"{:064x}\",\
             \"_container_name\":\"items-{}\",\"_image_name\":\"registry.internal/items:1.2.6\"}}\n",
            n % 20,
            n % 77,
            n % 1000,
            n % 200,
            n % 200
        )
    };
    (0..100_000).flat_map(|n| message(n).into_bytes()).collect()
}

fn gzip(message: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(message).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

/// Prints the fastest of some rounds.
fn measure(name: &str, payloads: &[&[u8]]) {
    let arrival = Arrival { sender: [10, 0, 0, 1].into(), received: TimeNs(1_800_000_000_000_000_000) };
    let mut decoder = Decoder::new(MessageLimits::default());
    let round = || {
        let started = cpu_seconds();
        for batch in payloads.chunks(BATCH_LEN) {
            let mut decoded = Decoded::default();
            for payload in batch {
                decoder.decode(payload, &arrival, &mut decoded);
            }
            assert_eq!(decoded.records.len(), batch.len(), "every message is a record");
        }
        (cpu_seconds() - started) / payloads.len() as f64 * 1e6
    };
    let best = std::iter::repeat_with(round).take(ROUNDS).fold(f64::INFINITY, f64::min);
    println!("{name}: {best:.3} CPU seconds for a million of {} messages", payloads.len());
}

/// CPU time of this thread.
fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live variable.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "Linux has this clock");
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
