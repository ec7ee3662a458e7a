//! Streams: rules put records into them as they arrive, each is searched alone, and other rules later change nothing of
//! what is stored.

use crate::harness::{Server, eventually, run};
use std::io::Write;
use std::net::UdpSocket;
use std::path::Path;

fn config(streams: &str) -> String {
    format!("logs:\n  streams:\n{streams}")
}

const RULES: &str = "  - {name: audit, match: 'tag:audit', retention: {age: 365d}}
  - {name: debug, match: 'level:debug', remove_from_default: true, retention: {age: 2d}}
  - {name: slow, match: 'took_ms:>1s'}
";

fn post(server: &Server, fields: &str) {
    let body = format!(r#"{{"host":"h","short_message":"a line",{fields}}}"#);
    assert_eq!(server.post("/gelf", &[], body.as_bytes()).status, 202);
}

/// The numbers of the records that a query finds, sorted.
#[track_caller]
fn numbers(server: &Server, query: &str) -> Vec<i64> {
    let mut numbers: Vec<i64> =
        server.search(query).iter().map(|record| record["fields"]["n"].as_i64().expect("a number")).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn records_are_found_in_each_of_their_streams() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::with_config(dir.path(), &config(RULES));
    post(&server, r#""_n":1,"_tag":"audit""#);
    post(&server, r#""_n":2,"level":7"#);
    post(&server, r#""_n":3,"_tag":"audit","_took_ms":1500"#);
    post(&server, r#""_n":4"#);
    // The same rules for every input.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket
        .send_to(br#"{"host":"h","short_message":"by udp","_n":5,"level":7,"_tag":"audit"}"#, server.gelf_udp)
        .expect("sent");
    server.wait_for("n:*", 5);
    assert_eq!(numbers(&server, "stream:audit"), [1, 3, 5]);
    assert_eq!(numbers(&server, "stream:debug"), [2, 5]);
    assert_eq!(numbers(&server, "stream:slow"), [3]);
    assert_eq!(numbers(&server, "stream:default"), [1, 3, 4]);
    assert_eq!(numbers(&server, "stream:audit AND stream:slow"), [3]);
    assert_eq!(numbers(&server, "NOT stream:default"), [2, 5]);
    let record = server.search("n:3").remove(0);
    assert_eq!(record["stream"], "audit,default,slow", "stored once");
    assert_eq!(server.metric("watchfire_pipeline_stream_records_total", &["stream=\"audit\""]), 3.0);

    let before = server.search("n:*");
    assert!(server.stop().success());
    let server = Server::with_config(dir.path(), &config(RULES));
    assert_eq!(server.search("n:*"), before, "a restart changes nothing");
    assert_eq!(numbers(&server, "stream:audit"), [1, 3, 5]);
}

fn write_config(dir: &Path, streams: &str) {
    std::fs::write(dir.join("watchfire.yml"), config(streams)).expect("written");
}

#[test]
fn other_rules_never_rewrite_history_and_bad_ones_change_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::with_config(dir.path(), &config(RULES));
    post(&server, r#""_n":1,"_tag":"audit""#);

    write_config(dir.path(), "  - {name: tagged, match: 'tag:*'}\n");
    let answer = server.post("/-/reload", &[], b"");
    assert_eq!(answer.status, 200, "{}", answer.body);
    post(&server, r#""_n":2,"_tag":"audit""#);
    assert_eq!(numbers(&server, "stream:audit"), [1]);
    assert_eq!(numbers(&server, "stream:tagged"), [2]);

    write_config(dir.path(), "  - {name: tagged, match: 'tag:(a OR'}\n");
    let answer = server.post("/-/reload", &[], b"");
    assert_eq!(answer.status, 500, "{}", answer.body);
    assert!(answer.body.contains("tagged"), "{}", answer.body);
    let notices = server.get("/api/watchfire/v1/status").json()["notices"].to_string();
    assert!(notices.contains("tagged"), "{notices}");
    post(&server, r#""_n":3,"_tag":"x""#);
    assert_eq!(numbers(&server, "stream:tagged"), [2, 3], "the rules before it hold");

    write_config(dir.path(), RULES);
    server.signal("HUP");
    let mut n = 100;
    eventually("the first rules again", || {
        n += 1;
        post(&server, &format!(r#""_n":{n},"_tag":"audit""#));
        (numbers(&server, &format!("n:{n} stream:audit")) == [n]).then_some(())
    });
    assert_eq!(numbers(&server, "stream:tagged n:<100"), [2, 3]);
}

#[test]
fn a_dry_run_says_what_the_rules_would_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let (rules, lines) = (dir.path().join("watchfire.yml"), dir.path().join("lines.ndjson"));
    std::fs::write(&rules, config(RULES)).expect("written");
    let mut file = std::fs::File::create(&lines).expect("a file");
    writeln!(file, r#"{{"host":"h","short_message":"a","_tag":"audit"}}"#).expect("written");
    writeln!(file, r#"{{"host":"h","short_message":"b","level":7}}"#).expect("written");
    let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let output = run(&["check", "streams", "--config", &path(&rules), "--file", &path(&lines)]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    let shown: Vec<&str> = text.lines().collect();
    assert!(shown.len() >= 2 && shown[0].contains("audit,default") && shown[1].contains("debug"), "{text}");
    std::fs::write(&rules, config("  - {name: Bad Name, match: 'a'}\n")).expect("written");
    assert!(!run(&["check", "config", &path(&rules)]).status.success());
}

/// A stream over its bytes loses its oldest blocks; what others keep as well stays. (By age nothing goes before records have
/// come in for hours, so that a clock that jumps deletes nothing; `tests/sim` has the time for that.)
#[test]
fn each_stream_has_its_own_retention() {
    let dir = tempfile::tempdir().expect("a directory");
    let rules = "  - {name: audit, match: 'tag:audit'}
  - {name: debug, match: 'level:debug', remove_from_default: true, retention: {bytes: 100KiB}}
";
    let server = Server::with_config(dir.path(), &format!("{}  store: {{ flush_age: 1s }}\n", config(rules)));
    post(&server, r#""_n":1,"level":7,"_batch":0"#);
    post(&server, r#""_n":2,"level":7,"_tag":"audit","_batch":0"#);
    post(&server, r#""_n":3,"_batch":0"#);
    let mut batch = 0;
    eventually("the oldest of the stream goes", || {
        batch += 1;
        // Hexadecimal noise, which hardly gets smaller.
        let noise = |n: u64| {
            (0..40)
                .map(|k| format!("{:016x}", (n * 41 + k + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
                .collect::<Vec<_>>()
                .join("-")
        };
        let lines: Vec<String> = (0..100u64)
            .map(|n| {
                format!(r#"{{"host":"h","short_message":"{}","level":7,"_batch":{batch}}}"#, noise(batch * 100 + n))
            })
            .collect();
        assert_eq!(server.post("/gelf", &[], lines.join("\n").as_bytes()).status, 202);
        server.search("stream:debug batch:0 NOT stream:audit").is_empty().then_some(())
    });
    assert_eq!(numbers(&server, "batch:0"), [2, 3]);
    assert!(!server.search("stream:debug NOT stream:audit").is_empty(), "what is new stays");
}
