//! Floats, histograms, starts and exemplars in one store, deleted in part, against maps.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use watchfire_model::{Exemplar, Histogram, Point, ResetHint, STALE_NAN_BITS};

const SERIES: usize = 4;

/// All of a point but its time, bit for bit.
pub(crate) type Bits = (i64, Vec<u64>);

/// What is stored: samples by series and time; series, times and traces of exemplars.
#[derive(Debug, Clone, Default, PartialEq)]
struct World {
    samples: BTreeMap<Labels, BTreeMap<i64, Bits>>,
    exemplars: BTreeSet<(Labels, i64, String)>,
}

#[derive(Debug, Clone)]
enum Op {
    /// One batch: series, time relative to the clock, point.
    Append(Vec<(usize, i64, PointValue, Option<i64>)>),
    /// Series, time, trace.
    Exemplars(Vec<(usize, i64, u8)>),
    /// Series, and a range relative to the clock.
    Delete(usize, i64, i64),
    Clean,
    Commit,
    Advance(i64),
    Maintain,
    Compact,
    Reopen,
    Crash,
}

fn any_count() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (1u32..1000).prop_map(f64::from),
        1 => (1i64..1000).prop_map(|quarters| quarters as f64 / 4.0),
        1 => any::<u64>().prop_map(f64::from_bits).prop_filter("an empty bucket is not kept", |count| *count != 0.0),
    ]
}

pub(crate) fn any_histogram() -> impl Strategy<Value = Histogram> {
    let buckets = || {
        proptest::collection::btree_map(prop_oneof![9 => -3i32..12, 1 => any::<i32>()], any_count(), 0..9)
            .prop_map(|buckets| buckets.into_iter().collect::<Vec<_>>())
    };
    let header = (
        prop_oneof![4 => Just(3i32), 1 => -4i32..=8, 2 => Just(Histogram::CUSTOM)],
        prop_oneof![6 => Just(ResetHint::Unknown), 1 => Just(ResetHint::Reset), 1 => Just(ResetHint::Gauge)],
        prop_oneof![5 => Just(0.001f64), 1 => any::<f64>()],
        prop_oneof![3 => Just(Vec::new()), 1 => proptest::collection::vec(any_count(), 0..4)],
    );
    (header, (any_count(), any_count(), any_count()), buckets(), buckets()).prop_map(
        |((schema, hint, zero_threshold, bounds), (count, zero_count, sum), positive, negative)| Histogram {
            schema,
            hint,
            zero_threshold,
            zero_count,
            count,
            sum,
            positive,
            negative,
            bounds: bounds.into(),
        },
    )
}

fn any_value() -> impl Strategy<Value = PointValue> {
    prop_oneof![
        2 => (0i64..50).prop_map(|int| PointValue::Float(int as f64 / 4.0)),
        1 => Just(PointValue::Float(f64::from_bits(STALE_NAN_BITS))),
        3 => any_histogram().prop_map(|histogram| PointValue::Histogram(Arc::new(histogram))),
    ]
}

fn any_op() -> impl Strategy<Value = Op> {
    let time =
        || prop_oneof![6 => (0i64..40).prop_map(|n| -n * 5), 2 => (0i64..300).prop_map(|n| -n * 10), 1 => 0i64..99];
    let start = prop_oneof![3 => Just(None), 2 => Just(Some(START / 2)), 1 => (1i64..5).prop_map(Some)];
    let append = proptest::collection::vec((0..SERIES, time(), any_value(), start), 1..40);
    let exemplars = proptest::collection::vec((0..SERIES, time(), any::<u8>()), 1..9);
    prop_oneof![
        8 => append.prop_map(Op::Append),
        2 => exemplars.prop_map(Op::Exemplars),
        2 => (0..SERIES, -3000i64..0, 0i64..2000).prop_map(|(series, from, len)| Op::Delete(series, from, from + len)),
        1 => Just(Op::Clean),
        2 => Just(Op::Commit),
        4 => (1i64..900).prop_map(Op::Advance),
        2 => Just(Op::Maintain),
        1 => Just(Op::Compact),
        1 => Just(Op::Reopen),
        1 => Just(Op::Crash),
    ]
}

