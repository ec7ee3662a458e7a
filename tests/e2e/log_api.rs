//! The log API as a user meets it: search with steps, tables, surroundings, exports, saved searches, the live tail.

use crate::harness::{DEADLINE, Server, encode, eventually, request, run};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

const ALL: &str = "start=0&end=4102444800";
const API: &str = "/api/watchfire/v1/logs";

/// Records of three containers, one a second, with a number.
fn fill(server: &Server, count: usize) {
    let lines: Vec<String> = (0..count)
        .map(|n| {
            format!(
                r#"{{"host":"node-{}","short_message":"GET /v1/items/{n} took {}ms","timestamp":{},"level":{},"_container_name":"web-{}","_number":{n},"_took_ms":{},"_user":"u{}"}}"#,
                n % 3,
                n * 3,
                1_795_132_800 + n,
                3 + n % 4,
                n % 3,
                n * 3,
                n % 7
            )
        })
        .collect();
    for lines in lines.chunks(2000) {
        let answer = server.post("/gelf", &[], lines.join("\n").as_bytes());
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
}

#[track_caller]
fn ask(server: &Server, call: &str, query: &str, more: &str) -> Value {
    let answer = server.get(&format!("{API}/{call}?{ALL}&query={}{more}", encode(query)));
    assert_eq!(answer.status, 200, "{call} {query}: {}", answer.body);
    answer.json()
}

#[track_caller]
fn numbers(records: &Value) -> Vec<i64> {
    let records = records.as_array().expect("records");
    records.iter().map(|record| record["fields"]["number"].as_i64().expect("a number")).collect()
}

#[test]
fn searches_counts_and_tables() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    fill(&server, 100);
    assert_eq!(ask(&server, "count", "took_ms:>=150", "")["count"], 50);
    assert_eq!(ask(&server, "count", "took_ms:>0.1s user:(u1 OR u2)", "")["count"], json!(19));
    let oldest = ask(&server, "search", "*", "&order=oldest&limit=3&fields=number");
    assert_eq!(numbers(&oldest["records"]), [0, 1, 2]);
    let cursor = oldest["next_cursor"].as_str().expect("more follows");
    let next = ask(&server, "search", "*", &format!("&order=oldest&limit=2&cursor={}", encode(cursor)));
    assert_eq!(numbers(&next["records"]), [3, 4]);
    let stepped = ask(&server, "search", "* | math number * 2 as twice | filter twice:>=190 | rename user as who", "");
    assert_eq!(numbers(&stepped["records"]), [99, 98, 97, 96, 95]);
    assert_eq!(stepped["records"][0]["fields"]["twice"], 198);
    assert_eq!(stepped["records"][0]["fields"]["who"], "u1");

    let table =
        ask(&server, "stats", "* | stats by (container_name) count() as n, max(number) as most | sort by (n desc)", "");
    assert_eq!(table["columns"], json!(["container_name", "n", "most"]));
    assert_eq!(table["rows"], json!([["web-0", 34, 99], ["web-1", 33, 97], ["web-2", 33, 98]]));
    assert_eq!(table["truncated"], false);
    assert!(table["stats"]["records_scanned"].is_u64(), "{table}");
    let fields = ask(&server, "fields", "number:<10", "&names=user&values=2");
    assert_eq!(fields["fields"][0]["name"], "user", "{fields}");
    assert_eq!(fields["fields"][0]["values"], json!([{"value": "u0", "records": 2}, {"value": "u1", "records": 2}]));

    let refused = server.get(&format!("{API}/search?{ALL}&query={}", encode("* | stats count()")));
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(refused.body.contains("stats"), "{}", refused.body);
    let misspelt = server.get(&format!("{API}/stats?{ALL}&query={}", encode("error | stast count()")));
    let error = &misspelt.json()["error"];
    assert_eq!((misspelt.status, &error["start"]), (400, &json!(8)), "{error}");
    assert!(error["suggestion"].as_str().is_some_and(|text| text.contains("stats")), "{error}");
    let explained = server.get(&format!("{API}/explain?query={}", encode("error | stats count()"))).json();
    assert!(explained["stages"].as_array().is_some_and(|stages| !stages.is_empty()), "{explained}");
    assert!(server.stop().success());
}

