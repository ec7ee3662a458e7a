//! Memory under attack: hostile senders, targets and queries, one kind at a time and then all at once, beside honest
//! traffic. The process keeps to its `memory_limit`, honest messages arrive, and a counter names what was refused.
//!
//! `WATCHFIRE_ATTACK_SECONDS` sets how long each attack lasts (`make attacks SECONDS=60`), `WATCHFIRE_ATTACK` runs only the
//! attacks whose name contains it.

mod counters;
mod datagrams;
mod honest;
pub(crate) mod memory;
mod pages;
mod queries;
mod requests;

use crate::harness::{DEADLINE, Server, eventually_within, request};
use counters::Counters;
use honest::Honest;
use memory::Watch;
use pages::Pages;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;
const MEMORY_LIMIT: u64 = 512 * MIB;
/// What the process may take at most: its limit and 15 %.
const RSS_MAX: u64 = MEMORY_LIMIT * 115 / 100;
const SECONDS_DEFAULT: u64 = 3;
/// Honest traffic alone, before the attack: what its queries take then is what they are measured against.
const CALM: Duration = Duration::from_secs(2);
/// Of so many honest messages or scrapes at most one may be lost.
const LOSS_ONE_IN: u64 = 100;
/// The same without optimisation: there the server, the attackers and the honest senders fight for the processor.
const LOSS_ONE_IN_UNOPTIMISED: u64 = 8;

/// One attack at a time: two would disturb each other's figures.
static TURN: Mutex<()> = Mutex::new(());

/// What an attacker sees of the server.
#[derive(Debug)]
struct Ground {
    http: SocketAddr,
    gelf_udp: SocketAddr,
    gelf_tcp: SocketAddr,
    pages: Pages,
    stopped: AtomicBool,
}

