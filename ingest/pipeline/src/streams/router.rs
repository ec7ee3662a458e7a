//! The sink in front of the pipeline: gives records their streams on their way.

use super::matcher::StreamRules;
use super::members;
use parking_lot::RwLock;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use watchfire_model::{Ledger, LogRecord, Receipt, RecordSink, Refused};

/// Gives each record its streams and hands it on. The rules may change at any time; a record meets those in force when it
/// arrives.
pub struct StreamRouter {
    next: Arc<dyn RecordSink>,
    rules: RwLock<Arc<Counted>>,
    records: Family<[(&'static str, String); 1], Counter>,
    cut_records: Counter,
}

/// Rules with the counters that belong to them.
struct Counted {
    rules: StreamRules,
    in_default: Counter,
    /// By rule.
    in_stream: Vec<Counter>,
    /// Records that lost streams since these rules came into force.
    cut: Counter,
}

impl fmt::Debug for StreamRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamRouter").field("rules", &self.rules.read().rules.names()).finish_non_exhaustive()
    }
}

impl StreamRouter {
    pub fn new(next: Arc<dyn RecordSink>, rules: StreamRules) -> StreamRouter {
        let records = Family::default();
        let counted = Counted::new(rules, &records);
        StreamRouter { next, rules: RwLock::new(Arc::new(counted)), records, cut_records: Counter::default() }
    }

    /// Puts other rules in force, for the records that come from now on.
    pub fn replace(&self, rules: StreamRules) {
        let new = Arc::new(Counted::new(rules, &self.records));
        let old = std::mem::replace(&mut *self.rules.write(), Arc::clone(&new));
        let gone = old.rules.names().iter().filter(|name| !new.rules.names().contains(name));
        for name in gone {
            self.records.remove(&[("stream", name.to_string())]);
        }
    }

    /// Records that got only the first of their streams since the rules came into force, as there were too many different
    /// combinations.
    pub fn n_cut(&self) -> u64 {
        self.rules.read().cut.get()
    }

    pub fn register_metrics(&self, registry: &mut Registry) {
        registry.register(
            "pipeline_stream_records",
            "Records that were put into the stream as they arrived, also those that could not be stored afterwards",
            self.records.clone(),
        );
        registry.register(
            "pipeline_stream_combinations_refused",
            "Records that got only the first of their streams, as there were too many different combinations",
            self.cut_records.clone(),
        );
    }

    fn route(&self, records: &mut [LogRecord]) {
        let counted = Arc::clone(&self.rules.read());
        let mut tally = Tally { in_stream: vec![0; counted.in_stream.len()], ..Tally::default() };
        for record in records {
            let membership = counted.rules.membership(record);
            members(membership.rules).for_each(|rule| tally.in_stream[rule] += 1);
            tally.in_default += u64::from(membership.is_in_default);
            tally.cut += u64::from(membership.is_cut);
            record.stream = membership.streams;
        }
        counted.add(&tally);
        self.cut_records.inc_by(tally.cut);
    }
}

/// Counts of one batch.
#[derive(Debug, Default)]
struct Tally {
    in_stream: Vec<u64>,
    in_default: u64,
    cut: u64,
}

impl Counted {
    fn new(rules: StreamRules, records: &Family<[(&'static str, String); 1], Counter>) -> Counted {
        let counter = |name: &str| records.get_or_create(&[("stream", name.to_owned())]).clone();
        let in_stream = rules.names().iter().map(|name| counter(name)).collect();
        Counted { rules, in_default: counter(LogRecord::DEFAULT_STREAM), in_stream, cut: Counter::default() }
    }

    fn add(&self, tally: &Tally) {
        for (counter, count) in self.in_stream.iter().zip(&tally.in_stream) {
            if *count > 0 {
                counter.inc_by(*count);
            }
        }
        self.in_default.inc_by(tally.in_default);
        self.cut.inc_by(tally.cut);
    }
}

impl RecordSink for StreamRouter {
    fn offer(&self, mut records: Vec<LogRecord>, receipt: Arc<dyn Receipt>) {
        self.route(&mut records);
        self.next.offer(records, receipt);
    }

    fn store(&self, mut records: Vec<LogRecord>) -> Result<(), Refused> {
        self.route(&mut records);
        self.next.store(records)
    }

    fn ledger(&self) -> &Arc<Ledger> {
        self.next.ledger()
    }
}

#[cfg(test)]
mod tests;
