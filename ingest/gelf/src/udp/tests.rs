use super::*;
use crate::recorder::{Recorder, clock, wait_until};
use parking_lot::Mutex;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::sync::atomic::AtomicUsize;
use std::time::Instant;
use watchfire_model::status::Loss;
use watchfire_model::{Fate, Ledger, LogRecord, Receipt, Refused};

const MESSAGE: &[u8] = br#"{"host":"h","short_message":"m"}"#;

fn local(config: UdpConfig) -> UdpConfig {
    UdpConfig { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), ..config }
}

fn client(input: &UdpInput) -> UdpSocket {
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    client.connect((Ipv4Addr::LOCALHOST, input.local_addr().port())).expect("an address of its own kind");
    client
}

#[test]
fn datagrams_become_records_of_their_sender() {
    let sink = Arc::new(Recorder::default());
    let mut input = UdpInput::start(local(UdpConfig::default()), sink.clone(), clock()).expect("a free port");
    let client = client(&input);
    client.send(MESSAGE).expect("loopback");
    client.send(b"\x1e\x0fABCDEFGH\x00\x02{\"short_mess").expect("loopback");
    client.send(b"\x1e\x0fABCDEFGH\x01\x02age\":\"chunked\"}").expect("loopback");
    client.send(b"nonsense").expect("loopback");
    wait_until("two records and a loss are counted", || {
        input.counters().records() == 2 && input.counters().faults(FaultReason::InvalidJson) == 1
    });
    let records = sink.records.lock().clone();
    let lines: Vec<_> = records.iter().map(|record| (record.host.as_str(), record.message.as_str())).collect();
    assert_eq!(lines, [("h", "m"), ("127.0.0.1", "chunked")]);
    let status = input.status();
    assert_eq!(
        (status.kind, status.received, status.losses),
        ("gelf-udp", 4, vec![Loss { reason: "invalid_json", count: 1 }])
    );
    assert_eq!((status.senders.len(), status.senders[0].records, status.senders[0].losses), (1, 2, 1));
    assert_eq!(input.counters().chunks().complete_messages, 1);
    let started = Instant::now();
    input.stop();
    assert!(started.elapsed() < STOP_CHECK * 10, "{:?}", started.elapsed());
}

#[test]
fn ipv4_senders_of_an_ipv6_socket_have_their_ipv4_address() {
    let config = UdpConfig { listen: SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)), threads: 2, ..UdpConfig::default() };
    let sink = Arc::new(Recorder::default());
    let input = UdpInput::start(config, sink.clone(), clock()).expect("a free port");
    for _ in 0..20 {
        client(&input).send(br#"{"short_message":"m"}"#).expect("loopback");
    }
    wait_until("all are stored", || input.counters().records() == 20);
    assert!(sink.records.lock().iter().all(|record| record.host == "127.0.0.1"));
}

#[test]
fn what_the_sink_drops_is_counted() {
    let sink = Arc::new(Recorder { room: Some(AtomicUsize::new(3)), ..Recorder::default() });
    let mut input = UdpInput::start(local(UdpConfig::default()), sink, clock()).expect("a free port");
    let client = client(&input);
    for _ in 0..10 {
        client.send(MESSAGE).expect("loopback");
    }
    wait_until("all are counted", || {
        input.counters().records() + input.counters().faults(FaultReason::PipelineFull) == 10
    });
    input.stop();
    assert_eq!(input.counters().records(), 3);
}

#[test]
fn the_kernel_is_asked_for_its_losses() {
    let socket = socket::bind_udp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), false, STOP_CHECK).expect("a free port");
    let got = socket::set_receive_buffer(&socket, 8 << 10).expect("a small buffer");
    assert!(got >= 4 << 10);
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = socket::local_addr(&socket).expect("it is bound");
    for _ in 0..500 {
        sender.send_to(MESSAGE, address).expect("loopback");
    }
    let socket = Arc::new(socket);
    let drops = KernelDrops::new(Arc::clone(&socket));
    let (counters, ledger) = (InputCounters::new("gelf-udp", String::new()), Ledger::default());
    drops.count(&counters, &ledger, TimeNs(1));
    let mut buffers = BatchReceiver::new();
    let mut n_received = 0;
    while let Ok(n) = buffers.receive(&socket) {
        n_received += n as u64;
    }
    drops.count(&counters, &ledger, TimeNs(1));
    assert!(n_received > 0);
    let n_dropped = counters.faults(FaultReason::KernelBufferFull);
    assert_eq!(n_dropped + n_received, 500);
    assert_eq!(ledger.status(TimeNs(i64::MAX), 0).unshared_losses, n_dropped as f64);
}

#[test]
fn a_small_buffer_is_explained() {
    let text = small_buffer_warning(8 << 20, 208 << 10);
    assert!(text.contains("208KiB instead of 8MiB") && text.contains("sysctl -w net.core.rmem_max=8388608"), "{text}");
}

/// A sink that settles as it likes: at once, later, in parts, from another thread.
#[derive(Debug)]
struct Moody {
    ledger: Arc<Ledger>,
    seed: Mutex<u64>,
    /// Offers that are not settled yet, and how many records they have.
    open: Mutex<Vec<(Arc<dyn Receipt>, usize)>>,
}

