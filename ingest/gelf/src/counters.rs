//! What an input has seen and lost, for its status and for metrics. Written by the input's threads, read by anybody.
//!
//! Invariant: `messages = stored + refused + dropped + waiting`, for the input and for each sender, and nothing waits once the
//! queues are empty. Every record and every loss without a record is one message. Datagrams stand beside this: what was sent is
//! what was received and what the kernel dropped; a chunked message has several, so that losses by reason, which count datagrams
//! where these were lost unread, may be more than the messages that were dropped.

use crate::fault::{Consequence, FaultReason};
use crate::reassembly::ReassemblyCounts;
use crate::unread::Unread;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use watchfire_model::status::{InputStatus, Loss, MessageCounts, SenderStatus};
use watchfire_model::{Fate, TimeNs};

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
    messages: AtomicU64,
    stored: AtomicU64,
    /// By [`FaultReason`], in its order.
    faults: [AtomicU64; FaultReason::ALL.len()],
    /// Unix nanoseconds; 0 for never.
    last_received: AtomicI64,
    /// Open connections of a TCP input.
    connections: AtomicU64,
    /// Bytes that the kernel gives to each socket of a UDP input.
    receive_buffer: AtomicU64,
    chunks: Mutex<ReassemblyCounts>,
    unread: Mutex<Unread>,
    last_error: Mutex<String>,
    senders: Mutex<Senders>,
}

#[derive(Debug, Default)]
struct Senders {
    by_address: HashMap<IpAddr, SenderTally>,
    /// Sums of those that were forgotten.
    forgotten: SenderTally,
}

/// What one sender has sent, and what became of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SenderTally {
    pub messages: u64,
    pub stored: u64,
    pub refused: u64,
    pub dropped: u64,
    pub last_received: TimeNs,
}

