//! Nasty inputs that a receiver must survive, numbered as in our list of what real senders have been seen to send, and
//! what becomes of each: one table for datagrams, streams and HTTP bodies.

use crate::recorder::Recorder;
use crate::tcp::tests::{self as tcp_tests, Sent};
use crate::{ChunkLimits, DatagramDecoder, Decoded, FaultReason, HttpConfig, HttpInput, MessageLimits, TcpConfig};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use watchfire_model::status::MessageCounts;
use watchfire_model::{ByteSize, LogRecord, Refused, TimeNs};

/// When the first datagram arrives: 2026-11-19, midnight UTC.
const NOW: TimeNs = TimeNs(1_795_046_400_000_000_000);

/// Something arrives from a port of an address, so many milliseconds after the beginning.
type Arriving = (u64, [u8; 4], u16, Vec<u8>);

/// The record in one line: what is usual (host `h`, time of arrival, no level) is left out.
fn show(record: &LogRecord) -> String {
    let short = |text: &str| text.escape_debug().take(40).collect::<String>();
    let mut parts = vec![short(&record.message)];
    if record.host != "h" {
        parts.push(format!("host={}", record.host));
    }
    parts.extend(record.level.map(|level| format!("level={}", level.number())));
    if record.time != record.received {
        parts.push(format!("time={}", record.time.0));
    }
    parts.extend(record.fields.iter().map(|(name, value)| format!("{}={}", short(name), short(&value.to_text()))));
    parts.join(" ")
}

fn show_all(decoded: &Decoded) -> Vec<String> {
    let faults = decoded.counts.iter().map(|(reason, count)| match count {
        1 => format!("!{}", reason.label()),
        count => format!("!{} {count}", reason.label()),
    });
    decoded.records.iter().map(show).chain(faults).collect()
}

/// `number` refers to the list.
#[track_caller]
fn check_datagrams(number: &str, datagrams: &[Arriving], want: &[&str]) {
    let mut decoder = DatagramDecoder::new(MessageLimits::default(), ChunkLimits::default());
    for (at_ms, address, port, datagram) in datagrams {
        let now = NOW.plus_ns(*at_ms as i64 * 1_000_000);
        decoder.expire(now);
        decoder.insert(SocketAddr::from((*address, *port)), datagram, now);
    }
    let last_ms = datagrams.iter().map(|(at_ms, ..)| *at_ms).max().unwrap_or(0);
    for after_ms in [0, 1000, 6000] {
        decoder.expire(NOW.plus_ns((last_ms + after_ms) as i64 * 1_000_000));
    }
    assert_eq!(show_all(&decoder.decoded), want, "{number}");
}

#[track_caller]
fn check(number: &str, datagram: impl AsRef<[u8]>, want: &[&str]) {
    check_datagrams(number, &[at(0, datagram.as_ref())], want);
}

