//! A log store and everything that was put into it, and what stores do with records: flush, merge, restart.

use crate::messages::{self, START_S};
use crate::random::Random;
use std::sync::Arc;
use watchfire_logstore::{LogStore, LogStoreOptions};
use watchfire_model::{LogRecord, TimeNs};
use watchfire_store::{ManualClock, MemStorage, Storage};

pub(crate) struct World {
    storage: MemStorage,
    clock: Arc<ManualClock>,
    pub(crate) store: Option<LogStore>,
    /// In order of arrival.
    pub(crate) records: Vec<LogRecord>,
}

/// What is done with the store between queries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Append(u64),
    Flush,
    Compact,
    Restart,
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        let mut world = World {
            storage: MemStorage::new(seed),
            clock: Arc::new(ManualClock::new(TimeNs((START_S + 200_000) * 1_000_000_000))),
            store: None,
            records: Vec::new(),
        };
        world.open();
        world
    }

    fn open(&mut self) {
        let storage: Arc<dyn Storage> = Arc::new(self.storage.clone());
        let options = LogStoreOptions { compact_in_background: false, ..LogStoreOptions::default() };
        let store = LogStore::open(storage, Arc::clone(&self.clock) as _, options).expect("the disk works");
        store.wait_ready().expect("the write-ahead log is read");
        self.store = Some(store);
    }

    pub(crate) fn store(&self) -> &LogStore {
        self.store.as_ref().expect("open")
    }

    pub(crate) fn step(&mut self, step: Step, random: &mut Random) {
        match step {
            Step::Append(count) => self.append(count, random),
            Step::Flush => self.store().flush().expect("the disk works"),
            Step::Compact => self.store().compact().expect("the disk works"),
            Step::Restart => {
                self.store = None;
                self.open();
            }
        }
    }

    /// Durable, in batches of a few to some hundred.
    fn append(&mut self, count: u64, random: &mut Random) {
        let mut left = count;
        while left > 0 {
            let now = random.within(1..400).min(left);
            let first = self.records.len() as u64;
            let batch: Vec<LogRecord> = (first..first + now).map(|number| messages::record(random, number)).collect();
            self.records.extend(batch.iter().cloned());
            let position = self.store().append(batch).expect("no record is refused");
            self.store().commit(position).expect("the disk works");
            left -= now;
        }
    }
}
