//! Hostile queries, of logs and of metrics: each is answered or refused within its time and its memory, the server lives, and
//! ingest goes on beside them.
//!
//! `WATCHFIRE_HOSTILE` says how many (`make hostile N=10000`, `make hostile-promql N=10000`), `WATCHFIRE_HOSTILE_SEED` where
//! they begin.

mod promql;
mod queries;
mod random;

use crate::attacks::memory::Watch;
use crate::harness::{Server, encode, eventually, request};
use crate::promql::exporter;
use random::Random;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const QUERIES_DEFAULT: u64 = 120;
const RECORDS: u64 = 4000;
const MIB: u64 = 1 << 20;
/// What one query may take.
const QUERY_MEMORY: u64 = 512 * MIB;
/// The server's own limit for a query, and what is on top for a machine with other work.
const CONFIG: &str = "http: { query_timeout: 10s }\nmemory_limit: 1GiB\n";
const ANSWER_MAX: Duration = Duration::from_secs(40);
/// Ingest beside nothing else: what it is measured against.
const CALM: Duration = Duration::from_secs(3);

/// Records with everything that a query may trip over: prose, numbers as text, JSON inside JSON, many pairs, a long line.
fn records() -> String {
    let mut body = String::new();
    for n in 0..RECORDS {
        let deep = format!("{}1{}", r#"{\"a\":"#.repeat(n as usize % 40), "}".repeat(n as usize % 40));
        let pairs = (0..n % 30).map(|pair| format!("k{pair}=v{n}")).collect::<Vec<_>>().join(" ");
        let _ = writeln!(
            body,
            r#"{{"host":"node-{}","short_message":"GET /v1/items/{n} user=u{} refused by peer aaaaaaaaaaaaaaaaaaaaaaaaaaaa!","_number":{n},"_user":"u{}","_text":"{}","_deep":"{deep}","_pairs":"{pairs}"}}"#,
            n % 5,
            n % 900,
            n % 900,
            ["1", "error", "a b c", "aaaaaaaaaaaaaaaaaaaaaaab", "10.0.0.1"][n as usize % 5],
        );
    }
    let _ = writeln!(
        body,
        r#"{{"host":"h","short_message":"long {}","_text":"{}"}}"#,
        "word aaa ".repeat(50_000),
        "a".repeat(500_000)
    );
    body
}

/// Posts one record after the other and notes how long each took, in microseconds, until told to stop.
fn ingest(http: SocketAddr, stop: &AtomicBool) -> Vec<u128> {
    let mut taken = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let body = format!(r#"{{"host":"beside","short_message":"beside {}"}}"#, taken.len());
        let began = Instant::now();
        let answer = request(http, "POST", "/gelf", &[], body.as_bytes()).expect("the server takes records");
        assert_eq!(answer.status, 202, "{}", answer.body);
        taken.push(began.elapsed().as_micros());
        std::thread::park_timeout(Duration::from_millis(5));
    }
    taken
}

fn p99_ms(mut taken: Vec<u128>) -> f64 {
    taken.sort_unstable();
    let at = taken.len().saturating_sub(1) * 99 / 100;
    taken.get(at).copied().unwrap_or(0) as f64 / 1000.0
}

/// Runs `work` with ingest beside it; the work's result and the p99 of ingest in ms.
fn beside<T>(http: SocketAddr, work: impl FnOnce() -> T) -> (T, f64) {
    let stop = Arc::new(AtomicBool::new(false));
    let sender = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || ingest(http, &stop))
    };
    let done = work();
    stop.store(true, Ordering::Relaxed);
    (done, p99_ms(sender.join().expect("ingest goes on")))
}

/// What became of the queries.
#[derive(Debug, Default)]
struct Answers {
    by_status: BTreeMap<u16, u64>,
    slowest: Duration,
    faults: Vec<String>,
}

/// What is sent.
#[derive(Debug)]
struct Attack {
    path: String,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    /// What the text of a refusal has to hold; pushed bodies are refused in plain words.
    refusal: &'static str,
}

impl Attack {
    fn form(path: String, form: String) -> Attack {
        let headers = vec![("Content-Type", "application/x-www-form-urlencoded")];
        Attack { path, headers, body: form.into_bytes(), refusal: "error" }
    }
}

