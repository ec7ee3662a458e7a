use super::*;
use crate::FieldValue;

const UDP: &str = "gelf-udp";

fn record(container: &str) -> LogRecord {
    LogRecord {
        time: TimeNs(1),
        received: TimeNs(1),
        stream: LogRecord::DEFAULT_STREAM.into(),
        host: "node-1".into(),
        message: "m".into(),
        level: None,
        fields: vec![("container_name".into(), FieldValue::Text(container.into()))],
    }
}

/// Of one address for each ten.
fn sender(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, (port / 10) as u8], port))
}

fn receive(ledger: &Ledger, from: u16, containers: &[&str], at: i64) -> Entries {
    let records: Vec<LogRecord> = containers.iter().map(|name| record(name)).collect();
    ledger.receive(UDP, records.iter().map(|record| (sender(from), record)), TimeNs(at))
}

/// Name, stored, lost by name, shared losses and completeness of each container.
#[track_caller]
fn check(ledger: &Ledger, at: i64, want: &[(&str, u64, u64, f64, f64)]) {
    let status = ledger.status(TimeNs(at), usize::MAX);
    let show = |row: &ContainerStatus| {
        let lost = row.counts.losses.iter().map(|loss| loss.count).sum();
        let percent = row.counts.completeness_percent.unwrap_or(-1.0);
        (row.container.clone(), row.counts.stored, lost, row.counts.shared_losses, percent)
    };
    let got: Vec<_> = status.containers.iter().map(show).collect();
    let want: Vec<_> = want.iter().map(|(name, a, b, c, d)| ((*name).to_owned(), *a, *b, *c, *d)).collect();
    assert_eq!(got, want);
}

#[test]
fn losses_by_name_are_the_containers_own() {
    let ledger = Ledger::default();
    let entries = receive(&ledger, 1, &["a", "b", "a", "b", "a"], 0);
    check(&ledger, 0, &[("a", 0, 0, 0.0, -1.0), ("b", 0, 0, 0.0, -1.0)]);
    ledger.settle(&entries, 0..2, Fate::Stored);
    ledger.settle(&entries, 2..4, Fate::DiskFull);
    ledger.settle(&entries, 4..5, Fate::Refused);
    check(&ledger, 0, &[("a", 1, 1, 0.0, 50.0), ("b", 1, 1, 0.0, 50.0)]);
    let total = ledger.status(TimeNs(0), 0).total;
    assert_eq!((total.received, total.stored, total.refused, total.waiting), (5, 2, 1, 0));
    assert_eq!(total.losses, [Loss { reason: "disk_full", count: 2 }]);
}

#[test]
fn losses_without_a_name_are_shared_by_sender_and_by_input() {
    let ledger = Ledger::default();
    let entries = receive(&ledger, 10, &["a", "a", "a", "b"], 0);
    ledger.settle(&entries, 0..4, Fate::Stored);
    let entries = receive(&ledger, 20, &["c", "c", "c", "c"], 1);
    ledger.settle(&entries, 0..4, Fate::Stored);
    ledger.lose(UDP, Some(sender(10)), 4, TimeNs(2));
    ledger.lose(UDP, None, 4, TimeNs(2));
    ledger.lose(UDP, Some(sender(30)), 7, TimeNs(2));
    ledger.lose("gelf-tcp", None, 8, TimeNs(2));
    check(&ledger, 3, &[("c", 4, 0, 0.0, 100.0), ("a", 3, 0, 0.0, 100.0), ("b", 1, 0, 0.0, 100.0)]);
    check(&ledger, PERIOD_NS, &[("a", 3, 0, 4.5, 40.0), ("b", 1, 0, 1.5, 40.0), ("c", 4, 0, 2.0, 66.666)]);
    assert_eq!(ledger.status(TimeNs(PERIOD_NS), 0).unshared_losses, 15.0);
    // A new period begins without the old one's senders, also when the clock jumps back.
    ledger.lose(UDP, Some(sender(10)), 4, TimeNs(PERIOD_NS));
    assert_eq!(ledger.status(TimeNs(0), 0).unshared_losses, 19.0);
}

#[test]
fn a_port_tells_more_than_an_address() {
    let ledger = Ledger::default();
    for (port, containers) in [(10, ["a", "a"]), (11, ["b", "b"])] {
        let entries = receive(&ledger, port, &containers, 0);
        ledger.settle(&entries, 0..2, Fate::Stored);
    }
    ledger.lose(UDP, Some(sender(11)), 2, TimeNs(1));
    check(&ledger, PERIOD_NS, &[("b", 2, 0, 2.0, 50.0), ("a", 2, 0, 0.0, 100.0)]);
    // Of this port nobody knows more than the address.
    let entries = receive(&ledger, 10, &["a", "a"], PERIOD_NS);
    ledger.settle(&entries, 0..2, Fate::Stored);
    ledger.lose(UDP, Some(sender(12)), 1, TimeNs(PERIOD_NS));
    check(&ledger, 2 * PERIOD_NS, &[("b", 2, 0, 2.0, 50.0), ("a", 4, 0, 1.0, 80.0)]);
}

#[test]
fn all_but_lossless_is_not_a_hundred() {
    let ledger = Ledger::default();
    let containers = vec!["a"; 1_000_000];
    let entries = receive(&ledger, 1, &containers, 0);
    ledger.settle(&entries, 0..999_999, Fate::Stored);
    ledger.settle(&entries, 999_999..1_000_000, Fate::PipelineFull);
    check(&ledger, 0, &[("a", 999_999, 1, 0.0, 99.999)]);
}

#[test]
fn forgotten_containers_stay_in_the_total() {
    let ledger = Ledger::new(8);
    let mut entries = Vec::new();
    for n in 0..100_u8 {
        let name = format!("c{n}");
        entries.push(receive(&ledger, u16::from(n % 3) * 10, &[&name, &name], i64::from(n)));
    }
    for entries in &entries {
        ledger.settle(entries, 0..1, Fate::Stored);
        ledger.settle(entries, 1..2, Fate::CommitFailed);
    }
    ledger.lose(UDP, None, 10, TimeNs(99));
    let status = ledger.status(TimeNs(PERIOD_NS), usize::MAX);
    assert_eq!((status.known as u64 + status.forgotten, status.known <= 8), (100, true));
    assert!(status.containers.iter().any(|row| row.container == "c99"), "the last one seen stays");
    let total = status.total;
    assert_eq!((total.received, total.stored, total.waiting), (200, 100, 0));
    assert_eq!(total.losses, [Loss { reason: "commit_failed", count: 100 }]);
    assert!((total.shared_losses + status.unshared_losses - 10.0).abs() < 0.01);
    assert!(status.containers.iter().all(|row| row.counts.waiting == 0));
}
