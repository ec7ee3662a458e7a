use super::*;
use proptest::prelude::*;
use watchfire_model::{MatchOp, STALE_NAN_BITS};

const SERIES: usize = 5;

#[derive(Debug, Clone)]
enum Op {
    /// One batch: series, time relative to the clock, value's bits.
    Append(Vec<(usize, i64, u64)>),
    Commit,
    /// The clock goes on by so many milliseconds.
    Advance(i64),
    /// The clock jumps, also back; what was written stays where it is.
    Jump(i64),
    Maintain,
    Compact,
    Reopen,
    Crash,
    /// Reads everything of some series within a range relative to the clock.
    Query(Vec<(usize, bool)>, i64, i64),
}

fn any_bits() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => (0i64..50).prop_map(|int| (int as f64 / 4.0).to_bits()),
        1 => any::<u64>(),
        1 => Just(STALE_NAN_BITS),
    ]
}

fn any_op() -> impl Strategy<Value = Op> {
    // Few distinct times, so that duplicates are common; now and then one far back, or ahead.
    let time =
        prop_oneof![6 => (0i64..40).prop_map(|n| -n * 5), 2 => (0i64..600).prop_map(|n| -n * 10), 1 => 0i64..7000];
    let append = proptest::collection::vec((0..SERIES, time, any_bits()), 1..60);
    prop_oneof![
        8 => append.prop_map(Op::Append),
        2 => Just(Op::Commit),
        4 => (1i64..900).prop_map(Op::Advance),
        1 => (-8i64..8).prop_map(|windows| Op::Jump(windows * SPAN)),
        2 => Just(Op::Maintain),
        1 => Just(Op::Compact),
        1 => Just(Op::Reopen),
        1 => Just(Op::Crash),
        2 => (proptest::collection::vec((0..SERIES, any::<bool>()), 0..2), -7000i64..0, 0i64..4000)
            .prop_map(|(matchers, start, len)| Op::Query(matchers, start, start + len)),
    ]
}

/// Runs the operations on a store and on a map.
fn check(ops: Vec<Op>) {
    let mut store = Fixture::new();
    // The map after each batch since the last commit: a power cut may leave any of them.
    let mut history = vec![Model::new()];
    for op in ops {
        match op {
            Op::Append(batch) => {
                let mut model = history.last().cloned().unwrap_or_default();
                let now = store.now();
                let samples: Vec<_> = batch
                    .iter()
                    .map(|(number, ago, bits)| (series(*number), now + ago, f64::from_bits(*bits)))
                    .collect();
                for (labels, time, value) in &samples {
                    model.entry(labels.clone()).or_default().insert(*time, value.to_bits());
                }
                store.append(&samples);
                history.push(model);
            }
            Op::Commit => commit(&store, &mut history),
            Op::Advance(ms) | Op::Jump(ms) => store.clock.advance_ms(ms),
            Op::Maintain => {
                // What a flush takes is durable whether committed or not.
                commit(&store, &mut history);
                store.tsdb.maintain().expect("the storage works");
            }
            Op::Compact => {
                commit(&store, &mut history);
                store.tsdb.compact().expect("the storage works");
            }
            Op::Reopen => {
                commit(&store, &mut history);
                store.reopen();
            }
            Op::Crash => {
                store.crash();
                let left = store.all();
                let after = history.iter().rposition(|model| *model == left);
                let after = after.unwrap_or_else(|| panic!("{left:?} is none of {history:?}"));
                history = vec![history.swap_remove(after)];
            }
            Op::Query(matchers, start, end) => {
                let within = range(store.now() + start, store.now() + end);
                let matchers: Vec<Matcher> =
                    matchers.into_iter().map(|(number, equal)| matcher(number, equal)).collect();
                let got = query(&store.tsdb, &matchers, within);
                assert_eq!(got, expected(&history, &matchers, within), "{matchers:?} within {within:?}");
                continue;
            }
        }
        assert_eq!(store.all(), expected(&history, &[], TimeRange::ALL));
    }
}

fn commit(store: &Fixture, history: &mut Vec<Model>) {
    store.tsdb.commit().expect("the storage works");
    history.drain(..history.len() - 1);
}

fn matcher(number: usize, equal: bool) -> Matcher {
    let op = if equal { MatchOp::Regex } else { MatchOp::NotEqual };
    Matcher::new("number", op, number.to_string()).expect("a number is a valid expression")
}

fn expected(history: &[Model], matchers: &[Matcher], within: TimeRange) -> Model {
    let mut want = history.last().cloned().unwrap_or_default();
    want.retain(|labels, _| matchers.iter().all(|matcher| matcher.matches_labels(labels)));
    for samples in want.values_mut() {
        samples.retain(|time, _| within.contains(Timestamp(*time)));
    }
    want.retain(|_, samples| !samples.is_empty());
    want
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_store_is_a_map_that_survives(ops in proptest::collection::vec(any_op(), 1..60)) {
        check(ops);
    }
}

#[test]
fn a_long_quiet_run_moves_through_blocks() {
    let mut store = Fixture::new();
    let mut model = Model::new();
    for tick in 0..1500 {
        let time = START + tick * 10;
        store.clock.advance_ms(10);
        let samples: Vec<_> = (0..3).map(|number| (series(number), time, (tick * number as i64) as f64)).collect();
        for (labels, time, value) in &samples {
            model.entry(labels.clone()).or_default().insert(*time, value.to_bits());
        }
        store.append(&samples);
        store.tsdb.commit().expect("the storage works");
        store.tsdb.maintain().expect("the storage works");
    }
    let status = store.tsdb.status();
    assert_eq!(store.all(), model);
    // All windows but the last and the one under way: one of a range of nine, and two of ranges of three.
    let spans: Vec<i64> = status.blocks.iter().map(|block| (block.max_time.0 - block.min_time.0) / SPAN + 1).collect();
    assert_eq!(spans, [8, 3, 3], "{status:?}");
    assert_eq!(status.series, 3);
    assert_eq!(status.head_samples + status.blocks.iter().map(|block| block.samples).sum::<u64>(), 4500);
    store.crash();
    assert_eq!(store.all(), model);
    assert_eq!(store.tsdb.status().head_samples, status.head_samples);
}