fn ask(server: &mut Server, attack: &Attack, answers: &mut Answers) {
    let Attack { path, headers, body, refusal } = attack;
    let shown: String = String::from_utf8_lossy(body).chars().take(300).collect();
    let began = Instant::now();
    let answer = request(server.http, "POST", path, headers, body);
    let took = began.elapsed();
    assert!(!server.has_ended(), "{path} {shown} ends the server: {}", server.log());
    // Where a body is too long it is not read to its end, and the connection may be cut before the answer is read.
    let status = answer.as_ref().map_or(413, |answer| answer.status);
    *answers.by_status.entry(status).or_default() += 1;
    answers.slowest = answers.slowest.max(took);
    let body = answer.map(|answer| answer.body).unwrap_or_default();
    if status == 500 || took > ANSWER_MAX {
        let body: String = body.chars().take(200).collect();
        answers.faults.push(format!("{path} {shown}: {status} after {took:?}: {body}"));
    }
    if (400..500).contains(&status) && status != 413 && (body.is_empty() || !body.contains(refusal)) {
        answers
            .faults
            .push(format!("{path} {shown}: {status} says nothing: {}", body.chars().take(200).collect::<String>()));
    }
}

/// Sends as many attacks as the environment says, with ingest beside them, and judges the answers and the memory.
#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn storm(server: &mut Server, attack: impl Fn(&mut Random) -> Attack) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let count = number("WATCHFIRE_HOSTILE").unwrap_or(QUERIES_DEFAULT);
    let first = number("WATCHFIRE_HOSTILE_SEED").unwrap_or(1);
    let http = server.http;
    let ((), calm) = beside(http, || {
        let until = Instant::now() + CALM;
        while Instant::now() < until {
            std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
    });
    let at_rest = Watch::resident(server.id());
    let watch = Watch::start(server.id());
    let mut answers = Answers::default();
    let ((), stormy) = beside(http, || {
        for seed in first..first + count {
            ask(server, &attack(&mut Random(seed)), &mut answers);
        }
    });
    let peak = watch.peak();
    let by_status: Vec<String> = answers.by_status.iter().map(|(status, count)| format!("{status} {count}")).collect();
    println!(
        "hostile: {count} queries, {} faults; by status: {}; slowest {:.1} s; memory {} MiB at rest, {} MiB at most; ingest p99 \
         {calm:.1} ms calm, {stormy:.1} ms beside them ({:.1} times)",
        answers.faults.len(),
        by_status.join(", "),
        answers.slowest.as_secs_f64(),
        at_rest / MIB,
        peak / MIB,
        stormy / calm.max(0.001),
    );
    assert!(answers.faults.is_empty(), "{:#?}", &answers.faults[..answers.faults.len().min(20)]);
    assert!(peak < at_rest + QUERY_MEMORY, "{} MiB at rest, {} MiB at most", at_rest / MIB, peak / MIB);
}

#[test]
fn hostile_queries_are_answered_or_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::with_config(dir.path(), CONFIG);
    for lines in records().lines().collect::<Vec<_>>().chunks(500) {
        let answer = server.post("/gelf", &[], lines.join("\n").as_bytes());
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
    storm(&mut server, |random| {
        let (path, form) = queries::request(random);
        Attack::form(path, form)
    });
    eventually("a good query is answered after them", || {
        let answer =
            server.get(&format!("/api/watchfire/v1/logs/count?start=0&end=4102444800&query={}", encode("number:7")));
        (answer.status == 200 && answer.json()["count"] == 1).then_some(())
    });
}

#[test]
fn hostile_promql_is_answered_or_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let port = exporter(promql::page().leak());
    let scrape = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n- job_name: many\n  static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
    );
    let mut server = Server::with_config(dir.path(), &(CONFIG.to_owned() + &scrape));
    let all = promql::SERIES.to_string();
    let is_served = |server: &Server| {
        let counted = server.query("count(requests_total)");
        (counted.first()?["value"][1] == all).then_some(())
    };
    eventually("the first scrape", || is_served(&server));
    let now = server.query("vector(time())")[0]["value"][0].as_f64().expect("a time") as i64;
    storm(&mut server, |random| promql::attack(random, now));
    eventually("a good query is answered after them", || is_served(&server));
}