#[test]
fn the_surroundings_of_a_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    fill(&server, 60);
    let found = ask(&server, "search", "number:30", "");
    let id = encode(found["records"][0]["id"].as_str().expect("an id"));
    let around = |more: &str| server.get(&format!("{API}/context?id={id}{more}")).json();
    let same = around("&before=2&after=2");
    assert_eq!((numbers(&same["before"]), numbers(&same["after"])), (vec![24, 27], vec![33, 36]), "{same}");
    let any = around("&before=1&after=3&same=any");
    assert_eq!((numbers(&any["before"]), numbers(&any["after"])), (vec![29], vec![31, 32, 33]), "{any}");
    let host = around("&seconds=4&same=host");
    assert_eq!((numbers(&host["before"]), numbers(&host["after"])), (vec![27], vec![33]), "{host}");
}

#[test]
fn exports_stream_and_end_with_their_client() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    fill(&server, 12_000);
    let whole = server.get(&format!("{API}/export?{ALL}&query=&format=ndjson&order=oldest"));
    assert_eq!(whole.status, 200);
    assert!(whole.head.to_ascii_lowercase().contains("content-disposition: attachment"), "{}", whole.head);
    let found: Vec<i64> = whole
        .body
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["fields"]["number"].as_i64().expect("a number"))
        .collect();
    assert_eq!(found, (0..12_000).collect::<Vec<i64>>(), "every record, in order");
    let csv = server.get(&format!("{API}/export?{ALL}&query=number%3A%3C3&format=csv&order=oldest&fields=number,user"));
    assert_eq!(csv.body.lines().count(), 4, "{}", csv.body);

    // A client that reads a little and leaves; the query that feeds it must end.
    let mut stream = TcpStream::connect(server.http).expect("connected");
    let head = format!("GET {API}/export?{ALL}&query= HTTP/1.1\r\nHost: {}\r\n\r\n", server.http);
    stream.write_all(head.as_bytes()).expect("sent");
    let mut some = [0; 4096];
    stream.read_exact(&mut some).expect("it begins");
    drop(stream);
    eventually("no query runs any more", || (server.metric("watchfire_api_queries_running", &[]) == 0.0).then_some(()));
    assert_eq!(server.search("number:77").len(), 1);
    assert!(server.stop().success());
}

#[test]
fn saved_searches_have_versions_and_parameters() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    fill(&server, 70);
    let path = format!("{API}/saved/of-user");
    let put = |body: &Value| {
        let headers = [("Content-Type", "application/json")];
        request(server.http, "PUT", &path, &headers, body.to_string().as_bytes()).expect("an answer")
    };
    let search = json!({"description": "of one user", "query": "user:$who number:<$most", "parameters": [
        {"name": "who"}, {"name": "most", "default": "50"}]});
    let stored = put(&search);
    assert!(matches!(stored.status, 200 | 201), "{}", stored.body);
    let version = server.get(&path).json()["version"].as_u64().expect("a version");
    let mut stale = search.clone();
    stale["version"] = json!(version + 7);
    assert_eq!(put(&stale).status, 409);

    let count = |parameters: &str| {
        let answer = server.get(&format!("{API}/search?{ALL}&saved=of-user&{parameters}"));
        (answer.status, answer.json()["records"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(count("param.who=u3"), (200, 7));
    assert_eq!(count("param.who=u3&param.most=20"), (200, 3));
    // A value is a value, whatever it holds.
    assert_eq!(count(&format!("param.who={}", encode("u3\" OR user:*"))), (200, 0));
    assert_eq!(count("param.most=20").0, 400, "`who` has no default");
    assert!(server.stop().success());

    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.get(&format!("{API}/saved")).json()["saved"][0]["name"], "of-user");
    let removed = request(server.http, "DELETE", &path, &[], b"").expect("an answer");
    assert_eq!(removed.status / 100, 2, "{}", removed.body);
    assert_eq!(server.get(&path).status, 404);
}

fn send(server: &Server, word: &str) {
    let body = format!(r#"{{"host":"h","short_message":"{word} line","_word":"{word}"}}"#);
    assert_eq!(server.post("/gelf", &[], body.as_bytes()).status, 202);
}

#[test]
fn the_live_tail_by_events() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let stream = TcpStream::connect(server.http).expect("connected");
    stream.set_read_timeout(Some(DEADLINE)).expect("a time-out");
    let query = encode("line | filter NOT quiet | format \"<word>!\" as loud");
    write!(&stream, "GET {API}/tail?query={query} HTTP/1.1\r\nHost: {}\r\n\r\n", server.http).expect("sent");
    let mut lines = BufReader::new(&stream).lines().map(|line| line.expect("a line"));
    assert!(lines.next().expect("a status").contains("200"));
    lines.find(String::is_empty).expect("the end of the head");
    for word in ["one", "quiet", "two"] {
        send(&server, word);
    }
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let data = lines.find_map(|line| line.strip_prefix("data:").map(str::to_owned)).expect("events");
        for record in serde_json::from_str::<Value>(&data).expect("JSON").as_array().expect("a list") {
            seen.push(record["fields"]["loud"].clone());
        }
    }
    assert_eq!(seen, ["one!", "two!"]);
}

