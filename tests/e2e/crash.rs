//! kill -9 during ingest, at random moments and at named places inside flush, compaction, manifest and start-up: nothing
//! acknowledged is lost, nothing is doubled, the directory opens every time.
//!
//! `WATCHFIRE_CRASH_RUNS` sets the runs (`make crash RUNS=1000`), `WATCHFIRE_CRASH_FIRST` the number of the first: many runs
//! can be shared among processes, since a run mostly waits. A run is a start, a check of what the run before was told,
//! ingest over HTTP, TCP and remote write, and a death. After every [`RUNS_PER_DIRECTORY`] runs everything that was ever
//! acknowledged in the directory is read back and a new directory begun.

mod points;
mod remote_write;
mod senders;

use crate::harness::{Server, eventually_within};
use points::Kind;
use senders::Acknowledged;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const RUNS_DEFAULT: u64 = 5;
const RUNS_PER_DIRECTORY: u64 = 40;
/// How long a run waits for the place at which it is to die.
const POINT_DEADLINE: Duration = Duration::from_secs(6);

/// Everything small, so that flushes, merges (of eight blocks), retention and manifests come every moment. Old records are
/// in a stream of their own, of which only a few blocks are kept: nobody asks for them.
const CONFIG: &str = "
logs:
  streams:
  - { name: old, match: 'id_text:old-*', remove_from_default: true, retention: { bytes: 64KiB } }
  store: { memtable_bytes_max: 32KiB, flush_age: 1s, retention: 1d, wal_keep_bytes: 1MiB }
  gelf: { udp: { enabled: false } }
metrics:
  retention_rules: [{ selector: '{number=\"4\"}', retention: 1h }]
";

/// Of twenty deaths at named places so many are of each kind.
const KINDS: [Kind; 20] = {
    use Kind::{Flush, Manifest, Merge, Other};
    [
        Merge, Flush, Other, Merge, Flush, Manifest, Merge, Flush, Other, Merge, Flush, Manifest, Merge, Flush, Other,
        Merge, Flush, Manifest, Merge, Other,
    ]
};

/// How a run ends.
#[derive(Debug, Clone)]
enum Death {
    Kill { after: Duration },
    Point { name: String, count: u64 },
}

impl Death {
    /// Six runs of seven die at a named place, most of them where blocks and manifests are written: the kinds in the turn of
    /// [`KINDS`], the places of a kind in turn, at their first or second passing.
    fn of(run: u64, points: &[String]) -> Death {
        let random = (run + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let turn = run - run / 7;
        let kind = KINDS[(turn % KINDS.len() as u64) as usize];
        let round = turn / KINDS.len() as u64;
        let before = KINDS[..(turn % KINDS.len() as u64) as usize].iter().filter(|other| **other == kind).count();
        let per_round = KINDS.iter().filter(|other| **other == kind).count();
        let of_kind: Vec<&String> = points.iter().filter(|name| points::kind(name) == kind).collect();
        if run.is_multiple_of(7) || of_kind.is_empty() {
            return Death::Kill { after: Duration::from_millis(20 + random % 900) };
        }
        let name = of_kind[(round as usize * per_round + before) % of_kind.len()].clone();
        Death::Point { name, count: [1, 1, 2][(random % 3) as usize] }
    }
}

/// A directory's life, and what was promised in it.
struct Life {
    dir: tempfile::TempDir,
    told: BTreeMap<u64, Acknowledged>,
}

#[derive(Debug, Default)]
struct Totals {
    records: usize,
    samples: usize,
    refused: u64,
    /// Deaths by place.
    deaths: BTreeMap<String, u64>,
    missed: u64,
    start_max: Duration,
    verified: u64,
}

#[test]
fn crash_rounds_lose_and_double_nothing() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let runs = number("WATCHFIRE_CRASH_RUNS").unwrap_or(RUNS_DEFAULT);
    let first = number("WATCHFIRE_CRASH_FIRST").unwrap_or(0);
    let points = points::names();
    let begun = Instant::now();
    let mut totals = Totals::default();
    let mut life = Life::new();
    for run in first..first + runs {
        if run > first && run.is_multiple_of(RUNS_PER_DIRECTORY) {
            life.end(&mut totals);
            life = Life::new();
        }
        life.run(run, &Death::of(run, &points), &mut totals);
    }
    life.end(&mut totals);
    let mut kinds: BTreeMap<Kind, u64> = BTreeMap::new();
    for (place, count) in totals.deaths.iter().filter(|(place, _)| place.as_str() != RANDOM) {
        *kinds.entry(points::kind(place)).or_default() += count;
    }
    let deaths: Vec<String> = totals.deaths.iter().map(|(place, count)| format!("{place} {count}")).collect();
    println!(
        "crash: {runs} runs from {first} on, {} acknowledged records and {} samples ({} bodies refused), none lost, none doubled, every start \
         good, the slowest {} ms; deaths at named places by kind: {kinds:?}; deaths: {}; {} places were not reached in time; {:.0} s",
        totals.records,
        totals.samples,
        totals.refused,
        totals.start_max.as_millis(),
        deaths.join(", "),
        totals.missed,
        begun.elapsed().as_secs_f64(),
    );
}