impl Ground {
    fn is_over(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Waits, but not beyond the end of the attack.
    fn pause(&self, duration: Duration) {
        let began = Instant::now();
        while !self.is_over() && began.elapsed() < duration {
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

/// A kind of attack.
#[derive(Debug, Clone, Copy)]
struct Attack {
    name: &'static str,
    /// Runs until [`Ground::is_over`].
    run: fn(&Ground),
    /// Threads that run it.
    threads: usize,
    /// Counters (without `watchfire_`, any labels) of which at least one must rise.
    counted_by: &'static [&'static str],
    /// Fills the kernel's own buffer, which drops honest datagrams with the others.
    floods_udp: bool,
}

const ATTACKS: [Attack; 10] = [
    Attack {
        name: "series from one target",
        run: pages::churn,
        threads: 1,
        counted_by: &["scrape_lost_samples_total", "scrape_failures_total"],
        floods_udp: false,
    },
    Attack {
        name: "hostile pages",
        run: pages::hostile,
        threads: 1,
        counted_by: &["scrape_failures_total"],
        floods_udp: false,
    },
    Attack { name: "field names", run: requests::fields, threads: 2, counted_by: &[], floods_udp: false },
    Attack {
        name: "queries of death",
        run: queries::deadly,
        threads: 6,
        counted_by: &["api_queries_total"],
        floods_udp: false,
    },
    Attack { name: "zip bombs", run: datagrams::bombs, threads: 1, counted_by: &["gelf"], floods_udp: false },
    Attack { name: "chunk flood", run: datagrams::chunks, threads: 1, counted_by: &["gelf"], floods_udp: false },
    Attack { name: "udp overload", run: datagrams::overload, threads: 1, counted_by: &["gelf"], floods_udp: true },
    Attack {
        name: "slow connections",
        run: requests::slow,
        threads: 1,
        counted_by: &["api_refused_connections_total"],
        floods_udp: false,
    },
    Attack {
        name: "oversize requests",
        run: requests::oversize,
        threads: 2,
        // Beside the slow connections of the same address it may not get that far.
        counted_by: &["http_refused_bodies_total", "api_refused_connections_total"],
        floods_udp: false,
    },
    Attack {
        name: "lying lengths",
        run: requests::lies,
        threads: 2,
        counted_by: &["gelf_losses_total"],
        floods_udp: false,
    },
];

fn seconds() -> u64 {
    std::env::var("WATCHFIRE_ATTACK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS_DEFAULT)
}

fn is_wanted(attack: &Attack) -> bool {
    std::env::var("WATCHFIRE_ATTACK").map_or(true, |part| attack.name.contains(&part))
}

/// Whether the server is a release build: this one, or another that `WATCHFIRE_BINARY` names.
fn is_optimised() -> bool {
    !cfg!(debug_assertions) || std::env::var_os("WATCHFIRE_BINARY").is_some()
}

fn start(dir: &Path) -> (Server, Ground) {
    let pages = Pages::start();
    let config = format!(
        "memory_limit: {MEMORY_LIMIT}B\n\
         http: {{query_timeout: 30s}}\n\
         global: {{scrape_interval: 1s, scrape_timeout: 900ms}}\n\
         scrape_configs:\n\
         - {{job_name: honest, static_configs: [{{targets: [{}]}}]}}\n\
         - {{job_name: hostile, static_configs: [{{targets: [{}]}}]}}\n",
        pages.honest_addresses(),
        pages.hostile_addresses(),
    );
    let server = Server::with_config(dir, &config);
    let ground = Ground {
        http: server.http,
        gelf_udp: server.gelf_udp,
        gelf_tcp: server.gelf_tcp,
        pages,
        stopped: AtomicBool::new(false),
    };
    (server, ground)
}

/// Lets the traffic flow.
fn rest(duration: Duration) {
    let until = Instant::now() + duration;
    while Instant::now() < until {
        std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// Runs `attacks` at once for `seconds`; prints a line and returns what is wrong.
fn run(name: &str, attacks: &[Attack], seconds: u64) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a directory");
    LazyLock::force(&datagrams::BOMBS);
    let (server, ground) = start(dir.path());
    let mut honest = Honest::start(&ground);
    rest(CALM);
    let calm = honest.latencies();
    let before = Counters::read(ground.http);
    let watch = Watch::start(server.id());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for attack in attacks {
            for _ in 0..attack.threads {
                scope.spawn(|| (attack.run)(&ground));
            }
        }
        rest(Duration::from_secs(seconds));
        ground.stopped.store(true, Ordering::Relaxed);
    });
    ground.pages.calm();
    let stormy = honest.latencies();
    let lasted = began.elapsed();
    let peak = watch.peak();
    let sent = honest.finish();
    let health = eventually_within(DEADLINE, || request(ground.http, "GET", "/-/healthy", &[], b"").ok());
    if health.is_none_or(|answer| answer.status != 200) {
        return vec![format!("{name}: the server is gone: {}", server.log())];
    }
    let floods_udp = attacks.iter().any(|attack| attack.floods_udp);
    let losses = sent.losses(&server, floods_udp);
    let missed = ground.pages.missed_scrapes(&server);
    let growth = Counters::read(ground.http).since(&before);
    eprintln!(
        "attack {name}: {:.1} s, peak RSS {} MiB of {} MiB, honest {losses}, {missed}, queries {stormy} (calm: {calm}), {}",
        lasted.as_secs_f64(),
        peak / MIB,
        MEMORY_LIMIT / MIB,
        growth.losses(),
    );
    let loss_one_in = if is_optimised() { LOSS_ONE_IN } else { LOSS_ONE_IN_UNOPTIMISED };
    let mut faults = Vec::new();
    if peak > RSS_MAX {
        faults.push(format!("{name}: {} MiB of memory are more than {} MiB", peak / MIB, RSS_MAX / MIB));
    }
    if losses.lost() * loss_one_in >= losses.sent() {
        faults.push(format!("{name}: too much honest traffic is lost: {losses}"));
    }
    if missed.count * loss_one_in > missed.of {
        faults.push(format!("{name}: {missed}"));
    }
    for attack in attacks.iter().filter(|attack| !attack.counted_by.is_empty()) {
        if !attack.counted_by.iter().any(|prefix| growth.grew(prefix)) {
            faults.push(format!("{name}: none of {:?} rose by {}", attack.counted_by, attack.name));
        }
    }
    faults
}

#[test]
fn attacks_each_alone() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let faults: Vec<String> = ATTACKS
        .iter()
        .filter(|attack| is_wanted(attack))
        .flat_map(|attack| run(attack.name, std::slice::from_ref(attack), seconds()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn attacks_all_together() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let faults = run("all together", &ATTACKS, seconds());
    assert!(faults.is_empty(), "{faults:#?}");
}