pub(crate) fn bits_of(point: &Point) -> Bits {
    let start = point.start.map_or(0, |start| start.0);
    match &point.value {
        PointValue::Float(value) => (start, vec![value.to_bits()]),
        PointValue::Histogram(histogram) => {
            let Histogram { schema, hint, zero_threshold, zero_count, count, sum, positive, negative, bounds } =
                &**histogram;
            let mut bits = vec![*schema as u64, *hint as u64, positive.len() as u64, negative.len() as u64];
            bits.extend([zero_threshold, zero_count, count, sum].map(|number| number.to_bits()));
            bits.extend(positive.iter().chain(negative).flat_map(|(index, count)| [*index as u64, count.to_bits()]));
            bits.extend(bounds.iter().map(|bound| bound.to_bits()));
            (start, bits)
        }
    }
}

/// Everything that the store answers.
fn world(tsdb: &Tsdb) -> World {
    let budget = QueryBudget::unlimited();
    let mut world = World::default();
    for reader in tsdb.select(&[], TimeRange::ALL, &budget).expect("the storage works") {
        let (mut samples, before) = (Samples::default(), budget.samples());
        reader.read(TimeRange::ALL, &budget, &mut samples).expect("the storage works");
        assert_eq!(budget.samples() - before, samples.weight_from(0), "what is charged is what is there");
        let points = (0..samples.len()).map_while(|place| samples.point(place));
        let points: BTreeMap<i64, Bits> = points.map(|point| (point.time.0, bits_of(&point))).collect();
        assert_eq!(points.len(), samples.len(), "each time once");
        if !points.is_empty() {
            world.samples.insert(reader.labels().clone(), points);
        }
    }
    for found in tsdb.exemplars(&[Vec::new()], TimeRange::ALL, &budget).expect("without limit") {
        for exemplar in found.exemplars {
            let trace = exemplar.labels.get("trace").expect("it was given").to_string();
            world.exemplars.insert((found.labels.clone(), exemplar.time.0, trace));
        }
    }
    world
}

fn id(store: &mut Fixture, labels: &Labels) -> SeriesId {
    // Registering again is always right; what it costs does not matter here.
    store.tsdb.register(labels).expect("below the limit")
}

/// Runs the operations on a store and on maps.
fn check(ops: Vec<Op>) {
    let mut store = Fixture::new();
    // The maps after each change since the last commit: a power cut may leave any of them.
    let mut history = vec![World::default()];
    for op in ops {
        let mut next = history.last().cloned().unwrap_or_default();
        let now = store.now();
        match op {
            Op::Append(batch) => {
                let mut points = Vec::new();
                for (number, ago, value, start) in batch {
                    let point = Point { time: Timestamp(now + ago), start: start.map(Timestamp), value };
                    next.samples.entry(series(number)).or_default().insert(now + ago, bits_of(&point));
                    points.push((id(&mut store, &series(number)), point));
                }
                let appended = store.tsdb.append_points(&points).expect("the storage works");
                assert_eq!(appended.stored, points.len(), "{appended:?}");
                history.push(next);
            }
            Op::Exemplars(batch) => {
                let mut exemplars = Vec::new();
                for (number, ago, trace) in batch {
                    let trace = trace.to_string();
                    let labels = Labels::from_pairs([("trace", trace.clone())]);
                    let exemplar = Exemplar { labels, value: 0.5, time: Timestamp(now + ago) };
                    next.exemplars.insert((series(number), now + ago, trace));
                    exemplars.push((id(&mut store, &series(number)), exemplar));
                }
                let appended = store.tsdb.append_exemplars(&exemplars).expect("the storage works");
                assert_eq!(appended.stored + appended.duplicates, exemplars.len(), "{appended:?}");
                history.push(next);
            }
            Op::Delete(number, from, to) => {
                let within = range(now + from, now + to);
                let selector = vec![Matcher::equal("number", number.to_string())];
                store.tsdb.delete_series(&[selector], within).expect("the storage works");
                if let Some(samples) = next.samples.get_mut(&series(number)) {
                    samples.retain(|time, _| !within.contains(Timestamp(*time)));
                }
                next.samples.retain(|_, samples| !samples.is_empty());
                next.exemplars
                    .retain(|(labels, time, _)| *labels != series(number) || !within.contains(Timestamp(*time)));
                history = vec![next];
            }
            Op::Clean => {
                commit(&store, &mut history);
                store.tsdb.clean_tombstones().expect("the storage works");
                check_labels(&store.tsdb, &history[0]);
            }
            Op::Commit => commit(&store, &mut history),
            Op::Advance(ms) => store.clock.advance_ms(ms),
            Op::Maintain => {
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
                let left = world(&store.tsdb);
                let after = history.iter().rposition(|world| *world == left);
                let after = after.unwrap_or_else(|| panic!("{left:?} is none of {history:?}"));
                history = vec![history.swap_remove(after)];
            }
        }
        assert_eq!(Some(&world(&store.tsdb)), history.last());
    }
}

