//! Who sends at full speed until the server dies, and remembers what was acknowledged.

use super::remote_write::{Series, encode};
use crate::harness::request;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

/// Records of one body.
const BATCH: u64 = 20;
/// Of so many records one is too old to be kept.
const OLD_EVERY: u64 = 16;
const SERIES: u64 = 5;
/// Seconds between two samples of a series: hours of data come in within a moment, so that blocks come due.
const STEP_SECONDS: i64 = 240;

/// What one run was told: texts of records by id, and samples by series and time in ms.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    pub(super) ids: Vec<String>,
    pub(super) samples: BTreeMap<(String, i64), f64>,
    pub(super) refused: u64,
}

/// The text of a record: as long as real ones, and different in each.
pub(super) fn text(id: &str) -> String {
    format!("crash test {id} {}", "GET /v1/items/7731 refused by peer ".repeat(1 + id.len() % 9))
}

/// A GELF message; `run` finds those of one run. Old ones belong to a day that retention deletes.
fn message(run: u64, id: &str, timestamp: Option<f64>) -> String {
    let timestamp = timestamp.map_or(String::new(), |seconds| format!(",\"timestamp\":{seconds}"));
    format!("{{\"host\":\"h\",\"short_message\":\"{}\",\"_run\":{run},\"_id_text\":\"{id}\"{timestamp}}}", text(id))
}

/// Posts numbered batches until the server dies.
pub(super) fn post(http: SocketAddr, run: u64, worker: u64, old: f64, stop: &AtomicBool) -> Acknowledged {
    let mut told = Acknowledged::default();
    for batch in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let (old_ones, fresh): (Vec<u64>, Vec<u64>) = numbers.partition(|n| n % OLD_EVERY == 0);
        let name = |n: &u64| format!("h{run}-{worker}-{n}");
        let mut lines: Vec<String> = fresh.iter().map(|n| message(run, &name(n), None)).collect();
        lines.extend(old_ones.iter().map(|n| message(run, &format!("old-{}", name(n)), Some(old))));
        match request(http, "POST", "/gelf", &[], lines.join("\n").as_bytes()) {
            Ok(answer) if answer.status == 202 => told.ids.extend(fresh.iter().map(name)),
            Ok(_) => told.refused += 1,
            Err(_) => break,
        }
    }
    told
}

/// TCP has no acknowledgement: whatever arrives must not be doubled.
pub(super) fn stream(tcp: SocketAddr, run: u64, stop: &AtomicBool) {
    let Ok(mut stream) = TcpStream::connect(tcp) else { return };
    for n in 0.. {
        let frame = message(run, &format!("t{run}-{n}"), None) + "\0";
        if stop.load(Ordering::Relaxed) || stream.write_all(frame.as_bytes()).is_err() {
            return;
        }
    }
}

/// Writes samples [`STEP_SECONDS`] apart from `start_ms` on, until the server dies.
pub(super) fn write_samples(http: SocketAddr, run: u64, start_ms: i64, stop: &AtomicBool) -> Acknowledged {
    let mut told = Acknowledged::default();
    for step in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let time = start_ms + step * STEP_SECONDS * 1000;
        let series: Vec<Series> = (0..SERIES)
            .map(|number| Series {
                labels: vec![
                    ("__name__", "crash".to_owned()),
                    ("number", number.to_string()),
                    ("run", run.to_string()),
                ],
                samples: vec![(time, (step * 100 + number as i64) as f64 / 8.0)],
            })
            .collect();
        match request(http, "POST", "/api/v1/write", &HEADERS, &encode(&series)) {
            Ok(answer) if answer.status / 100 == 2 => {
                let samples =
                    series.into_iter().map(|series| ((series.labels[1].1.clone(), time), series.samples[0].1));
                told.samples.extend(samples);
            }
            // Without the receiver there is nothing to write.
            Ok(answer) if answer.status == 404 || answer.status == 405 => break,
            Ok(_) => told.refused += 1,
            Err(_) => break,
        }
    }
    told
}

const HEADERS: [(&str, &str); 3] = [
    ("Content-Type", "application/x-protobuf"),
    ("Content-Encoding", "snappy"),
    ("X-Prometheus-Remote-Write-Version", "0.1.0"),
];
