//! A start with much in the write-ahead log: it listens at once, reads the log back within its memory, and misses nothing.
//!
//! `WATCHFIRE_BIG_WAL_MIB` says how much (`make big-wal MIB=10240`, on the release binary).

use crate::harness::{Server, eventually_within};
use std::sync::Arc;
use std::time::{Duration, Instant};
use watchfire_logstore::{LogStore, LogStoreOptions};
use watchfire_model::{FieldValue, Level, LogRecord, TimeNs};
use watchfire_store::{Clock, DirStorage, MemStorage, Storage, SystemClock};
use watchfire_wal::{Position, Wal, WalOptions};

const MIB_DEFAULT: u64 = 16;
const LOG: &str = "wal/logs";
/// Different records; a log holds them over and over, numbered on.
const RECORDS: u64 = 40_000;
const BATCH: u64 = 1_000;
/// Place of the first record's number in a batch (storage/logstore/FORMAT.md, "Batch").
const SEQUENCE: std::ops::Range<usize> = 1..9;
/// `memory_limit` of the server, and by how much it may be exceeded.
const LIMIT_MIB: u64 = 512;
const LIMIT_SLACK_PERCENT: u64 = 15;
/// Until the address is bound, with any log.
const LISTEN_MAX: Duration = Duration::from_secs(5);
const REPLAY_MAX: Duration = Duration::from_mins(10);

fn record(number: u64, now: TimeNs) -> LogRecord {
    let random = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let text = |text: String| FieldValue::Text(text.into());
    LogRecord {
        time: now.plus_ns(number as i64 * 1_000_000 - 3_600_000_000_000),
        received: now,
        stream: LogRecord::DEFAULT_STREAM.into(),
        host: format!("node-{}", random % 40).into(),
        message: format!(
            "GET /v1/items/{} took {} ms, upstream refused the connection twice before request {random:016x} came through; \
             the customer's basket {} was kept for another {} s and {} retries are left to the worker that has it now",
            random % 9_973,
            random % 3_000,
            random % 700_001,
            random % 90,
            random % 7
        )
        .into(),
        level: Level::new((random % 8) as u8),
        fields: vec![
            ("request_id".into(), text(format!("{random:016x}"))),
            ("service".into(), text(format!("service-{}", random % 25))),
            ("took".into(), FieldValue::I64((random % 3_000) as i64)),
            ("version".into(), text(format!("1.{}.{}", random % 9, random % 30))),
        ],
    }
}

/// Payloads of the log as the store writes them.
fn payloads() -> Vec<Vec<u8>> {
    let storage: Arc<dyn Storage> = Arc::new(MemStorage::new(1));
    let clock = Arc::new(SystemClock);
    let now = clock.now();
    let logs = LogStore::open(Arc::clone(&storage), clock, LogStoreOptions::default()).expect("an empty store");
    for batch in 0..RECORDS / BATCH {
        let records = (batch * BATCH..(batch + 1) * BATCH).map(|number| record(number, now)).collect();
        let position = logs.append(records).expect("stored");
        logs.commit(position).expect("stored");
    }
    drop(logs);
    let mut payloads = Vec::new();
    let options = WalOptions::default();
    Wal::open(storage, LOG, options, Position::START, &mut |_, payload| payloads.push(payload.to_vec()))
        .expect("the log opens");
    payloads
}

/// Writes a log of so many bytes, and says how many records are in it.
fn fill(dir: &std::path::Path, bytes: u64) -> u64 {
    let storage: Arc<dyn Storage> = Arc::new(DirStorage::open(dir).expect("a directory"));
    let (wal, _) = Wal::open(storage, LOG, WalOptions::default(), Position::START, &mut |_, _| {}).expect("a new log");
    let mut payloads = payloads();
    let (mut written, mut sequence) = (0, 0_u64);
    'full: loop {
        for payload in &mut payloads {
            payload[SEQUENCE].copy_from_slice(&sequence.to_le_bytes());
            let position = wal.append(payload).expect("written");
            sequence += BATCH;
            written += payload.len() as u64;
            if written >= bytes {
                wal.commit(position).expect("durable");
                break 'full;
            }
        }
    }
    sequence
}

#[test]
fn a_big_log_is_read_back_within_its_memory() {
    let mib = std::env::var("WATCHFIRE_BIG_WAL_MIB").ok().and_then(|mib| mib.parse().ok()).unwrap_or(MIB_DEFAULT);
    let dir = tempfile::tempdir().expect("a directory");
    let records = fill(&dir.path().join("data"), mib << 20);
    let begun = Instant::now();
    let server = Server::with_config(dir.path(), &format!("memory_limit: {LIMIT_MIB}MiB\n"));
    let listening = begun.elapsed();
    // What comes meanwhile is taken, and answered once it is durable.
    let fresh = server.post("/gelf", &[], br#"{"host":"h","short_message":"fresh while replaying"}"#);
    assert_eq!(fresh.status, 202, "{}", fresh.body);
    eventually_within(REPLAY_MAX, || (server.get("/-/ready").status == 200).then_some(()))
        .unwrap_or_else(|| panic!("not ready within {REPLAY_MAX:?}: {}", server.get("/-/ready").body));
    let replayed = begun.elapsed();
    let peak_mib = peak_kib(server.id()) >> 10;
    println!(
        "big-wal: {mib} MiB, {records} records; listens after {} ms, all read back after {:.1} s ({:.0} MiB/s), memory limit \
         {LIMIT_MIB} MiB, at most {peak_mib} MiB resident",
        listening.as_millis(),
        replayed.as_secs_f64(),
        mib as f64 / replayed.as_secs_f64(),
    );
    let body = server.whole_answer("/api/watchfire/v1/logs/histogram?query=&start=0&end=4102444800&step=31536000");
    assert_eq!(body["total"].as_u64(), Some(records + 1), "every record once: {body}");
    assert!(peak_mib * 100 <= LIMIT_MIB * (100 + LIMIT_SLACK_PERCENT), "{peak_mib} MiB of {LIMIT_MIB} MiB");
    assert!(listening <= LISTEN_MAX, "listens after {listening:?}");
}

/// The most memory that the process ever had resident, in KiB.
fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
