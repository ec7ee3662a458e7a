//! Honest traffic: numbered messages over every input, and queries with a stopwatch.

use super::Ground;
use crate::harness::{DEADLINE, Server, encode, eventually_within, request};
use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// From one small burst of an input to the next.
const TICK: Duration = Duration::from_millis(20);
const BURST: usize = 3;
/// A sender over HTTP that is refused tries again for so long.
const PATIENCE: Duration = Duration::from_secs(20);
const QUERIES: [&str; 3] = [
    "/api/v1/query?query=sum(up)",
    "/api/v1/query?query=sum(rate(honest_requests_total[1m]))",
    "/api/watchfire/v1/logs/search?start=0&end=4102444800&limit=50&query=honest",
];

/// The inputs, as they are named in messages and reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Tcp,
    Udp,
    Http,
}

impl Input {
    const ALL: [Input; 3] = [Input::Tcp, Input::Udp, Input::Http];

    fn name(self) -> &'static str {
        match self {
            Input::Tcp => "tcp",
            Input::Udp => "udp",
            Input::Http => "http",
        }
    }
}

/// How long queries took.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    answered_ms: Vec<u128>,
    refused: usize,
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.answered_ms.clone();
        sorted.sort_unstable();
        let at = |part: usize| sorted.get(sorted.len().saturating_sub(1) * part / 100).copied().unwrap_or(0);
        let (count, refused) = (sorted.len() + self.refused, self.refused);
        write!(f, "p50 {} ms, p99 {} ms, {refused} of {count} refused", at(50), at(99))
    }
}

/// Senders and askers at work.
#[derive(Debug)]
pub(super) struct Honest {
    stop: Arc<AtomicBool>,
    senders: Vec<(Input, JoinHandle<usize>)>,
    asker: JoinHandle<()>,
    latencies: Arc<Mutex<Latencies>>,
}

/// What was sent: messages of each input are numbered from 0.
#[derive(Debug)]
pub(super) struct Sent(Vec<(Input, usize)>);

/// What of it did not arrive.
#[derive(Debug)]
pub(super) struct Losses(Vec<Loss>);

#[derive(Debug)]
struct Loss {
    input: Input,
    sent: usize,
    lost: usize,
    /// Lost where an attack fills the kernel's buffer: told, not judged.
    excused: bool,
}

impl Honest {
    pub(super) fn start(ground: &Ground) -> Honest {
        let stop = Arc::new(AtomicBool::new(false));
        let latencies: Arc<Mutex<Latencies>> = Arc::default();
        let (http, tcp, udp) = (ground.http, ground.gelf_tcp, ground.gelf_udp);
        let spawn = |input: Input, send: Box<dyn FnMut(usize) -> bool + Send>| {
            let stop = Arc::clone(&stop);
            (input, std::thread::spawn(move || send_until(&stop, send)))
        };
        let senders = vec![
            spawn(Input::Tcp, Box::new(tcp_sender(tcp))),
            spawn(Input::Udp, Box::new(udp_sender(udp))),
            spawn(Input::Http, Box::new(move |first| post(http, first))),
        ];
        let (over, kept) = (Arc::clone(&stop), Arc::clone(&latencies));
        let asker = std::thread::spawn(move || {
            for path in QUERIES.iter().cycle() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let began = Instant::now();
                let answer = request(http, "GET", path, &[], b"");
                let mut kept = kept.lock().expect("no panic while held");
                if answer.is_ok_and(|answer| answer.status == 200) {
                    kept.answered_ms.push(began.elapsed().as_millis());
                } else {
                    kept.refused += 1;
                }
                drop(kept);
                std::thread::park_timeout(5 * TICK);
            }
        });
        Honest { stop, senders, asker, latencies }
    }

    /// The latencies since the last call.
    pub(super) fn latencies(&mut self) -> Latencies {
        std::mem::take(&mut self.latencies.lock().expect("no panic while held"))
    }

    pub(super) fn finish(self) -> Sent {
        self.stop.store(true, Ordering::Relaxed);
        self.asker.join().expect("the asker does not panic");
        let counts = self.senders.into_iter().map(|(input, sender)| (input, sender.join().expect("a sender")));
        Sent(counts.collect())
    }
}

