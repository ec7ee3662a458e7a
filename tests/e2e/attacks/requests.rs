//! Attacks over HTTP and TCP: endless and slow requests, odd messages, lengths that lie.

use super::Ground;
use crate::harness::request;
use rustix::net::{AddressFamily, SocketType};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Connections that are held open; the first half says nothing but the start of a request, the others dribble a body.
const SLOW_CONNECTIONS: usize = 2_000;
/// Every address of 127.0.0.0/8 is this machine.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 6, 6, 6);
const PATIENCE: Duration = Duration::from_secs(1);
/// New field names on each message.
const FIELDS_PER_MESSAGE: usize = 100;
/// What one connection sends at most of an endless request.
const ENDLESS_BYTES_MAX: usize = 1 << 30;

/// Messages whose every field has a name that was never seen before.
pub(super) fn fields(ground: &Ground) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    while !ground.is_over() {
        let lines: Vec<String> = (0..20)
            .map(|_| {
                let first = NEXT.fetch_add(FIELDS_PER_MESSAGE, Ordering::Relaxed);
                let fields: Vec<String> =
                    (first..first + FIELDS_PER_MESSAGE).map(|field| format!(",\"_f{field}\":\"{field}\"")).collect();
                format!("{{\"host\":\"fields\",\"short_message\":\"fields\"{}}}", fields.concat())
            })
            .collect();
        // A refusal is the server's good right here.
        let _ = request(ground.http, "POST", "/gelf", &[], lines.join("\n").as_bytes());
    }
}

/// Many connections that send a byte now and then, to the page and to GELF.
pub(super) fn slow(ground: &Ground) {
    let mut held: Vec<TcpStream> = Vec::new();
    for index in 0..SLOW_CONNECTIONS {
        let address = if index % 4 == 3 { ground.gelf_tcp } else { ground.http };
        let Ok(mut stream) = connect(address) else { continue };
        let begin: &[u8] = match index % 4 {
            0 | 1 => b"GET / HTTP/1.1\r\nHost: a\r\nX",
            2 => b"POST /gelf HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{",
            _ => b"{\"host\":\"",
        };
        if stream.write_all(begin).is_ok() {
            held.push(stream);
        }
        if ground.is_over() {
            return;
        }
    }
    while !ground.is_over() {
        held.retain_mut(|stream| stream.write_all(b"x").is_ok());
        ground.pause(Duration::from_secs(1));
    }
}

/// Bodies, heads and frames without end.
pub(super) fn oversize(ground: &Ground) {
    let piece = vec![b'x'; 64 << 10];
    let header = b"X-Header: value value value value\r\n".repeat(1_000);
    let ways: [(SocketAddr, &[u8], &[u8]); 6] = [
        (ground.http, b"POST /gelf HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n", &piece),
        (
            ground.http,
            b"POST /gelf HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"4\r\nxxxx\r\n",
        ),
        (
            ground.http,
            b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
            Content-Type: application/x-www-form-urlencoded\r\n\r\n",
            b"4\r\nxxxx\r\n",
        ),
        (ground.http, b"GET / HTTP/1.1\r\nHost: localhost\r\n", &header),
        (ground.http, b"GET /", &piece),
        (ground.gelf_tcp, b"{\"host\":\"", &piece),
    ];
    for (address, begin, endless) in ways.iter().cycle() {
        if ground.is_over() {
            return;
        }
        let Ok(mut stream) = connect(*address) else { continue };
        let endless = endless.repeat((64 << 10) / endless.len());
        let mut sent = 0;
        let mut alive = stream.write_all(begin).is_ok();
        while alive && sent < ENDLESS_BYTES_MAX && !ground.is_over() {
            alive = stream.write_all(&endless).is_ok();
            sent += endless.len();
        }
    }
}

/// Compressed bodies that announce gigabytes, or that are them.
pub(super) fn lies(ground: &Ground) {
    // snappy: a length of 4 GB as a varint, and no data.
    let snappy: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0x0f];
    // A body of several members that grows to a hundred times what it may.
    let bomb = super::datagrams::BOMBS[2].repeat(100);
    let protobuf = [("Content-Encoding", "snappy"), ("Content-Type", "application/x-protobuf")];
    let lie = |path: &str, headers: &[(&str, &str)], body: &[u8]| {
        if let Ok(answer) = request(ground.http, "POST", path, headers, body) {
            assert!(answer.status >= 400, "{path} is answered with {}", answer.status);
        }
    };
    while !ground.is_over() {
        lie("/api/v1/write", &protobuf, snappy);
        lie("/api/v1/read", &protobuf, snappy);
        lie("/gelf", &[("Content-Encoding", "gzip")], &bomb);
        lie("/gelf", &[("Content-Encoding", "deflate")], &bomb);
    }
}

/// Connects from an address that no honest sender has.
fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    rustix::net::bind(&socket, &SocketAddr::from((ATTACKER, 0)))?;
    let stream = TcpStream::from(socket);
    // The time-out of sending is that of connecting, too.
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    rustix::net::connect(&stream, &SocketAddr::from((Ipv4Addr::LOCALHOST, address.port())))?;
    Ok(stream)
}
