//! GELF by every way in, with honest answers.

use crate::harness::Server;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};

#[test]
fn http_answers_say_what_was_stored() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let one = server.post("/gelf?x=1", &[], br#"{"version":"1.1","host":"h","short_message":"one","_n":1}"#);
    assert_eq!((one.status, one.body.as_str()), (202, ""), "stored in full: no body, as Graylog answers");
    let lines = server.post(
        "/gelf",
        &[],
        b"{\"host\":\"h\",\"short_message\":\"two\"}\n{\"host\":\"h\",\"short_message\":\"three\"}\n",
    );
    assert_eq!(lines.status, 202, "{}", lines.body);
    let array =
        server.post("/gelf", &[], br#"[{"host":"h","short_message":"four"},{"host":"h","short_message":"five"}]"#);
    assert_eq!(array.status, 202, "{}", array.body);

    let partly = server.post("/gelf", &[], b"{\"host\":\"h\",\"short_message\":\"six\"}\nthis is no JSON\n");
    assert_eq!(partly.status, 202, "{}", partly.body);
    let told = partly.json();
    assert_eq!((&told["stored"], &told["refused"]), (&1.into(), &1.into()), "{told}");

    let nothing = server.post("/gelf", &[], b"not json at all");
    assert_eq!(nothing.status, 400, "{}", nothing.body);
    assert!(!nothing.json()["error"]["message"].as_str().expect("a reason").is_empty());

    // 202 means durable and searchable: no waiting here.
    assert_eq!(server.search("").len(), 6);
    assert_eq!(server.search("n:1").len(), 1);
    assert_eq!(server.get("/gelf").status, 405);
}

#[test]
fn udp_and_tcp_records_are_found_by_word_field_and_phrase() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let message = br#"{"version":"1.1","host":"web-1","short_message":"connection refused by pg-orders","level":3,"_request_id":"7f3a-11"}"#;
    socket.send_to(message, server.gelf_udp).expect("sent");
    // The same in two chunks, the last one first.
    let chunked = br#"{"version":"1.1","host":"web-2","short_message":"in two chunks","_took":1.5}"#;
    let (first, last) = chunked.split_at(30);
    for (index, part) in [(1, last), (0, first)] {
        let mut datagram = vec![0x1e, 0x0f, 1, 2, 3, 4, 5, 6, 7, 8, index, 2];
        datagram.extend_from_slice(part);
        socket.send_to(&datagram, server.gelf_udp).expect("sent");
    }
    let mut stream = TcpStream::connect(server.gelf_tcp).expect("connected");
    stream.write_all(b"{\"host\":\"db-1\",\"short_message\":\"checkpoint complete\",\"_pages\":12}\0").expect("sent");

    for query in
        ["REFUSED", "\"connection refused\"", "request_id:7f3a-11", "7f3a-11", "host:web-1 AND level:3", "level:<=3"]
    {
        server.wait_for(query, 1);
    }
    server.wait_for("took:[1 TO 2]", 1);
    server.wait_for("pages:12", 1);
    server.wait_for("refused OR chunks OR checkpoint", 3);
    // Records count once they are durable, which is a moment after they are found.
    crate::harness::eventually("three datagrams, two records", || {
        let inputs = server.get("/api/watchfire/v1/inputs").json();
        let udp = inputs["inputs"].as_array()?.iter().find(|input| input["kind"] == "gelf-udp")?.clone();
        (udp["received"] == 3 && udp["records"] == 2).then_some(())
    });
}

#[test]
fn a_sender_that_hangs_up_at_once_is_heard() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let body = br#"{"host":"h","short_message":"sent and gone"}"#;
    for n in 0..50 {
        let mut stream = TcpStream::connect(server.http).expect("connected");
        let head = format!("POST /gelf HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n", server.http, body.len());
        let whole = [head.as_bytes(), body].concat();
        let (first, rest) = whole.split_at(if n % 2 == 0 { head.len() } else { whole.len() });
        stream.write_all(first).and_then(|()| stream.write_all(rest)).expect("sent");
    }
    server.wait_for("\"sent and gone\"", 50);
}
