//! What an input has seen and lost, for its status and for metrics. Written by the input's threads, read by anybody.

use crate::fault::FaultReason;
use crate::reassembly::ReassemblyCounts;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use watchfire_model::TimeNs;
use watchfire_model::status::{InputStatus, Loss, SenderStatus};

/// Senders that an input remembers; when there are more, the quieter half is forgotten.
const SENDERS_MAX: usize = 1024;
/// Senders that a status shows.
const SENDERS_SHOWN: usize = 50;

/// The numbers of one input since its start.
#[derive(Debug)]
pub struct InputCounters {
    kind: &'static str,
    address: String,
    received: AtomicU64,
    received_bytes: AtomicU64,
    records: AtomicU64,
    /// By [`FaultReason`], in its order.
    faults: [AtomicU64; FaultReason::ALL.len()],
    /// Unix nanoseconds; 0 for never.
    last_received: AtomicI64,
    /// Open connections of a TCP input.
    connections: AtomicU64,
    /// Bytes that the kernel gives to each socket of a UDP input.
    receive_buffer: AtomicU64,
    chunks: Mutex<ReassemblyCounts>,
    last_error: Mutex<String>,
    senders: Mutex<HashMap<IpAddr, SenderTally>>,
}

/// What one sender has sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SenderTally {
    pub records: u64,
    pub losses: u64,
    pub last_received: TimeNs,
}

impl InputCounters {
    pub(crate) fn new(kind: &'static str, address: String) -> InputCounters {
        InputCounters {
            kind,
            address,
            received: AtomicU64::default(),
            received_bytes: AtomicU64::default(),
            records: AtomicU64::default(),
            faults: [const { AtomicU64::new(0) }; FaultReason::ALL.len()],
            last_received: AtomicI64::default(),
            connections: AtomicU64::default(),
            receive_buffer: AtomicU64::default(),
            chunks: Mutex::default(),
            last_error: Mutex::default(),
            senders: Mutex::default(),
        }
    }

    /// Counts what came from the network.
    pub(crate) fn add_received(&self, n: u64, bytes: u64, now: TimeNs) {
        self.received.fetch_add(n, Relaxed);
        self.received_bytes.fetch_add(bytes, Relaxed);
        self.last_received.store(now.0, Relaxed);
    }

    /// Counts records that the sink has taken.
    pub(crate) fn add_records(&self, n: u64) {
        self.records.fetch_add(n, Relaxed);
    }

    pub(crate) fn add_faults(&self, reason: FaultReason, n: u64) {
        self.faults[reason as usize].fetch_add(n, Relaxed);
    }

    /// Remembers the last refusal in words.
    pub(crate) fn set_error(&self, error: String) {
        *self.last_error.lock() = error;
    }

    pub(crate) fn add_sender(&self, sender: IpAddr, tally: SenderTally) {
        let mut senders = self.senders.lock();
        if senders.len() >= SENDERS_MAX && !senders.contains_key(&sender) {
            forget_quiet_half(&mut senders);
        }
        let known = senders.entry(sender).or_default();
        known.records += tally.records;
        known.losses += tally.losses;
        known.last_received = tally.last_received;
    }

    pub(crate) fn add_chunks(&self, more: &ReassemblyCounts) {
        self.chunks.lock().add(more);
    }

    pub(crate) fn connection_opened(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub(crate) fn connection_closed(&self) {
        self.connections.fetch_sub(1, Relaxed);
    }

    pub(crate) fn set_receive_buffer(&self, bytes: u64) {
        self.receive_buffer.store(bytes, Relaxed);
    }

    pub fn kind(&self) -> &'static str {
        self.kind
    }

    pub fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    pub fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Relaxed)
    }

    pub fn records(&self) -> u64 {
        self.records.load(Relaxed)
    }

    pub fn faults(&self, reason: FaultReason) -> u64 {
        self.faults[reason as usize].load(Relaxed)
    }

    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    pub fn receive_buffer(&self) -> u64 {
        self.receive_buffer.load(Relaxed)
    }

    pub fn chunks(&self) -> ReassemblyCounts {
        *self.chunks.lock()
    }

    /// A snapshot for the page.
    pub fn status(&self) -> InputStatus {
        let losses = FaultReason::ALL.iter().filter(|reason| reason.is_loss());
        let losses = losses.map(|reason| Loss { reason: reason.label(), count: self.faults(*reason) });
        let mut senders: Vec<_> = self.senders.lock().iter().map(|(sender, tally)| (*sender, *tally)).collect();
        senders.sort_by_key(|(sender, tally)| (std::cmp::Reverse(tally.records), *sender));
        senders.truncate(SENDERS_SHOWN);
        let last_received = self.last_received.load(Relaxed);
        InputStatus {
            kind: self.kind,
            address: self.address.clone(),
            received: self.received(),
            received_bytes: self.received_bytes(),
            records: self.records(),
            losses: losses.filter(|loss| loss.count > 0).collect(),
            last_received: (last_received != 0).then(|| TimeNs(last_received).to_ms()),
            last_error: self.last_error.lock().clone(),
            senders: senders.into_iter().map(|(sender, tally)| tally.status(sender)).collect(),
        }
    }
}

impl SenderTally {
    fn status(self, sender: IpAddr) -> SenderStatus {
        SenderStatus {
            sender: sender.to_string(),
            records: self.records,
            losses: self.losses,
            last_received: (self.last_received.0 != 0).then(|| self.last_received.to_ms()),
        }
    }
}

fn forget_quiet_half(senders: &mut HashMap<IpAddr, SenderTally>) {
    let mut totals: Vec<u64> = senders.values().map(|tally| tally.records + tally.losses).collect();
    let middle = totals.len() / 2;
    let (_, median, _) = totals.select_nth_unstable(middle);
    let median = *median;
    senders.retain(|_, tally| tally.records + tally.losses > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_bounded_and_the_busy_ones_stay() {
        let counters = InputCounters::new("gelf-udp", String::new());
        let busy = IpAddr::from([10, 0, 0, 1]);
        counters.add_sender(busy, SenderTally { records: 1000, ..SenderTally::default() });
        for n in 0..10_000_u32 {
            let sender = IpAddr::from(n.to_be_bytes());
            counters.add_sender(sender, SenderTally { records: 1, ..SenderTally::default() });
        }
        assert!(counters.senders.lock().len() <= SENDERS_MAX);
        let status = counters.status();
        assert_eq!(status.senders.len(), SENDERS_SHOWN);
        assert_eq!(status.senders[0].sender, "10.0.0.1");
    }

    #[test]
    fn losses_are_named_and_repairs_are_not_losses() {
        let counters = InputCounters::new("gelf-udp", String::new());
        counters.add_faults(FaultReason::InvalidJson, 2);
        counters.add_faults(FaultReason::NoHost, 1);
        assert_eq!(counters.status().losses, [Loss { reason: "invalid_json", count: 2 }]);
    }
}
