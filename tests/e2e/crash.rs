//! kill -9 during ingest: nothing acknowledged is lost, nothing is doubled, the directory opens every time.
//! `WATCHFIRE_CRASH_RUNS` sets the rounds (`make crash RUNS=200`).

use crate::harness::{Server, request};
use std::collections::HashMap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const ROUNDS_DEFAULT: u64 = 5;

/// Posts numbered batches until the server dies; returns the ids that it acknowledged.
fn post_until_killed(http: SocketAddr, round: u64, worker: u64, stop: &AtomicBool) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for batch in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let ids: Vec<String> = (0..20).map(|n| format!("h{round}-{worker}-{batch}-{n}")).collect();
        let line = |id: &String| format!("{{\"host\":\"h\",\"short_message\":\"crash test\",\"_id_text\":\"{id}\"}}");
        let lines = ids.iter().map(line).collect::<Vec<_>>().join("\n");
        match request(http, "POST", "/gelf", &[], lines.as_bytes()) {
            Ok(answer) if answer.status == 202 => acknowledged.extend(ids),
            _ => break,
        }
    }
    acknowledged
}

/// TCP has no acknowledgement: whatever arrives must not be doubled.
fn stream_until_killed(tcp: SocketAddr, round: u64, stop: &AtomicBool) {
    let Ok(mut stream) = TcpStream::connect(tcp) else { return };
    for n in 0.. {
        let frame = format!("{{\"host\":\"h\",\"short_message\":\"crash test\",\"_id_text\":\"t{round}-{n}\"}}\0");
        if stop.load(Ordering::Relaxed) || stream.write_all(frame.as_bytes()).is_err() {
            return;
        }
    }
}

#[test]
fn crash_rounds_lose_and_double_nothing() {
    let rounds =
        std::env::var("WATCHFIRE_CRASH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(ROUNDS_DEFAULT);
    let dir = tempfile::tempdir().expect("a directory");
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..rounds {
        let mut server = Server::start(dir.path(), &[]);
        check(&server, &acknowledged);
        let stop = Arc::new(AtomicBool::new(false));
        let (http, tcp) = (server.http, server.gelf_tcp);
        let posters: Vec<_> = (0..2)
            .map(|worker| {
                let stop = Arc::clone(&stop);
                std::thread::spawn(move || post_until_killed(http, round, worker, &stop))
            })
            .collect();
        let streamer = {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || stream_until_killed(tcp, round, &stop))
        };
        // A different moment each round, spread over half a second.
        let until = Instant::now() + Duration::from_millis(40 + round * 7919 % 500);
        while Instant::now() < until {
            std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
        server.kill();
        stop.store(true, Ordering::Relaxed);
        for poster in posters {
            acknowledged.extend(poster.join().expect("a poster"));
        }
        streamer.join().expect("a streamer");
    }
    let server = Server::start(dir.path(), &[]);
    check(&server, &acknowledged);
    println!("crash: {rounds} rounds, {} acknowledged records, none lost, none doubled", acknowledged.len());
}

/// Every acknowledged id is there, and no id twice.
fn check(server: &Server, acknowledged: &[String]) {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut cursor = String::new();
    loop {
        let answer = server
            .get(&format!("/api/watchfire/v1/logs/search?query=crash&start=0&end=4102444800&limit=10000{cursor}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.json();
        for record in body["records"].as_array().expect("records") {
            *seen.entry(record["fields"]["id_text"].as_str().expect("an id").to_owned()).or_default() += 1;
        }
        match body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", crate::harness::encode(next)),
            None => break,
        }
    }
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !seen.contains_key(*id)).collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged records are lost, for example {:?}",
        lost.len(),
        acknowledged.len(),
        lost[0]
    );
    let doubled: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
    assert!(doubled.is_empty(), "doubled: {:?}", &doubled[..doubled.len().min(5)]);
}
