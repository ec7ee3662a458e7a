use super::*;
use crate::recorder::{Recorder, clock, wait_until};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::time::Instant;
use watchfire_model::status::{Loss, MessageCounts};
use watchfire_model::{LogRecord, Refused, TimeNs};

/// What a client sends, and what it does then.
#[derive(Debug)]
pub(crate) enum Sent<'a> {
    /// Closes the connection.
    Closing(&'a [u8]),
    /// Stays until so many records or losses are counted.
    Open { bytes: &'a [u8], n_results: u64 },
}

fn local(config: TcpConfig) -> TcpConfig {
    TcpConfig { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), ..config }
}

/// Sends bytes to a real input; returns what it stored and lost.
pub(crate) fn run(config: TcpConfig, sent: &Sent<'_>) -> (Vec<LogRecord>, Vec<Loss>) {
    let sink = Arc::new(Recorder::default());
    let mut input = TcpInput::start(local(config), sink.clone(), clock()).expect("a free port");
    let mut client = TcpStream::connect(input.local_addr()).expect("the input listens");
    match sent {
        Sent::Closing(bytes) => {
            // The input may close first; what it then leaves unread resets the connection.
            let _ = client.write_all(bytes).and_then(|()| client.shutdown(Shutdown::Write));
            let _ = client.read_to_end(&mut Vec::new());
        }
        Sent::Open { bytes, n_results } => {
            client.write_all(bytes).expect("the input reads");
            wait_until("all is stored or lost", || {
                let status = input.status();
                status.records + status.losses.iter().map(|loss| loss.count).sum::<u64>() >= *n_results
            });
        }
    }
    input.stop();
    let records = std::mem::take(&mut *sink.records.lock());
    (records, input.status().losses)
}