#[test]
fn the_live_tail_over_a_websocket() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let mut stream = open_socket(&server, "http://localhost:1", 403);
    drop(stream);
    stream = open_socket(&server, &format!("http://{}", server.http), 101);
    for word in ["one", "two"] {
        send(&server, word);
    }
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let Some(text) = text_frame(&mut stream) else { continue };
        for record in serde_json::from_str::<Value>(&text).expect("JSON")["records"].as_array().expect("a list") {
            seen.push(record["fields"]["word"].clone());
        }
    }
    assert_eq!(seen, ["one", "two"]);
    assert!(server.stop().success(), "an open tail does not hold the server up");
}

/// A handshake of RFC 6455, section 1.3, that has to end with `status`.
fn open_socket(server: &Server, origin: &str, status: u16) -> TcpStream {
    let mut stream = TcpStream::connect(server.http).expect("connected");
    stream.set_read_timeout(Some(DEADLINE)).expect("a time-out");
    let head = format!(
        "GET {API}/tail/ws?query=line HTTP/1.1\r\nHost: {}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.http
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
    assert!(status != 101 || head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    stream
}

/// The text of the next frame, none where it is of another kind. Servers do not mask.
fn text_frame(stream: &mut TcpStream) -> Option<String> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).expect("a frame");
    let len = match head[1] {
        126 => {
            let mut len = [0; 2];
            stream.read_exact(&mut len).expect("a length");
            u64::from(u16::from_be_bytes(len))
        }
        127 => {
            let mut len = [0; 8];
            stream.read_exact(&mut len).expect("a length");
            u64::from_be_bytes(len)
        }
        len => u64::from(len),
    };
    let mut payload = vec![0; usize::try_from(len).expect("a short frame")];
    stream.read_exact(&mut payload).expect("a payload");
    (head[0] & 0x0f == 1).then(|| String::from_utf8(payload).expect("text"))
}

#[test]
fn the_command_line_prints_tables() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    for word in ["one", "two", "two"] {
        send(&server, word);
    }
    let address = format!("http://{}", server.http);
    let table = run(&["logs", "* | stats by (word) count() as n | sort by (n desc)", "--server", &address]);
    let text = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.status.success(), "{text} {}", String::from_utf8_lossy(&table.stderr));
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(rows.contains(&vec!["two", "2"]) && rows.contains(&vec!["one", "1"]), "{text}");
    let lines = run(&["logs", "word:two", "--server", &address]);
    assert_eq!(String::from_utf8_lossy(&lines.stdout).lines().count(), 2);
}