fn commit(store: &Fixture, history: &mut Vec<World>) {
    store.tsdb.commit().expect("the storage works");
    history.drain(..history.len() - 1);
}

/// Labels of wholly deleted series are gone.
fn check_labels(tsdb: &Tsdb, world: &World) {
    let budget = QueryBudget::unlimited();
    let got = tsdb.label_values("number", &[], TimeRange::ALL, &budget).expect("the storage works");
    let want: Vec<String> =
        world.samples.keys().filter_map(|labels| labels.get("number")).map(ToString::to_string).collect();
    assert_eq!(got, want);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_store_is_maps_that_survive(ops in proptest::collection::vec(any_op(), 1..50)) {
        check(ops);
    }
}

fn point(time: i64, count: f64) -> Point {
    let histogram = Histogram { count, positive: vec![(1, count)], ..Histogram::empty() };
    Point { time: Timestamp(time), start: None, value: PointValue::Histogram(Arc::new(histogram)) }
}

#[test]
fn a_histogram_is_normalised_or_refused() {
    let store = Fixture::new();
    let id = store.tsdb.register(&series(0)).expect("below the limit");
    let append = |change: &dyn Fn(&mut Histogram)| {
        let mut histogram = Histogram { positive: vec![(1, 2.0), (4, 0.0), (7, 1.0)], ..Histogram::empty() };
        change(&mut histogram);
        let value = PointValue::Histogram(Arc::new(histogram));
        let point = Point { time: Timestamp(store.now()), start: Some(Timestamp(0)), value };
        store.tsdb.append_points(&[(id, point)]).expect("the storage works")
    };
    assert_eq!(append(&|histogram| histogram.schema = 9).invalid, 1);
    assert_eq!(append(&|histogram| histogram.positive.swap(0, 1)).invalid, 1);
    assert_eq!(append(&|histogram| histogram.positive = vec![(3, 1.0); 2]).invalid, 1);
    assert_eq!(append(&|histogram| histogram.bounds = vec![1.0; (1 << 16) + 1].into()).invalid, 1);
    assert_eq!(append(&|histogram| histogram.hint = ResetHint::NotReset).stored, 1);
    let (mut samples, budget) = (Samples::default(), QueryBudget::unlimited());
    let found = store.tsdb.select(&[], TimeRange::ALL, &budget).expect("the storage works");
    found[0].read(TimeRange::ALL, &budget, &mut samples).expect("the storage works");
    let Some(Point { start: None, value: PointValue::Histogram(stored), .. }) = samples.point(0) else {
        panic!("{samples:?}")
    };
    assert_eq!((stored.hint, &stored.positive), (ResetHint::Unknown, &vec![(1, 2.0), (7, 1.0)]));
    assert_eq!(store.tsdb.shared.metrics.invalid_histograms.get(), 4);
}

/// Histograms as a client library makes them take few bytes: every bucket is a counter.
#[test]
fn histograms_are_small_on_disk() {
    let mut store = Fixture::new();
    let id = store.tsdb.register(&series(0)).expect("below the limit");
    let mut counts = [0u64; 40];
    let mut random = 7u64;
    let n_histograms = 240;
    for tick in 0..n_histograms {
        for count in &mut counts {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *count += (random >> 60) % 4;
        }
        let positive = (0..).zip(counts).filter(|(_, count)| *count > 0).map(|(index, count)| (index, count as f64));
        let total: u64 = counts.iter().sum();
        let histogram = Histogram {
            positive: positive.collect(),
            count: total as f64,
            sum: total as f64 * 0.25,
            schema: 3,
            ..Histogram::empty()
        };
        let value = PointValue::Histogram(Arc::new(histogram));
        let start = Some(Timestamp(START - 5));
        let point = Point { time: Timestamp(START + tick * 4), start, value };
        assert_eq!(store.tsdb.append_points(&[(id, point)]).expect("the storage works").stored, 1);
    }
    let before = world(&store.tsdb);
    let head = store.tsdb.head_bytes();
    store.tsdb.pin().expect("the storage works");
    let bytes = store.tsdb.status().blocks.iter().map(|block| block.bytes).sum::<u64>();
    // 40 buckets, count and sum: as doubles 336 bytes.
    assert!(bytes < n_histograms as u64 * 24, "{bytes} bytes for {n_histograms} histograms");
    assert!(head < 48_000, "{head} bytes in the head");
    store.reopen();
    assert_eq!(world(&store.tsdb), before);
}

