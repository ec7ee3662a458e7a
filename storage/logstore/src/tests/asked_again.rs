//! What queries remember of fresh records shows in no answer: asked again, they answer as a list does.

use super::{append, open};
use crate::testing::record;
use crate::{LogStore, SearchRequest};
use std::sync::Arc;
use watchfire_model::{
    Aggregate, AggregateFunction, AggregateRequest, AggregateSpec, FieldPattern, FieldSelection, GroupKey, Groups,
    LogFilter, LogRecord, LogSource as _, QueryBudget, ScanOrder, TimeBuckets, TimeNs, TimeRangeNs,
};
use watchfire_store::MemStorage;

#[track_caller]
fn check(store: &LogStore, all: &[LogRecord], filter: &LogFilter, by: &[GroupKey], range: TimeRangeNs) {
    let functions = [AggregateFunction::Count, AggregateFunction::Rate { over_ns: 1 }];
    let functions = functions.map(|function| Aggregate { function, field: None, only: None }).to_vec();
    let spec = AggregateSpec { by: by.to_vec(), functions, groups_max: usize::MAX };
    let mut want = Groups::new(Arc::new(spec.clone()));
    let passing = || all.iter().filter(|record| range.contains(record.time) && filter.matches(*record));
    for (arrival, record) in (0..).zip(passing()) {
        want.add(arrival, record).unwrap();
    }
    let want = want.finish();
    let budget = QueryBudget::unlimited();
    for turn in 0..2 {
        let request = AggregateRequest { filter: filter.clone(), range, spec: spec.clone() };
        let (got, _) = store.aggregate(&request, &budget).unwrap();
        assert_eq!(got.finish(), want, "{filter:?} by {by:?} in {range:?}, turn {turn}");
        let (limit, order) = (SearchRequest::LIMIT_MAX, ScanOrder::OldestFirst);
        let (filter, fields) = (filter.clone(), FieldSelection::All);
        let request = SearchRequest { filter, range, limit, cursor: None, order, fields };
        assert_eq!(store.search(&request, &budget).unwrap().records.len(), passing().count(), "{request:?}");
    }
}

#[test]
fn records_that_come_later_are_counted_too() {
    let store = open(&MemStorage::new(1));
    let word = |word| LogFilter::Any(FieldPattern::text(word));
    let message = || GroupKey::Field("message".into());
    let every = |origin| GroupKey::Time(TimeBuckets::Every { step_ns: 4, origin: TimeNs(origin) });
    let keys = [vec![], vec![message()], vec![every(0)], vec![every(-6)], vec![message(), every(1)]];
    let filters = [LogFilter::All, word("even"), word("later"), word("absent")];
    let mut all: Vec<LogRecord> = Vec::new();
    // The last batches have more messages than are remembered of one answer.
    for (round, messages) in [3, 1, 2, 200, 150].into_iter().enumerate() {
        let start = all.len() as i64;
        let batch: Vec<LogRecord> = (start..start + messages)
            .map(|n| record(n, &format!("{} {n}", ["even", "odd", "later"][n as usize % (1 + round).min(3)])))
            .collect();
        append(&store, batch.clone());
        all.extend(batch);
        for filter in &filters {
            for by in &keys {
                let narrow = TimeRangeNs { start: TimeNs(1), end: TimeNs(start + 2) };
                check(&store, &all, filter, by, narrow);
                check(&store, &all, filter, by, TimeRangeNs::ALL);
            }
        }
    }
}
