//! Whose the records of a batch are, kept until it is known what became of them.

use crate::counters::{InputCounters, SenderTally};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use watchfire_model::{Entries, Fate, Ledger, LogRecord, Receipt, TimeNs};

/// Records that an input has read and counted; each is to be settled once.
#[derive(Debug)]
pub(crate) struct BatchReceipt {
    counters: Arc<InputCounters>,
    ledger: Arc<Ledger>,
    entries: Entries,
}

impl BatchReceipt {
    /// Counts records of an input: its own, those of their senders and of their containers.
    pub(crate) fn receive<'a>(
        counters: &Arc<InputCounters>,
        ledger: &Arc<Ledger>,
        records: impl IntoIterator<Item = (SocketAddr, &'a LogRecord)>,
        now: TimeNs,
    ) -> BatchReceipt {
        let entries = ledger.receive(counters.kind(), records, now);
        counters.add_records(entries.len() as u64);
        let tally = |messages| SenderTally { messages, last_received: now, ..SenderTally::default() };
        counters.add_senders(entries.senders(0..entries.len()).map(|(sender, messages)| (sender, tally(messages))));
        BatchReceipt { counters: Arc::clone(counters), ledger: Arc::clone(ledger), entries }
    }

    /// All records of the batch have met the same fate.
    pub(crate) fn settle_all(&self, fate: Fate) {
        self.settle(0..self.entries.len(), fate);
    }
}

impl Receipt for BatchReceipt {
    fn settle(&self, records: Range<usize>, fate: Fate) {
        if !records.is_empty() {
            self.ledger.settle(&self.entries, records.clone(), fate);
            self.counters.settle(self.entries.senders(records), fate);
        }
    }
}