#[test]
fn what_is_deleted_does_not_come_back_by_a_repair() {
    let mut store = Fixture::new();
    for tick in 0..30 {
        store.clock.advance_ms(SPAN / 10);
        let now = store.now();
        store.append(&[(series(0), now, f64::from(tick)), (series(1), now, 1.0)]);
        let id = id(&mut store, &series(2));
        store.tsdb.append_points(&[(id, point(now, f64::from(tick) + 0.5))]).expect("the storage works");
        if tick == 14 {
            // Some of it is in the head, and in the log only.
            let selectors = [vec![Matcher::equal("number", "0")], vec![Matcher::equal("number", "2")]];
            let touched = store.tsdb.delete_series(&selectors, range(START, now - 1)).expect("the storage works");
            assert_eq!(touched, 2);
        }
        store.tsdb.commit().expect("the storage works");
        store.tsdb.maintain().expect("the storage works");
    }
    let deleted = range(START, START + 15 * SPAN / 10 - 1);
    let want = store.all();
    assert!(want.iter().all(|(labels, samples)| {
        let is_whole = *labels == series(1);
        is_whole || samples.keys().all(|time| !deleted.contains(Timestamp(*time)))
    }));
    let selectors = [vec![Matcher::equal("number", "1")]];
    store.tsdb.delete_series(&selectors, range(START + SPAN, START + SPAN + SPAN / 5)).expect("the storage works");
    let want = store.all();
    for block in store.tsdb.shared.blocks().iter() {
        block.set_damaged(&crate::merge::ReadError::Damaged(crate::codec::Damage("for this test")));
    }
    let report = store.tsdb.repair().expect("the storage works");
    assert!(!report.rebuilt.is_empty(), "{report:?}");
    assert_eq!(store.all(), want);
    store.tsdb.clean_tombstones().expect("the storage works");
    store.tsdb.compact().expect("the storage works");
    assert_eq!(store.all(), want);
    store.crash();
    assert_eq!(store.all(), want);
}

#[test]
fn tombstones_go_with_what_they_delete() {
    let mut store = Fixture::new();
    for _ in 0..60 {
        store.clock.advance_ms(SPAN / 10);
        store.append(&[(series(0), store.now(), 1.0)]);
        store.tsdb.maintain().expect("the storage works");
    }
    let selector = [vec![Matcher::equal("number", "0")]];
    store.tsdb.delete_series(&selector, range(START, START + 2 * SPAN)).expect("the storage works");
    assert_eq!(store.tsdb.shared.manifest.state().tombstones.len(), 1);
    store.tsdb.clean_tombstones().expect("the storage works");
    store.tsdb.pin().expect("the storage works");
    let state = store.tsdb.shared.manifest.state();
    let behind = state.blocks.iter().filter(|block| block.log.is_some()).count();
    assert!(state.blocks.iter().all(|block| block.tombstones.is_empty()));
    assert!(state.tombstones.is_empty() || behind > 0, "{state:?}");
    let refused = (0..2000).find_map(|_| store.tsdb.delete_series(&selector, range(START, START)).err());
    assert!(matches!(refused, Some(crate::TsdbError::TombstoneLimit { .. })), "{refused:?}");
}

#[test]
fn a_flipped_bit_in_stored_exemplars_is_told() {
    let mut store = Fixture::new();
    let id = id(&mut store, &series(0));
    for trace in 0..20 {
        let labels = Labels::from_pairs([("trace", trace.to_string())]);
        let exemplar = Exemplar { labels, value: 0.5, time: Timestamp(START - trace) };
        store.tsdb.append_exemplars(&[(id, exemplar)]).expect("the storage works");
    }
    store.tsdb.pin().expect("the storage works");
    let want = world(&store.tsdb);
    assert_eq!(want.exemplars.len(), 20);
    let stored = watchfire_store::Storage::list(&store.storage, "metrics/").expect("the storage works");
    let object = stored.iter().find(|object| object.key.ends_with(".exemplars")).expect("they were flushed");
    for bit in (0..object.size * 8).step_by(101) {
        let storage = store.storage.crash();
        assert!(storage.flip_bit(&object.key, bit));
        // A bit of the version may say that a newer store wrote it.
        let clock = Arc::clone(&store.clock) as _;
        let Ok(tsdb) = Tsdb::open(Arc::new(storage), clock, store.options.clone()) else { continue };
        tsdb.wait_ready().expect("the log can be read");
        assert!(world(&tsdb) == want || tsdb.status().last_failure.is_some(), "bit {bit}");
    }
    store.crash();
    assert_eq!(world(&store.tsdb), want);
}