impl InputCounters {
    pub(crate) fn new(kind: &'static str, address: String) -> InputCounters {
        InputCounters {
            kind,
            address,
            received: AtomicU64::default(),
            received_bytes: AtomicU64::default(),
            messages: AtomicU64::default(),
            stored: AtomicU64::default(),
            faults: [const { AtomicU64::new(0) }; FaultReason::ALL.len()],
            last_received: AtomicI64::default(),
            connections: AtomicU64::default(),
            receive_buffer: AtomicU64::default(),
            chunks: Mutex::default(),
            unread: Mutex::default(),
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

    /// Counts records that were read, to be settled later.
    pub(crate) fn add_records(&self, n: u64) {
        self.messages.fetch_add(n, Relaxed);
    }

    /// Counts faults; a loss is a message without a record.
    pub(crate) fn add_faults(&self, reason: FaultReason, n: u64) {
        if reason.is_loss() {
            self.messages.fetch_add(n, Relaxed);
        }
        self.faults[reason as usize].fetch_add(n, Relaxed);
    }

    /// Counts datagrams that were lost unread; how many messages these are, estimated: see [`Unread`].
    pub(crate) fn add_unread(&self, reason: FaultReason, datagrams: u64) -> u64 {
        let chunks = *self.chunks.lock();
        let messages = self.unread.lock().lose(datagrams, self.received(), &chunks);
        self.faults[reason as usize].fetch_add(datagrams, Relaxed);
        self.messages.fetch_add(messages, Relaxed);
        messages
    }

    /// Counts what became of records, and of whom they were.
    pub(crate) fn settle(&self, senders: impl Iterator<Item = (IpAddr, u64)>, fate: Fate) {
        let reason = FaultReason::of_fate(fate);
        let mut n = 0;
        self.add_senders(senders.map(|(sender, records)| {
            n += records;
            let mut tally = SenderTally::default();
            *tally.place_of(reason) = records;
            (sender, tally)
        }));
        match reason {
            None => self.stored.fetch_add(n, Relaxed),
            Some(reason) => {
                self.set_error(reason.text().to_owned());
                self.faults[reason as usize].fetch_add(n, Relaxed)
            }
        };
    }

    /// Remembers the last refusal in words.
    pub(crate) fn set_error(&self, error: String) {
        *self.last_error.lock() = error;
    }

    /// Adds to what is known of senders. Neighbours are often the same.
    pub(crate) fn add_senders(&self, tallies: impl Iterator<Item = (IpAddr, SenderTally)>) {
        let mut senders = self.senders.lock();
        let mut last: Option<(IpAddr, SenderTally)> = None;
        for (sender, tally) in tallies {
            match &mut last {
                Some((known, sum)) if *known == sender => sum.add(&tally),
                _ => {
                    if let Some((sender, sum)) = last.replace((sender, tally)) {
                        senders.add(sender, &sum);
                    }
                }
            }
        }
        if let Some((sender, sum)) = last {
            senders.add(sender, &sum);
        }
    }

    /// Counts messages of a sender that gave no record.
    pub(crate) fn add_lost_of(&self, sender: IpAddr, refused: u64, dropped: u64, now: TimeNs) {
        let messages = refused + dropped;
        let tally = SenderTally { messages, refused, dropped, last_received: now, ..SenderTally::default() };
        self.add_senders([(sender, tally)].into_iter());
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

    /// Records that are durable.
    pub fn records(&self) -> u64 {
        self.stored.load(Relaxed)
    }

    /// What became of all messages.
    pub fn messages(&self) -> MessageCounts {
        // What became of them first: of a message that is counted in between, no more is known than that it waits.
        let count = |consequence| {
            let reasons = FaultReason::ALL.iter().filter(|reason| reason.consequence() == consequence);
            reasons.map(|reason| self.faults(*reason)).sum()
        };
        let tally = SenderTally {
            stored: self.records(),
            refused: count(Consequence::Refused),
            dropped: count(Consequence::Dropped).saturating_sub(self.unread.lock().further_chunks()),
            messages: self.messages.load(Relaxed),
            last_received: TimeNs::default(),
        };
        tally.counts()
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
        let (mut senders, forgotten) = {
            let senders = self.senders.lock();
            let all: Vec<_> = senders.by_address.iter().map(|(sender, tally)| (*sender, *tally)).collect();
            (all, senders.forgotten)
        };
        senders.sort_by_key(|(sender, tally)| (std::cmp::Reverse(tally.messages), *sender));
        senders.truncate(SENDERS_SHOWN);
        let last_received = self.last_received.load(Relaxed);
        let receive_buffer = self.receive_buffer();
        InputStatus {
            kind: self.kind,
            address: self.address.clone(),
            received: self.received(),
            received_bytes: self.received_bytes(),
            records: self.records(),
            messages: self.messages(),
            missing_chunks: self.chunks().missing_chunks,
            losses: losses.filter(|loss| loss.count > 0).collect(),
            last_received: (last_received != 0).then(|| TimeNs(last_received).to_ms()),
            last_error: self.last_error.lock().clone(),
            receive_buffer_bytes: (receive_buffer > 0).then_some(receive_buffer),
            senders: senders.into_iter().map(|(sender, tally)| tally.status(sender)).collect(),
            forgotten_senders: forgotten.counts(),
        }
    }
}

impl Senders {
    fn add(&mut self, sender: IpAddr, tally: &SenderTally) {
        if self.by_address.len() >= SENDERS_MAX && !self.by_address.contains_key(&sender) {
            // The fate of old records makes nobody known again.
            if tally.messages == 0 {
                self.forgotten.add(tally);
                return;
            }
            self.forget_quiet_half();
        }
        self.by_address.entry(sender).or_default().add(tally);
    }

    fn forget_quiet_half(&mut self) {
        let mut totals: Vec<u64> = self.by_address.values().map(|tally| tally.messages).collect();
        let middle = totals.len() / 2;
        let (_, median, _) = totals.select_nth_unstable(middle);
        let median = *median;
        let Senders { by_address, forgotten } = self;
        by_address.retain(|_, tally| {
            let stays = tally.messages > median;
            if !stays {
                forgotten.add(tally);
            }
            stays
        });
    }
}

impl SenderTally {
    /// The number to add to for this reason, or for records that are stored.
    fn place_of(&mut self, reason: Option<FaultReason>) -> &mut u64 {
        match reason.map(FaultReason::consequence) {
            None => &mut self.stored,
            Some(Consequence::Refused) => &mut self.refused,
            Some(Consequence::Dropped | Consequence::Kept) => &mut self.dropped,
        }
    }

    fn add(&mut self, more: &SenderTally) {
        self.messages += more.messages;
        self.stored += more.stored;
        self.refused += more.refused;
        self.dropped += more.dropped;
        self.last_received = self.last_received.max(more.last_received);
    }

    fn counts(&self) -> MessageCounts {
        MessageCounts {
            received: self.messages,
            stored: self.stored,
            refused: self.refused,
            dropped: self.dropped,
            waiting: self.messages.saturating_sub(self.stored + self.refused + self.dropped),
        }
    }

    fn status(self, sender: IpAddr) -> SenderStatus {
        SenderStatus {
            sender: sender.to_string(),
            records: self.stored,
            losses: self.refused + self.dropped,
            messages: self.counts(),
            last_received: (self.last_received.0 != 0).then(|| self.last_received.to_ms()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_bounded_and_the_busy_ones_stay() {
        let counters = InputCounters::new("gelf-udp", String::new());
        let busy = IpAddr::from([10, 0, 0, 1]);
        counters.add_lost_of(busy, 600, 400, TimeNs(1));
        for n in 0..10_000_u32 {
            let sender = IpAddr::from(n.to_be_bytes());
            counters.add_senders([(sender, SenderTally { messages: 1, ..SenderTally::default() })].into_iter());
            counters.settle([(sender, 1)].into_iter(), Fate::Stored);
        }
        let status = counters.status();
        assert_eq!(status.senders.len(), SENDERS_SHOWN);
        assert_eq!((status.senders[0].sender.as_str(), status.senders[0].losses), ("10.0.0.1", 1000));
        let senders = counters.senders.lock();
        assert!(senders.by_address.len() <= SENDERS_MAX);
        let mut sum = senders.forgotten;
        senders.by_address.values().for_each(|tally| sum.add(tally));
        let want = MessageCounts { received: 11_000, stored: 10_000, refused: 600, dropped: 400, waiting: 0 };
        assert_eq!(sum.counts(), want);
    }

    #[test]
    fn a_lost_message_of_several_chunks_is_one_message() {
        let counters = InputCounters::new("gelf-udp", String::new());
        counters.add_received(300, 300, TimeNs(1));
        counters.add_chunks(&ReassemblyCounts { chunks: 300, complete_messages: 100, ..ReassemblyCounts::default() });
        assert_eq!(counters.add_unread(FaultReason::KernelBufferFull, 30), 10);
        assert_eq!(counters.add_unread(FaultReason::QueueFull, 3), 1);
        let status = counters.status();
        assert_eq!(status.messages, MessageCounts { received: 11, dropped: 11, ..MessageCounts::default() });
        assert_eq!(status.losses.iter().map(|loss| loss.count).sum::<u64>(), 33);
    }

    #[test]
    fn losses_are_named_and_repairs_are_not_losses() {
        let counters = InputCounters::new("gelf-udp", String::new());
        counters.add_faults(FaultReason::InvalidJson, 2);
        counters.add_faults(FaultReason::NoHost, 1);
        let status = counters.status();
        assert_eq!(status.losses, [Loss { reason: "invalid_json", count: 2 }]);
        assert_eq!(status.messages, MessageCounts { received: 2, refused: 2, ..MessageCounts::default() });
    }
}
