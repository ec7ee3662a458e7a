//! Records for the tests of this crate, and receipts that remember.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use watchfire_model::{Fate, LogRecord, Receipt, TimeNs};

pub(crate) fn record(message: &str) -> LogRecord {
    LogRecord {
        time: TimeNs(1),
        received: TimeNs(1),
        stream: LogRecord::DEFAULT_STREAM.into(),
        host: "".into(),
        message: message.into(),
        level: None,
        fields: Vec::new(),
    }
}

/// The fates of all records of some offers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fates(Arc<Mutex<Vec<Vec<Option<Fate>>>>>);

#[derive(Debug)]
struct FatesOfOffer {
    all: Fates,
    offer: usize,
}

impl Fates {
    /// A receipt for an offer of so many records.
    pub(crate) fn receipt(&self, records: usize) -> Arc<dyn Receipt> {
        let mut all = self.0.lock();
        all.push(vec![None; records]);
        Arc::new(FatesOfOffer { all: self.clone(), offer: all.len() - 1 })
    }

    /// Records by their fates, as far as they are known.
    pub(crate) fn count(&self) -> HashMap<Fate, usize> {
        let mut counts = HashMap::new();
        for fate in self.0.lock().iter().flatten().flatten() {
            *counts.entry(*fate).or_default() += 1;
        }
        counts
    }

    /// Records with this fate.
    pub(crate) fn of(&self, fate: Fate) -> usize {
        self.count().get(&fate).copied().unwrap_or(0)
    }

    pub(crate) fn n_unknown(&self) -> usize {
        self.0.lock().iter().flatten().filter(|fate| fate.is_none()).count()
    }
}

impl Receipt for FatesOfOffer {
    fn settle(&self, records: Range<usize>, fate: Fate) {
        for known in &mut self.all.0.lock()[self.offer][records] {
            assert_eq!(*known, None, "a record has one fate");
            *known = Some(fate);
        }
    }
}
