//! CPU seconds that decoding a million messages takes, on one thread and with the server's allocator: each message for
//! itself, plain and gzipped, and as bodies of many lines.
//!
//! `cargo bench -p watchfire-gelf -- messages.ndjson`: a file of messages, one a line (the benchmark kit's
//! `loggen ndjson` writes one). Without a file it makes messages of its own.

#![expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use watchfire_gelf::{Arrival, Decoded, Decoder, MessageLimits};
use watchfire_model::{ByteSize, TimeNs};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 7;
/// Datagrams that one system call brings.
const BATCH_LEN: usize = 64;
/// Messages of a body.
const BODY_LEN: usize = 5000;

fn main() {
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let text = file.map_or_else(own_messages, |path| std::fs::read(path).expect("the file can be read"));
    let plain: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let gzipped: Vec<Vec<u8>> = plain.iter().map(|message| gzip(message)).collect();
    let bodies: Vec<Vec<u8>> = plain.chunks(BODY_LEN).map(|lines| lines.join(&b'\n')).collect();
    measure("datagrams, plain", &plain, plain.len());
    measure("datagrams, gzip", &as_slices(&gzipped), plain.len());
    measure("bodies", &as_slices(&bodies), plain.len());
}

fn as_slices(payloads: &[Vec<u8>]) -> Vec<&[u8]> {
    payloads.iter().map(Vec::as_slice).collect()
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
fn measure(name: &str, payloads: &[&[u8]], n_messages: usize) {
    let arrival = Arrival { sender: [10, 0, 0, 1].into(), received: TimeNs(1_800_000_000_000_000_000) };
    let limits = MessageLimits { decompressed_max: ByteSize::from_mib(64), ..MessageLimits::default() };
    let mut decoder = Decoder::new(limits);
    let round = || {
        let started = cpu_seconds();
        let mut n_records = 0;
        let batch_len = if payloads.len() == n_messages { BATCH_LEN } else { 1 };
        for batch in payloads.chunks(batch_len) {
            let mut decoded = Decoded::default();
            for payload in batch {
                decoder.decode(payload, &arrival, &mut decoded);
            }
            n_records += decoded.records.len();
        }
        assert_eq!(n_records, n_messages, "every message is a record");
        (cpu_seconds() - started) / n_messages as f64 * 1e6
    };
    let best = std::iter::repeat_with(round).take(ROUNDS).fold(f64::INFINITY, f64::min);
    println!("{name}: {best:.3} CPU seconds for a million of {n_messages} messages");
}

/// CPU time of this thread.
fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live variable.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "Linux has this clock");
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
