//! GELF messages of any shape, from a seed. The vocabulary is small, so that queries meet records.

use crate::random::Random;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use watchfire_gelf::{Arrival, Decoded, Decoder, MessageLimits};
use watchfire_model::{LogRecord, TimeNs};

/// 2026-11-20T00:00:00Z, in seconds: event times begin here.
pub(crate) const START_S: i64 = 1_795_132_800;
/// Event times spread over so many seconds, two midnights among them.
pub(crate) const SPAN_S: u64 = 100_000;

pub(crate) const WORDS: [&str; 16] = [
    "error",
    "Connection",
    "refused",
    "timeout",
    "GET",
    "zk81qx",
    "7f3a",
    "200",
    "größe",
    "中",
    "a",
    "b",
    "order",
    "User",
    "exception",
    "42",
];
const SIGNS: [&str; 8] = [" ", " ", " ", "-", "/", "=", ": ", " -> "];
/// Names as answers show them; each may hold any type in any record.
pub(crate) const NAMES: [&str; 8] = ["service", "took", "user.id", "größe", "ip", "when", "took_ms", "x-y z"];
pub(crate) const TEXTS: [&str; 18] = [
    "order-service",
    "Order-Service",
    "order",
    "connection refused by peer",
    "",
    "1",
    "1.0",
    " 5 ",
    "true",
    "NaN",
    "-",
    "10.1.2.3",
    "10.200.0.9",
    "2001:db8::7",
    "1.5s",
    "20 ms",
    "10MiB",
    "2026-11-20T10:00:00Z",
];
pub(crate) const HOSTS: [&str; 4] = ["node-1", "Node-1", "db", "two words"];
/// Streams as rules make them: a record may be seen through several.
pub(crate) const STREAMS: [&str; 4] = ["default", "audit", "audit,default", "short"];

/// One message as JSON text. `number` is in it as a field, so that each record is told apart.
pub(crate) fn message(random: &mut Random, number: u64) -> String {
    let mut json = format!(r#"{{"version":"1.1","host":{},"#, quoted(pick(random, &HOSTS)));
    let _ = write!(json, r#""short_message":{},"#, quoted(&line(random)));
    let nanos = random.within(0..SPAN_S * 10) * 100_000_000;
    let time = START_S as u64 * 1_000_000_000 + nanos;
    let _ = write!(json, r#""timestamp":{}.{:03},"#, time / 1_000_000_000, time / 1_000_000 % 1000);
    if !random.one_in(8) {
        let _ = write!(json, r#""level":{},"#, random.within(0..8));
    }
    let mut names: Vec<&str> = NAMES.to_vec();
    for _ in 0..random.within(0..6) {
        let name = names.swap_remove(random.within(0..names.len() as u64) as usize);
        let _ = write!(json, "{}:{},", quoted(&format!("_{name}")), value(random));
    }
    if random.one_in(12) {
        // A name that few records have.
        let _ = write!(json, r#""_rare{}":{},"#, random.within(0..400), value(random));
    }
    let _ = write!(json, r#""_number":{number}}}"#);
    json
}

/// A line of words and signs.
fn line(random: &mut Random) -> String {
    let mut line = String::new();
    for _ in 0..random.within(0..9) {
        match random.within(0..8) {
            0 => line.push_str(&random.within(0..10_000).to_string()),
            1 => {
                let _ = write!(line, "{:08x}", random.next() as u32);
            }
            2 => line.push_str(&pick(random, &WORDS).to_uppercase()),
            _ => line.push_str(pick(random, &WORDS)),
        }
        line.push_str(pick(random, &SIGNS));
    }
    line
}

/// A value as JSON.
fn value(random: &mut Random) -> String {
    match random.within(0..10) {
        0 => "true".to_owned(),
        1 => (random.within(0..12) as i64 - 4).to_string(),
        2 => format!("{}.{}", random.within(0..9), [0, 5, 25][random.within(0..3) as usize]),
        3 => ["9007199254740993", "-9223372036854775808", "18446744073709551615", "1e300", "-0.0", "200"]
            [random.within(0..6) as usize]
            .to_owned(),
        4 => quoted(&"x".repeat([199, 200, 201, 3000][random.within(0..4) as usize])),
        5 => quoted(&line(random)),
        6 => quoted(&format!("u{}", random.within(0..50))),
        _ => quoted(pick(random, &TEXTS)),
    }
}

pub(crate) fn pick<'a>(random: &mut Random, from: &[&'a str]) -> &'a str {
    from[random.within(0..from.len() as u64) as usize]
}

pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

thread_local! {
    static DECODER: RefCell<Decoder> = RefCell::new(Decoder::new(MessageLimits::default()));
}

/// What a payload of one message becomes, and how many messages were not taken.
pub(crate) fn decode(json: &str) -> (Vec<LogRecord>, u64) {
    let arrival = Arrival {
        sender: IpAddr::V4(Ipv4Addr::LOCALHOST),
        received: TimeNs((START_S + SPAN_S as i64 + 60) * 1_000_000_000),
    };
    let mut decoded = Decoded::default();
    DECODER.with_borrow_mut(|decoder| decoder.decode(json.as_bytes(), &arrival, &mut decoded));
    (decoded.records, decoded.counts.n_refused() + decoded.counts.n_dropped())
}

/// A record as a store shows it: fields sorted by name.
pub(crate) fn record(random: &mut Random, number: u64) -> LogRecord {
    let json = message(random, number);
    let (mut records, refused) = decode(&json);
    assert!(refused == 0 && records.len() == 1, "{json}");
    let mut record = records.pop().expect("one");
    record.stream = pick(random, &STREAMS).into();
    record.fields.sort_by(|a, b| a.0.cmp(&b.0));
    record
}
