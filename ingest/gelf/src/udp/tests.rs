use super::*;
use crate::recorder::{Recorder, clock, wait_until};
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::sync::atomic::AtomicUsize;
use std::time::Instant;
use watchfire_model::Ledger;
use watchfire_model::status::Loss;

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
