use super::*;
use crate::streams::{StreamName, StreamRule};
use crate::testing::{Fates, record};
use parking_lot::Mutex;
use watchfire_model::Fate;

/// Keeps the streams of what it gets.
#[derive(Default)]
struct Recorder {
    streams: Mutex<Vec<String>>,
    ledger: Arc<Ledger>,
}

impl Recorder {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.streams.lock())
    }
}

impl RecordSink for Recorder {
    fn offer(&self, records: Vec<LogRecord>, receipt: Arc<dyn Receipt>) {
        receipt.settle(0..records.len(), Fate::Stored);
        self.streams.lock().extend(records.into_iter().map(|record| record.stream.to_string()));
    }

    fn store(&self, records: Vec<LogRecord>) -> Result<(), Refused> {
        self.streams.lock().extend(records.into_iter().map(|record| record.stream.to_string()));
        Ok(())
    }

    fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }
}

/// Rules by name and query; a name that ends in `!` takes records out of `default`.
fn rules(rules: &[(&str, &str)]) -> StreamRules {
    let rule = |(name, query): &(&str, &str)| StreamRule {
        name: StreamName::parse(name.trim_end_matches('!')).unwrap(),
        filter: watchfire_logquery::parse(query).unwrap().filter,
        remove_from_default: name.ends_with('!'),
    };
    StreamRules::compile(rules.iter().map(rule).collect()).unwrap()
}

fn start(first: &[(&str, &str)]) -> (StreamRouter, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    (StreamRouter::new(Arc::clone(&recorder) as Arc<dyn RecordSink>, rules(first)), recorder)
}

fn store(router: &StreamRouter, messages: &[&str]) {
    router.store(messages.iter().map(|message| record(message)).collect()).unwrap();
}

fn count(router: &StreamRouter, stream: &str) -> u64 {
    router.records.get_or_create(&[("stream", stream.to_owned())]).get()
}

#[test]
fn records_get_their_streams_on_either_way_and_are_counted() {
    let (router, recorder) = start(&[("pay", "payment"), ("noise!", "heartbeat")]);
    let fates = Fates::default();
    router.offer(vec![record("a payment"), record("a heartbeat")], fates.receipt(2));
    store(&router, &["a heartbeat of a payment", "else"]);
    assert_eq!(recorder.take(), ["default,pay", "noise", "noise,pay", "default"]);
    assert_eq!(fates.of(Fate::Stored), 2);
    let counts = ["pay", "noise", "default"].map(|stream| count(&router, stream));
    assert_eq!((counts, router.n_cut()), ([2, 2, 2], 0));
}

#[test]
fn without_rules_records_stay_as_they_are() {
    let (router, recorder) = start(&[]);
    store(&router, &["a", "b"]);
    router.store(Vec::new()).unwrap();
    assert_eq!((recorder.take(), count(&router, "default")), (vec!["default".to_owned(); 2], 2));
}

#[test]
fn other_rules_count_from_the_next_record_on() {
    let (router, recorder) = start(&[("pay", "payment"), ("old", "*")]);
    store(&router, &["payment"]);
    router.replace(rules(&[("pay", "invoice"), ("new", "payment")]));
    store(&router, &["payment", "invoice"]);
    assert_eq!(recorder.take(), ["default,old,pay", "default,new", "default,pay"]);
    assert_eq!(count(&router, "pay"), 2, "a stream that stays goes on counting");
    assert_eq!(count(&router, "old"), 0, "one that is gone is not shown any more");
}

#[test]
fn too_many_combinations_are_counted_and_told() {
    let all: Vec<(String, String)> = (0..9).map(|n| (format!("s{n}"), format!("w{n}"))).collect();
    let all: Vec<(&str, &str)> = all.iter().map(|(name, query)| (name.as_str(), query.as_str())).collect();
    let (router, recorder) = start(&all);
    let words = |set: u32| {
        let words: Vec<String> = (0..9).filter(|n| set & 1 << n != 0).map(|n| format!("w{n}")).collect();
        words.join(" ")
    };
    for set in 0..512 {
        store(&router, &[&words(set)]);
    }
    let several = 512 - 1 - 9;
    let n_cut = several - 256;
    assert_eq!((router.n_cut(), router.cut_records.get()), (n_cut, n_cut));
    let distinct: std::collections::BTreeSet<String> = recorder.take().into_iter().collect();
    assert_eq!(distinct.len(), 1 + 9 + 256);
    router.replace(rules(&all));
    store(&router, &[&words(511)]);
    assert_eq!((router.n_cut(), router.cut_records.get()), (0, n_cut));
}