/// A message with a host, a text, and `extra` behind them.
#[track_caller]
fn check_fields(number: &str, extra: &str, want: &[&str]) {
    check(number, format!(r#"{{"host":"h","short_message":"m",{extra}}}"#), want);
}

fn at(at_ms: u64, datagram: &[u8]) -> Arriving {
    (at_ms, [10, 0, 0, 1], 4000, datagram.to_vec())
}

fn chunk(id: u8, index: u8, count: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    [&[0x1e, 0x0f], &[id; 8][..], &[index, count], payload.as_ref()].concat()
}

fn gzip(payload: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(payload).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

fn zlib(payload: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(payload).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

const MESSAGE: &str = r#"{"version":"1.1","host":"h","short_message":"m"}"#;
/// Two halves of a message.
const FRONT: &str = r#"{"host":"h","short_"#;
const BACK: &str = r#"message":"m"}"#;

#[test]
fn framing() {
    check("1", "", &["!empty"]);
    check("1", "{", &["!invalid_json"]);
    check("1", "\x1e", &["!unknown_compression"]);
    check("2", b"\x1e\x0f1234567\x00", &["!chunk_truncated"]);
    check("3", chunk(1, 2, 2, FRONT), &["!chunk_sequence"]);
    check("4", chunk(1, 0, 0, FRONT), &["!chunk_sequence"]);
    check("4", chunk(1, 0, 129, FRONT), &["!chunk_sequence"]);
    check("4", chunk(1, 254, 255, FRONT), &["!chunk_sequence"]);
    let front = at(0, &chunk(1, 0, 2, FRONT));
    let back = |at_ms| at(at_ms, &chunk(1, 1, 2, BACK));
    check_datagrams("5", &[front.clone(), at(1, &chunk(1, 1, 3, "x")), back(2)], &["m", "!chunk_count_changed"]);
    let of = |address: [u8; 4], port: u16, (at_ms, _, _, datagram): Arriving| (at_ms, address, port, datagram);
    let other = at(0, &chunk(1, 0, 2, r#"{"host":"o","short_"#));
    let here = |arriving: Arriving| of([10, 0, 0, 1], 4000, arriving);
    let there = |arriving: Arriving| of([10, 0, 0, 2], 4000, arriving);
    check_datagrams(
        "6",
        &[here(front.clone()), there(other.clone()), there(back(1)), here(back(1))],
        &["m host=o", "m"],
    );
    check_datagrams(
        "7",
        &[front.clone(), back(1), of([10, 0, 0, 1], 4000, at(1000, &chunk(1, 0, 2, FRONT))), back(1001)],
        &["m", "m"],
    );
    check_datagrams("8", &[front.clone(), front.clone(), back(1), back(2)], &["m", "!duplicate_chunk 2"]);
    check_datagrams("8", &[front.clone(), other.clone(), back(1)], &["m", "!conflicting_chunk"]);
    check_datagrams("9", &[back(0), front.clone()], &["m"]);
    check_datagrams("10", std::slice::from_ref(&front), &["!incomplete_message"]);
    check_datagrams("11", &[front.clone(), back(6000)], &["!incomplete_message", "!late_chunk"]);
    check_datagrams("12", &[at(0, &chunk(1, 0, 2, MESSAGE)), at(0, &chunk(1, 1, 2, ""))], &["m"]);
    check("13", chunk(1, 0, 1, MESSAGE), &["m"]);
    check("13", chunk(1, 0, 1, gzip(MESSAGE.as_bytes())), &["m"]);
    let largest = format!(r#"{{"host":"h","short_message":"{}"}}"#, "x".repeat(65_507 - 32));
    check("15", &largest[..], &["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]);
    check("16", chunk(1, 0, 1, chunk(2, 0, 1, MESSAGE)), &["!nested_chunk"]);
    let parts = [gzip(FRONT.as_bytes()), gzip(BACK.as_bytes())];
    check_datagrams("17", &[at(0, &chunk(1, 0, 2, &parts[0])), at(0, &chunk(1, 1, 2, &parts[1]))], &["m"]);
    check_datagrams("17", &[at(0, &gzip(&chunk(1, 0, 2, FRONT))), at(0, &gzip(&chunk(1, 1, 2, BACK)))], &["m"]);
    // 18: `socket::normalise` and `udp::tests`.
    let port = |port: u16, arriving: Arriving| of([10, 0, 0, 1], port, arriving);
    check_datagrams(
        "19",
        &[port(1, front.clone()), port(2, other.clone()), port(2, back(1)), port(1, back(1))],
        &["m host=o", "m"],
    );
    check_datagrams("20", &[port(1, front.clone()), port(2, back(1))], &["m"]);
}

#[test]
fn many_first_chunks_stay_within_bounds() {
    let mut decoder = DatagramDecoder::new(MessageLimits::default(), ChunkLimits::default());
    let sender = SocketAddr::from(([10, 0, 0, 1], 4000));
    let honest = SocketAddr::from(([10, 0, 0, 2], 4000));
    decoder.insert(honest, &chunk(1, 0, 2, FRONT), NOW);
    for n in 0..100_000_u64 {
        let mut datagram = chunk(0, 0, 128, [7; 100]);
        datagram[2..10].copy_from_slice(&n.to_be_bytes());
        decoder.insert(sender, &datagram, NOW);
    }
    decoder.insert(honest, &chunk(1, 1, 2, BACK), NOW);
    decoder.expire(NOW);
    // 14: the attacker loses its own oldest messages, another sender none.
    assert_eq!(decoder.decoded.records.len(), 1);
    assert_eq!(decoder.decoded.counts.get(FaultReason::EvictedMessage), 100_000 - 1000);
}

#[test]
fn compression() {
    let message = MESSAGE.as_bytes();
    let packed = gzip(message);
    check("21", &packed[..packed.len() - 9], &["!corrupt_compression"]);
    check("21", &packed[..12], &["!corrupt_compression"]);
    check("21", &packed[..5], &["!corrupt_compression"]);
    let mut bad_crc = packed.clone();
    let crc_at = bad_crc.len() - 8;
    bad_crc[crc_at] ^= 1;
    check("21", &bad_crc, &["!corrupt_compression"]);
    check("22", [&packed[..], b"\0"].concat(), &["m"]);
    check("22", [&packed[..], &gzip(b"\n"), &packed].concat(), &["m", "m"]);
    for level in [0, 1, 6, 9] {
        check("23", zlib(message, level), &["m"]);
    }
    check("23", zlib(&packed, 6), &["m"]);
    check("23", gzip(&gzip(&packed)), &["!unknown_compression"]);
    check("24", "xyz is not compressed", &["!unknown_compression"]);
    check("24", "x is not compressed", &["!corrupt_compression"]);
    check("24", "x\u{1}", &["!corrupt_compression"]);
    check("25", zlib(&vec![0; 1 << 20], 9), &["!decompression_bomb"]);
    check("25", gzip(&gzip(&vec![b' '; 1 << 20])), &["!decompression_bomb"]);
    let pattern: Vec<u8> = (0..9_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 27) as u8 + b'a').collect();
    check("25", gzip(&pattern), &["!too_large"]);
    let zstd = |payload: &[u8]| zstd::encode_all(payload, 1).expect("writing to memory does not fail");
    check("26", zstd(message), &["m"]);
    check("26", [zstd(message), zstd(b"\n"), zstd(message)].concat(), &["m", "m"]);
    check("26", &zstd(message)[..20], &["!corrupt_compression"]);
    check("26", zstd(&vec![0; 1 << 20]), &["!decompression_bomb"]);
    check("28", format!("\u{feff}{MESSAGE}"), &["m"]);
}

#[test]
fn http_bodies() {
    let input = HttpInput::new("127.0.0.1:9090", HttpConfig::default());
    let receive =
        |sink: &Recorder, encoding, body: &[u8]| input.receive(sink, encoding, body, IpAddr::from([10, 0, 0, 1]), NOW);
    let show = |encoding, body: &[u8]| {
        let sink = Recorder::default();
        let outcome = receive(&sink, encoding, body);
        let records: Vec<_> = sink.records.lock().iter().map(show).collect();
        (records.join("; "), outcome.rejection().map(FaultReason::label), outcome.n_records)
    };
    let one = ("m".to_owned(), None, 1);
    assert_eq!(show(None, MESSAGE.as_bytes()), one);
    assert_eq!(show(Some("gzip"), &gzip(MESSAGE.as_bytes())), one);
    assert_eq!(show(Some("gzip,deflate"), &zlib(MESSAGE.as_bytes(), 6)), one, "27");
    assert_eq!(show(Some("br"), MESSAGE.as_bytes()), one);
    assert_eq!(show(Some("identity"), &gzip(MESSAGE.as_bytes())), (String::new(), Some("invalid_json"), 0));
    assert_eq!(show(None, format!("{MESSAGE}\n{MESSAGE}\n").as_bytes()), ("m; m".to_owned(), None, 2));
    assert_eq!(show(None, format!("[{MESSAGE},{MESSAGE}]").as_bytes()), ("m; m".to_owned(), None, 2));
    assert_eq!(show(None, b" "), (String::new(), Some("empty"), 0));
    let partly = format!("{MESSAGE}\n{{\"host\":\n{MESSAGE}\n");
    assert_eq!(show(None, partly.as_bytes()), ("m; m".to_owned(), None, 2));
    let refusing = Recorder { refusals: vec![Refused::Busy].into(), ..Recorder::default() };
    let outcome = receive(&refusing, None, partly.as_bytes());
    assert_eq!((outcome.n_records, outcome.result), (2, Err(Refused::Busy)));
    let faults = outcome.faults;
    assert_eq!(
        faults.iter().map(|fault| (fault.index, fault.reason)).collect::<Vec<_>>(),
        [(1, FaultReason::InvalidJson)]
    );
    let status = input.status();
    assert_eq!((status.kind, status.received, status.senders.len()), ("gelf-http", 10, 1));
    let want = MessageCounts { received: 16, stored: 10, refused: 6, dropped: 0, waiting: 0 };
    assert_eq!((status.messages, status.senders[0].messages), (want, want));
    // 63 and 64 are the HTTP server's.
}

#[test]
fn json() {
    check("29", format!("{MESSAGE}\n\0"), &["m"]);
    check("30", "{\"host\":\"h\",\"short_message\":\"a\tb\nc\"}", &["a\\tb\\nc"]);
    check("31", r#"{"host":"h","short_message":"m",}"#, &["m"]);
    check("32", format!("{MESSAGE}{MESSAGE}"), &["m", "m"]);
    check("32", format!("{MESSAGE} nonsense"), &["m", "!invalid_json"]);
    check("33", format!("[{MESSAGE},\n{MESSAGE}]"), &["m", "m"]);
    check("33", format!("[1,{MESSAGE}]"), &["m", "!invalid_json"]);
    check_fields("34", r#""_a":1,"_a":2,"host":"i""#, &["m host=i a=2", "!duplicate_field"]);
    check("35", b"{\"host\":\"h\",\"short_message\":\"a\xffb\"}", &["a\u{fffd}b", "!invalid_utf8"]);
    check("35", r#"{"host":"h","short_message":"a\ud800b\u0000"}"#, &["a\u{fffd}b\\0"]);
    check_fields(
        "36",
        r#""_a":1e400,"_b":NaN,"_c":-0,"_d":12345678901234567890,"_e":1.385E9"#,
        &["m a=1e400 b=NaN c=0 d=12345678901234567890 e=1385000000"],
    );
    let deep = "{\"a\":".repeat(10_000) + "1" + &"}".repeat(10_000);
    check_fields(
        "37",
        &format!("\"_x\":{deep}"),
        &["m x.a.a.a.a.a.a.a.a={\\\"a\\\":{\\\"a\\\":{\\\"a\\\":{\\\"a\\\":{\\\"a\\\":{\\\"a\\"],
    );
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    check_fields("37", &format!("\"_x\":{deep}"), &[&format!("m x={}", "[".repeat(40))]);
    check("37", "{\"a\":".repeat(10_000), &["!invalid_json"]);
    let long_key = "k".repeat(1 << 20);
    let body = format!(r#"{{"host":"h","short_message":"m","_{long_key}":1}}"#);
    check("39", gzip(body.as_bytes()), &[&format!("m gelf_rest={{\\\"{}", "k".repeat(37)), "!extra_fields"]);
    check_fields("40", &format!(r#""_a":"{}""#, "x".repeat(100 << 10)), &[&format!("m a={}", "x".repeat(40))]);
}

#[test]
fn five_thousand_fields_are_kept() {
    let fields: Vec<String> = (0..5000).map(|n| format!("\"_f{n}\":{n}")).collect();
    let mut decoder = DatagramDecoder::new(MessageLimits::default(), ChunkLimits::default());
    let body = format!("{{\"host\":\"h\",\"short_message\":\"m\",{}}}", fields.join(","));
    decoder.insert(SocketAddr::from(([10, 0, 0, 1], 1)), &gzip(body.as_bytes()), NOW);
    // 38
    assert_eq!(decoder.decoded.records[0].fields.len(), 5000);
    assert_eq!(decoder.decoded.records[0].field("f4999").map(ToString::to_string), Some("4999".to_owned()));
}

#[test]
fn fields() {
    for host in ["", r#""host":" ","#, r#""host":null,"#] {
        let want = ["m host=10.0.0.1 gelf_fault=no_host", "!no_host"];
        check("41", format!(r#"{{{host}"short_message":"m"}}"#), &want);
    }
    check("41", r#"{"host":5,"short_message":"m"}"#, &["m host=5"]);
    check("42", r#"{"host":"h"}"#, &[" gelf_fault=no_message", "!no_message"]);
    check("42", r#"{"host":"h","short_message":" \r"}"#, &["", "!blank_message"]);
    check("42", r#"{"host":"h","short_message":{"a":1}}"#, &["{\\\"a\\\":1}"]);
    check("42", r#"{"host":"h","short_message":5}"#, &["5"]);
    check("42", r#"{"host":"h","full_message":"\nfirst\nsecond"}"#, &["first full_message=\\nfirst\\nsecond"]);
    check("43", r#"{"host":"h","message":"m"}"#, &["m"]);
    check("43", r#"{"host":"h","short_message":" ","message":"m"}"#, &["m"]);
    for timestamp in [
        "1795046399.5",
        "\"1795046399.5\"",
        "1795046399500",
        "1795046399500000",
        "1795046399500000000",
        "\"2026-11-18T23:59:59.5Z\"",
    ] {
        check_fields("44", &format!("\"timestamp\":{timestamp}"), &["m time=1795046399500000000"]);
    }
    for timestamp in ["0", "-5", "\"soon\"", "NaN", "true"] {
        let shown = timestamp.trim_matches('"');
        let want = format!("m gelf_timestamp={shown} gelf_fault=bad_timestamp");
        check_fields("44", &format!("\"timestamp\":{timestamp}"), &[&want, "!bad_timestamp"]);
    }
    check_fields(
        "44",
        "\"timestamp\":4102444800",
        &["m gelf_timestamp=4102444800 gelf_fault=future_timestamp", "!future_timestamp"],
    );
    check_fields("44", "\"timestamp\":null", &["m"]);
    for (level, want) in [("\"6\"", 6), ("\"error\"", 3), ("\"WARN\"", 4), ("6.0", 6), ("0", 0)] {
        check_fields("45", &format!("\"level\":{level}"), &[&format!("m level={want}")]);
    }
    for level in ["99", "-1", "\"loud\"", "1.5", "true"] {
        let shown = level.trim_matches('"');
        let want = format!("m gelf_level={shown} gelf_fault=bad_level");
        check_fields("45", &format!("\"level\":{level}"), &[&want, "!bad_level"]);
    }
    check_fields(
        "46",
        r#""_a":true,"_b":null,"_c":[1,"x"],"_d":{"e":{"f":1.5},"g":{}},"h.i":"j""#,
        &["m a=true c=[1,\\\"x\\\"] d.e.f=1.5 d.g={} h.i=j"],
    );
    check_fields(
        "47",
        r#""_id":1,"_timestamp":2,"_source":3,"_message":4,"_":5,"_level":6,"message":7"#,
        &["m id=1 _timestamp=2 _source=3 _message=7 _=5 _level=6", "!duplicate_field"],
    );
    check_fields(
        "48",
        r#""_a/b":1,"_c d":2,"_.e.":3,"_😀":4,"__x":5,"_u":6,"_U":7"#,
        &["m a/b=1 c d=2 .e.=3 😀=4 _x=5 u=6 U=7"],
    );
    check_datagrams(
        "49",
        &[at(0, br#"{"host":"h","short_message":"m","_n":1}"#), at(1, br#"{"host":"h","short_message":"m","_n":"x"}"#)],
        &["m n=1", "m n=x"],
    );
    check_fields("50", r#""_container_id":"mine""#, &["m container_id=mine"]);
}

#[test]
fn content_is_kept_as_it_is() {
    // 51 and 52: the pieces stay records of their own, in order, with their equal times and replacement characters.
    let piece = |text: &str| format!(r#"{{"host":"h","short_message":"{text}","timestamp":1795046399.001}}"#);
    check_datagrams(
        "51, 52",
        &[at(0, piece("a\u{fffd}").as_bytes()), at(0, piece("\u{fffd}b").as_bytes())],
        &["a\u{fffd} time=1795046399001000000", "\u{fffd}b time=1795046399001000000"],
    );
    check(
        "53",
        r#"{"host":"h","short_message":"\u001b[31mred\u001b[0m 10%\r20%\r"}"#,
        &["\\u{1b}[31mred\\u{1b}[0m 10%\\r20%\\r"],
    );
    check(
        "54",
        r#"{"host":"h","short_message":"\tat com.example.Main.run(Main.java:7)"}"#,
        &["\\tat com.example.Main.run(Main.java:7)"],
    );
    let equal: Vec<Arriving> = (0..10_000).map(|_| at(0, MESSAGE.as_bytes())).collect();
    check_datagrams("55, 57", &equal, &vec!["m"; 10_000]);
    let earlier = br#"{"host":"h","short_message":"m","timestamp":1}"#;
    check_datagrams("56", &[at(5, MESSAGE.as_bytes()), at(0, earlier)], &["m", "m time=1000000000"]);
}

#[test]
fn streams() {
    let config = TcpConfig { frame_max: ByteSize(4096), ..TcpConfig::default() };
    let check = |number: &str, sent: &Sent<'_>, want: &[&str]| {
        let (records, losses) = tcp_tests::run(config, sent);
        let losses = losses.into_iter().map(|loss| format!("!{}", loss.reason));
        let got: Vec<_> = records.iter().map(show).chain(losses).collect();
        assert_eq!(got, want, "{number}");
    };
    let nul = format!("{MESSAGE}\0");
    check("58", &Sent::Closing(&[b'x'; 5000]), &["!frame_too_long"]);
    check("58", &Sent::Closing(format!("{nul}{}\0", "x".repeat(5000)).as_bytes()), &["m", "!frame_too_long"]);
    check("60", &Sent::Closing(format!("{nul}{FRONT}").as_bytes()), &["m", "!invalid_json"]);
    check("60", &Sent::Closing(format!("{nul}{MESSAGE}").as_bytes()), &["m", "m"]);
    check("61", &Sent::Closing(format!("{MESSAGE}\n{MESSAGE}\r\n").as_bytes()), &["m", "m"]);
    let lines = format!("{MESSAGE}\n{MESSAGE}\n");
    check("61", &Sent::Open { bytes: lines.as_bytes(), n_results: 2 }, &["m", "m"]);
    check("62", &Sent::Closing(b"\x16\x03\x01\x02\x00\x01\x00"), &["!tls_hello"]);
}

#[test]
fn slow_senders_are_cut_off() {
    let config = TcpConfig { frame_timeout: watchfire_model::DurationMs(300), ..TcpConfig::default() };
    let (records, losses) = tcp_tests::run(config, &Sent::Open { bytes: FRONT.as_bytes(), n_results: 1 });
    // 59
    assert_eq!((records.len(), losses.len(), losses[0].reason), (0, 1, "frame_timeout"));
}
