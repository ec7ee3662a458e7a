//! Attacks over UDP: bombs, chunks that never complete, and more than anybody can take.

use super::Ground;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::io::Write;
use std::net::UdpSocket;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// What a bomb grows to: beyond the 8 MiB that a message may have.
const BOMB_BYTES: usize = 16 << 20;
const BOMBS_PER_SECOND: u32 = 1_000;
const FLOOD_PER_SECOND: u32 = 20_000;
/// A chunk's data in the flood.
const CHUNK_BYTES: usize = 1_200;

/// Sends as many datagrams a second as told, in small bursts.
fn paced(ground: &Ground, per_second: u32, mut send: impl FnMut(u64)) {
    let began = Instant::now();
    let mut sent: u64 = 0;
    while !ground.is_over() {
        let due = (began.elapsed().as_secs_f64() * f64::from(per_second)) as u64;
        while sent < due {
            send(sent);
            sent += 1;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").expect("a socket")
}

/// gzip, zlib and gzip of several members; made once, before the clock runs.
pub(super) static BOMBS: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let blanks = vec![b' '; BOMB_BYTES];
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    let zlib = zlib.write_all(&blanks).and_then(|()| zlib.finish()).expect("memory takes every byte");
    [gzip(&blanks), zlib, gzip(&blanks[..1 << 20]).repeat(12)]
});

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes every byte")
}

/// The bombs, whole and in chunks.
pub(super) fn bombs(ground: &Ground) {
    let bombs = &*BOMBS;
    let socket = socket();
    paced(ground, BOMBS_PER_SECOND, |number| {
        let bomb = &bombs[number as usize % bombs.len()];
        if bomb.len() <= 60_000 && number % 2 == 0 {
            // A refused datagram was one bomb less.
            let _ = socket.send_to(bomb, ground.gelf_udp);
            return;
        }
        let pieces: Vec<&[u8]> = bomb.chunks(1400).take(128).collect();
        for (index, piece) in pieces.iter().enumerate() {
            let _ = socket.send_to(&chunk(number, index as u8, pieces.len() as u8, piece), ground.gelf_udp);
        }
    });
}

/// A new message with every datagram, none ever complete; now and then one that cannot be.
pub(super) fn chunks(ground: &Ground) {
    let socket = socket();
    let data = vec![b'x'; CHUNK_BYTES];
    paced(ground, FLOOD_PER_SECOND, |number| {
        let datagram = match number % 16 {
            0 => chunk(number, 200, 128, &data), // its index is beyond its count
            1 => chunk(number, 0, 0, &data),
            2 => chunk(7, (number % 128) as u8, 128, &data), // the same message over and over
            3 => chunk(8, 0, (number % 128) as u8, &data),   // a message of changing length
            _ => chunk(number, 0, 128, &data),
        };
        let _ = socket.send_to(&datagram, ground.gelf_udp);
    });
}

/// As many good messages as the machine can send.
pub(super) fn overload(ground: &Ground) {
    let socket = socket();
    let filler = "x".repeat(300);
    let mut number = 0_u64;
    while !ground.is_over() {
        let message = format!("{{\"host\":\"flood\",\"short_message\":\"{number} {filler}\"}}");
        let _ = socket.send_to(message.as_bytes(), ground.gelf_udp);
        number += 1;
    }
}

fn chunk(id: u64, index: u8, count: u8, data: &[u8]) -> Vec<u8> {
    [&[0x1e, 0x0f][..], &id.to_be_bytes(), &[index, count], data].concat()
}