#[test]
fn frames_are_stored_whatever_pieces_they_come_in() {
    let sink = Arc::new(Recorder::default());
    let mut input = TcpInput::start(local(TcpConfig::default()), sink.clone(), clock()).expect("a free port");
    let mut client = TcpStream::connect(input.local_addr()).expect("the input listens");
    client.set_nodelay(true).expect("a TCP option");
    let bytes: Vec<u8> =
        (0..200).flat_map(|n| format!("{{\"host\":\"h\",\"short_message\":\"{n}\"}}\0").into_bytes()).collect();
    for piece in bytes.chunks(37) {
        client.write_all(piece).expect("the input reads");
    }
    wait_until("200 records are stored", || input.counters().records() == 200);
    let messages: Vec<_> = sink.records.lock().iter().map(|record| record.message.to_string()).collect();
    assert_eq!(messages, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
    let status = input.status();
    assert_eq!((status.kind, status.received, status.received_bytes), ("gelf-tcp", 200, bytes.len() as u64));
    assert_eq!((status.senders[0].sender.as_str(), status.senders[0].records), ("127.0.0.1", 200));
    assert_eq!(input.counters().connections(), 1);
    let started = Instant::now();
    input.stop();
    assert!(started.elapsed() < STOP_CHECK * 10, "{:?}", started.elapsed());
    assert_eq!(input.counters().connections(), 0);
}

#[test]
fn a_busy_store_is_asked_again() {
    let refusals = vec![Refused::Busy, Refused::DiskFull(String::new()), Refused::Storage(String::new())];
    let sink = Arc::new(Recorder { refusals: refusals.into(), ..Recorder::default() });
    let input = TcpInput::start(local(TcpConfig::default()), sink.clone(), clock()).expect("a free port");
    let mut client = TcpStream::connect(input.local_addr()).expect("the input listens");
    client.write_all(b"{\"host\":\"h\",\"short_message\":\"m\"}\0").expect("the input reads");
    wait_until("the record is stored", || input.counters().records() == 1);
    assert_eq!(sink.records.lock().len(), 1);
    assert_eq!(input.status().losses, []);
}

#[test]
fn connections_and_their_memory_are_bounded() {
    let config =
        TcpConfig { connections_max: 1, memory: watchfire_model::ByteSize::from_mib(2), ..TcpConfig::default() };
    let input = TcpInput::start(local(config), Arc::new(Recorder::default()), clock()).expect("a free port");
    let first = TcpStream::connect(input.local_addr()).expect("the input listens");
    wait_until("the first is accepted", || input.counters().connections() == 1);
    let mut second = TcpStream::connect(input.local_addr()).expect("the kernel accepts");
    assert_eq!(second.read(&mut [0; 1]).unwrap_or(0), 0, "closed by the input");
    assert_eq!(input.counters().faults(FaultReason::ConnectionLimit), 1);
    drop(first);
    wait_until("the first is closed", || input.counters().connections() == 0);
    let config = TcpConfig { memory: watchfire_model::ByteSize::from_mib(2), ..TcpConfig::default() };
    let huge = vec![b'x'; 3 << 20];
    let (_, losses) = run(config, &Sent::Closing(&huge));
    assert_eq!(losses[0].reason, "frame_memory");
}

#[test]
fn silent_connections_make_room_for_those_that_send() {
    let config = TcpConfig { connections_max: 4, ..TcpConfig::default() };
    let sink = Arc::new(Recorder::default());
    let input = TcpInput::start(local(config), sink.clone(), clock()).expect("a free port");
    let send = |client: &mut TcpStream| client.write_all(b"{\"host\":\"h\",\"short_message\":\"m\"}\0");
    let mut quiet = TcpStream::connect(input.local_addr()).expect("the input listens");
    send(&mut quiet).expect("the input reads");
    wait_until("it is stored", || input.counters().records() == 1);
    let silent: Vec<_> = (0..20).map(|_| TcpStream::connect(input.local_addr()).expect("the kernel accepts")).collect();
    wait_until("those beyond the limit are refused", || input.counters().faults(FaultReason::ConnectionLimit) == 17);
    assert_eq!(input.counters().connections(), 4);
    // Whoever is refused comes again.
    wait_until("a sender finds a place", || {
        let mut client = TcpStream::connect(input.local_addr()).expect("the kernel accepts");
        let _ = send(&mut client).and_then(|()| client.shutdown(Shutdown::Write));
        let _ = client.read_to_end(&mut Vec::new());
        input.counters().records() == 2
    });
    send(&mut quiet).expect("a connection that has sent stays");
    wait_until("its second message is stored", || input.counters().records() == 3);
    drop(silent);
}

#[test]
fn what_the_store_refuses_for_good_is_counted_by_its_reason() {
    let sink = Arc::new(Recorder { refusals: vec![Refused::Stopping].into(), ..Recorder::default() });
    let input = TcpInput::start(local(TcpConfig::default()), sink.clone(), clock()).expect("a free port");
    let mut client = TcpStream::connect(input.local_addr()).expect("the input listens");
    let message = b"{\"host\":\"h\",\"short_message\":\"m\"}\0";
    client.write_all(message).expect("the input reads");
    wait_until("the record is lost", || input.counters().faults(FaultReason::Stopping) == 1);
    client.write_all(&[&b"nonsense\0"[..], message].concat()).expect("the input reads");
    wait_until("the next record is stored", || input.counters().records() == 1);
    let status = input.status();
    let want = MessageCounts { received: 3, stored: 1, refused: 1, dropped: 1, waiting: 0 };
    assert_eq!((status.messages, status.senders[0].messages), (want, want));
    let total = sink.ledger.status(TimeNs(i64::MAX), 0).total;
    assert_eq!((total.received, total.stored, total.shared_losses), (2, 1, 1.0));
}

#[test]
fn frames_without_number_are_stored_in_little_memory() {
    let small = b"{}\0".repeat(20_000);
    let config = TcpConfig { memory: watchfire_model::ByteSize::from_mib(2), ..TcpConfig::default() };
    let (records, losses) = run(config, &Sent::Closing(&small));
    assert_eq!((records.len(), losses), (20_000, vec![]));
}