impl Moody {
    /// Pseudo-random, below `n`.
    fn draw(&self, n: usize) -> usize {
        let mut seed = self.seed.lock();
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) as usize % n
    }

    fn settle(&self, receipt: &dyn Receipt, n_records: usize) {
        let mut first = 0;
        while first < n_records {
            let end = first + 1 + self.draw(n_records - first);
            let fates = [Fate::Stored, Fate::PipelineFull, Fate::DiskFull, Fate::CommitFailed, Fate::StoreFailed];
            receipt.settle(first..end, fates[self.draw(fates.len())]);
            first = end;
        }
    }
}

impl RecordSink for Moody {
    fn offer(&self, records: Vec<LogRecord>, receipt: Arc<dyn Receipt>) {
        if self.draw(2) == 0 {
            self.open.lock().push((receipt, records.len()));
        } else {
            self.settle(&*receipt, records.len());
        }
    }

    fn store(&self, _: Vec<LogRecord>) -> Result<(), Refused> {
        Err(Refused::Busy)
    }

    fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }
}

fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let message = r#"{"host":"h","short_message":"m","_container_name":"c1"}"#.as_bytes();
    let other = r#"{"host":"h","short_message":"m","_container_name":"c2"}"#.as_bytes();
    prop_oneof![
        3 => Just(message.to_vec()),
        2 => Just([other, message].concat()),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
        2 => (0..6_u8, 0..3_u8).prop_map(|(id, index)| [&[0x1e, 0x0f][..], &[id; 8], &[index, 3], b"{}"].concat()),
        1 => Just(b"\x1f\x8bnot gzip".to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_message_meets_one_fate(
        datagrams in proptest::collection::vec((0..3_usize, datagram()), 0..200),
        seed: u64,
    ) {
        let sink = Arc::new(Moody { ledger: Arc::default(), seed: Mutex::new(seed), open: Mutex::default() });
        let mut input = UdpInput::start(local(UdpConfig::default()), sink.clone(), clock()).expect("a free port");
        let clients = [client(&input), client(&input), client(&input)];
        for (from, datagram) in &datagrams {
            clients[*from].send(datagram).expect("loopback");
        }
        wait_until("all is received", || input.counters().received() == datagrams.len() as u64);
        input.stop();
        let before = input.status().messages;
        let mut n_open = 0;
        for (receipt, n_records) in std::mem::take(&mut *sink.open.lock()) {
            n_open += n_records as u64;
            sink.settle(&*receipt, n_records);
        }
        prop_assert_eq!(before.waiting, n_open);
        let status = input.status();
        let messages = status.messages;
        prop_assert_eq!(messages.received, messages.stored + messages.refused + messages.dropped);
        prop_assert_eq!(messages.stored, status.records);
        prop_assert_eq!(messages.refused + messages.dropped, status.losses.iter().map(|loss| loss.count).sum::<u64>());
        for sender in &status.senders {
            prop_assert_eq!(sender.messages, messages, "there is one address");
        }
        let books = sink.ledger.status(TimeNs(i64::MAX), usize::MAX);
        let by_name: u64 = books.total.losses.iter().map(|loss| loss.count).sum();
        prop_assert_eq!((books.total.stored, books.total.waiting), (messages.stored, 0));
        prop_assert_eq!(books.total.received, messages.stored + by_name);
        let unread = books.total.shared_losses + books.unshared_losses;
        prop_assert!((unread - (messages.received - books.total.received) as f64).abs() < 0.01);
        let of_containers: u64 = books.containers.iter().map(|row| row.counts.received).sum();
        prop_assert_eq!(of_containers, books.total.received);
    }
}

/// Sends as fast as it can for a while, far beyond what the sink takes: what was sent is what was stored, refused and dropped.
/// `WATCHFIRE_OVERLOAD_SECONDS` makes it longer.
#[test]
fn nothing_is_lost_uncounted_at_twice_the_capacity() {
    let seconds = std::env::var("WATCHFIRE_OVERLOAD_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let sink = Arc::new(Recorder { room: Some(AtomicUsize::new(20_000)), ..Recorder::default() });
    let config =
        UdpConfig { queue: ByteSize::from_mib(1), receive_buffer: ByteSize::from_mib(1), ..UdpConfig::default() };
    let mut input = UdpInput::start(local(config), sink.clone(), clock()).expect("a free port");
    let senders: Vec<_> = (0..2)
        .map(|_| {
            let client = client(&input);
            thread::spawn(move || {
                let started = Instant::now();
                let mut n_sent = 0_u64;
                while started.elapsed() < Duration::from_secs(seconds) {
                    n_sent += u64::from(client.send(MESSAGE).is_ok());
                }
                n_sent
            })
        })
        .collect();
    let n_sent: u64 = senders.into_iter().map(|sender| sender.join().expect("it does not panic")).sum();
    let counted = || {
        let status = input.status();
        status.messages.received - status.messages.waiting
    };
    wait_until("every message is accounted for", || counted() == n_sent);
    input.stop();
    let status = input.status();
    assert_eq!((status.messages.received, status.messages.waiting), (n_sent, 0), "{status:?}");
    assert_eq!(status.messages.stored, sink.records.lock().len() as u64);
}