impl Life {
    fn new() -> Life {
        Life { dir: tempfile::tempdir().expect("a directory"), told: BTreeMap::new() }
    }

    fn run(&mut self, run: u64, death: &Death, totals: &mut Totals) {
        let point = match death {
            Death::Kill { .. } => None,
            Death::Point { name, count } => Some(format!("{name}:{count}")),
        };
        let variables: Vec<(&str, &str)> = point.iter().map(|point| ("WATCHFIRE_CRASH_AT", point.as_str())).collect();
        let Some(mut server) = self.start(&variables, totals) else {
            // It died on its way up, as asked.
            totals.died(death);
            self.verify_last(totals);
            return;
        };
        let told = ingest(&mut server, run, death, totals);
        self.told.insert(run, told);
        self.verify_last(totals);
    }

    /// A server; none where it reached the named place before it was ready.
    fn start(&self, variables: &[(&str, &str)], totals: &mut Totals) -> Option<Server> {
        let config = self.dir.path().join("watchfire.yml");
        std::fs::write(&config, CONFIG).expect("a writable directory");
        let begun = Instant::now();
        match Server::try_start(self.dir.path(), &["--config", config.to_str().expect("UTF-8")], variables) {
            Ok(server) => {
                totals.start_max = totals.start_max.max(begun.elapsed());
                Some(server)
            }
            Err(log) => {
                assert!(!variables.is_empty() && log.contains("crash point"), "the server does not start: {log}");
                None
            }
        }
    }

    /// Starts, reads back what the last run was told, and stops by force again.
    fn verify_last(&self, totals: &mut Totals) {
        let mut server = self.start(&[], totals).expect("no place to die at is named");
        if let Some((run, told)) = self.told.last_key_value() {
            server.wait_ready();
            check_records(&server, *run, told);
            check_samples(&server, *run, told);
            totals.verified += 1;
        }
        server.kill();
    }

    /// Everything that was ever acknowledged here is there once, and fresh records flow.
    fn end(&self, totals: &mut Totals) {
        let server = self.start(&[], totals).expect("no place to die at is named");
        server.wait_ready();
        for (run, told) in &self.told {
            check_records(&server, *run, told);
            check_samples(&server, *run, told);
        }
        let fresh = server.post("/gelf", &[], br#"{"host":"h","short_message":"fresh","_run":-1}"#);
        assert_eq!(fresh.status, 202, "{}", fresh.body);
        server.wait_for("fresh run:-1", 1);
    }
}

/// Sends until the server is dead.
fn ingest(server: &mut Server, run: u64, death: &Death, totals: &mut Totals) -> Acknowledged {
    let stop = Arc::new(AtomicBool::new(false));
    let (http, tcp) = (server.http, server.gelf_tcp);
    let now = now_seconds();
    let mut senders = Vec::new();
    for worker in 0..2 {
        let stop = Arc::clone(&stop);
        let old = now - 3.0 * 86_400.0;
        senders.push(std::thread::spawn(move || senders::post(http, run, worker, old, &stop)));
    }
    let stopped = Arc::clone(&stop);
    // Each run's samples begin elsewhere within the last ten hours.
    let start_ms = ((now - 36_000.0 + (run % 20) as f64 * 600.0) * 1000.0) as i64;
    senders.push(std::thread::spawn(move || senders::write_samples(http, run, start_ms, &stopped)));
    let streamer = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || senders::stream(tcp, run, &stop))
    };
    match death {
        Death::Kill { after } => {
            let until = Instant::now() + *after;
            while Instant::now() < until {
                std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
            }
            totals.died(death);
        }
        Death::Point { .. } => {
            let ended = eventually_within(POINT_DEADLINE, || server.has_ended().then_some(()));
            if ended.is_some() { totals.died(death) } else { totals.missed += 1 }
        }
    }
    server.kill();
    stop.store(true, Ordering::Relaxed);
    streamer.join().expect("a streamer");
    let mut told = Acknowledged::default();
    for sender in senders {
        let part = sender.join().expect("a sender");
        told.ids.extend(part.ids);
        told.samples.extend(part.samples);
        told.refused += part.refused;
    }
    totals.records += told.ids.len();
    totals.samples += told.samples.len();
    totals.refused += told.refused;
    told
}