/// Calls `send` with the number of the first message of each burst; it says whether the burst went out.
fn send_until(stop: &AtomicBool, mut send: impl FnMut(usize) -> bool) -> usize {
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        if send(sent) {
            sent += BURST;
        }
        std::thread::park_timeout(TICK);
    }
    sent
}

fn message(input: Input, number: usize) -> String {
    let name = input.name();
    format!(
        "{{\"version\":\"1.1\",\"host\":\"honest\",\"short_message\":\"honest work goes on\",\"_way\":\"{name}\",\
         \"_number\":\"{name}-{number}\"}}"
    )
}

/// Connects anew when the connection was cut; then the burst is sent again.
fn tcp_sender(tcp: SocketAddr) -> impl FnMut(usize) -> bool + Send {
    let mut stream = TcpStream::connect(tcp).ok();
    move |first| {
        let frames: String = (first..first + BURST).map(|number| message(Input::Tcp, number) + "\0").collect();
        let sent = stream.as_mut().is_some_and(|stream| stream.write_all(frames.as_bytes()).is_ok());
        if !sent {
            stream = TcpStream::connect(tcp).ok();
        }
        sent
    }
}

fn udp_sender(udp: SocketAddr) -> impl FnMut(usize) -> bool + Send {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    move |first| {
        for number in first..first + BURST {
            // What the kernel refuses is lost like any datagram.
            let _ = socket.send_to(message(Input::Udp, number).as_bytes(), udp);
        }
        true
    }
}

/// Posts a burst until it is stored; gives up after a time, which loses it.
fn post(http: SocketAddr, first: usize) -> bool {
    let lines: Vec<String> = (first..first + BURST).map(|number| message(Input::Http, number)).collect();
    let body = lines.join("\n");
    eventually_within(PATIENCE, || {
        let answer = request(http, "POST", "/gelf", &[], body.as_bytes());
        answer.is_ok_and(|answer| answer.status == 202).then_some(())
    });
    true
}

impl Sent {
    /// Waits until everything has arrived, or nothing more does.
    pub(super) fn losses(&self, server: &Server, floods_udp: bool) -> Losses {
        let loss = |&(input, sent): &(Input, usize)| {
            let mut stored = 0;
            eventually_within(DEADLINE / 4, || {
                stored = numbers(server, input).len();
                (stored >= sent).then_some(())
            });
            Loss { input, sent, lost: sent.saturating_sub(stored), excused: floods_udp && input == Input::Udp }
        };
        debug_assert_eq!(self.0.len(), Input::ALL.len());
        Losses(self.0.iter().map(loss).collect())
    }
}

/// The numbers that the server has of one input, each once.
fn numbers(server: &Server, input: Input) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let query = encode(&format!("way:{}", input.name()));
    let mut cursor = String::new();
    loop {
        let path = "/api/watchfire/v1/logs/search?start=0&end=4102444800&limit=10000";
        let answer = server.get(&format!("{path}&query={query}{cursor}"));
        if answer.status != 200 {
            return found;
        }
        let body = answer.json();
        let records = body["records"].as_array().expect("records");
        found.extend(records.iter().filter_map(|record| record["fields"]["number"].as_str().map(str::to_owned)));
        match body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", encode(next)),
            None => return found,
        }
    }
}

impl Losses {
    fn judged(&self) -> impl Iterator<Item = &Loss> {
        self.0.iter().filter(|loss| !loss.excused)
    }

    pub(super) fn lost(&self) -> u64 {
        self.judged().map(|loss| loss.lost as u64).sum()
    }

    pub(super) fn sent(&self) -> u64 {
        self.judged().map(|loss| loss.sent as u64).sum()
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, loss) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} {} lost of {}", loss.input.name(), loss.lost, loss.sent)?;
        }
        Ok(())
    }
}