/// Stands for a place among the deaths.
const RANDOM: &str = "(random)";

impl Totals {
    fn died(&mut self, death: &Death) {
        let place = match death {
            Death::Kill { .. } => RANDOM.to_owned(),
            Death::Point { name, .. } => name.clone(),
        };
        *self.deaths.entry(place).or_default() += 1;
    }
}

/// Every acknowledged id of the run is there with its text, and no id twice.
fn check_records(server: &Server, run: u64, told: &Acknowledged) {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/watchfire/v1/logs/search?query=run:{run}&start=0&end=4102444800&limit=10000{cursor}");
        let body = server.whole_answer(&path);
        for record in body["records"].as_array().expect("records") {
            let id = record["fields"]["id_text"].as_str().expect("an id");
            assert_eq!(record["message"], senders::text(id), "{}", dir_hint(server));
            *seen.entry(id.to_owned()).or_default() += 1;
        }
        match body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", crate::harness::encode(next)),
            None => break,
        }
    }
    let lost: Vec<&String> = told.ids.iter().filter(|id| !seen.contains_key(*id)).collect();
    assert!(
        lost.is_empty(),
        "run {run}: {} of {} records are lost: {:?}; {}",
        lost.len(),
        told.ids.len(),
        lost.first(),
        dir_hint(server)
    );
    let doubled: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).take(5).collect();
    assert!(doubled.is_empty(), "run {run}: doubled: {doubled:?}; {}", dir_hint(server));
}

fn check_samples(server: &Server, run: u64, told: &Acknowledged) {
    if told.samples.is_empty() {
        return;
    }
    // A fast sender, which gives each body a time of its own, is ahead of the clock: by less than the day that is taken.
    let at = now_seconds() + 86_400.0;
    let query = crate::harness::encode(&format!("crash{{run=\"{run}\"}}[2d]"));
    let answer = server.get(&format!("/api/v1/query?time={at}&query={query}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let found: BTreeMap<(String, i64), f64> = answer.json()["data"]["result"]
        .as_array()
        .expect("a matrix")
        .iter()
        .flat_map(|series| {
            let number = series["metric"]["number"].as_str().expect("a label").to_owned();
            let values = series["values"].as_array().expect("values").clone();
            values.into_iter().map(move |pair| {
                let time = (pair[0].as_f64().expect("a time") * 1000.0).round() as i64;
                let value = pair[1].as_str().and_then(|text| text.parse().ok()).expect("a value");
                ((number.clone(), time), value)
            })
        })
        .collect();
    let lost: Vec<_> = told.samples.iter().filter(|(at, value)| found.get(at) != Some(value)).collect();
    assert!(
        lost.is_empty(),
        "run {run}: {} of {} samples are lost: {:?}; {}",
        lost.len(),
        told.samples.len(),
        lost.first(),
        dir_hint(server)
    );
}

/// The end of the server's log, for whoever reads a failure.
fn dir_hint(server: &Server) -> String {
    let log = server.log();
    let lines: Vec<&str> = log.lines().collect();
    format!("log: {}", lines[lines.len().saturating_sub(12)..].join("\n"))
}

/// Seconds since 1970, as senders have them.
#[expect(clippy::disallowed_methods, reason = "senders have clocks of their own")]
fn now_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}
