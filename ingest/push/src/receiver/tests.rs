use super::*;
use crate::testing::{Proto, histogram, message_v1, sample, series_v1};
use proptest::prelude::*;
use std::thread;
use std::time::Instant;
use watchfire_model::{
    ByteSize, Matcher, MetricKind, PointValue, QueryBudget, Samples, SeriesSource, TimeRange, Timestamp,
};
use watchfire_store::{Fault, ManualClock, MemStorage};
use watchfire_tsdb::TsdbOptions;

const NOW_MS: i64 = 1_795_046_400_000;
const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

fn open(storage: &MemStorage, options: TsdbOptions) -> Arc<Tsdb> {
    let clock = Arc::new(ManualClock::new(Timestamp(NOW_MS).to_ns()));
    Arc::new(Tsdb::open(Arc::new(storage.clone()), clock, options).unwrap())
}

fn receiver(tsdb: &Arc<Tsdb>) -> Receiver {
    Receiver::new(Arc::clone(tsdb), Limits::default(), MemoryPool::new("requests", ByteSize::from_mib(64)))
}

/// All series with their samples, as `labels: value@time …`.
fn dump(tsdb: &Tsdb) -> Vec<String> {
    let budget = QueryBudget::unlimited();
    let all = [Matcher::equal("job", "")];
    let readers = tsdb.select(&all, TimeRange::ALL, &budget).unwrap();
    let show = |reader: &dyn watchfire_model::SeriesReader| {
        let mut samples = Samples::default();
        reader.read(TimeRange::ALL, &budget, &mut samples).unwrap();
        let point = |place: usize| {
            let Point { time, start, value } = samples.point(place).unwrap();
            let start = start.map_or_else(String::new, |start| format!(" from {}", start.0 - NOW_MS));
            let value = match value {
                PointValue::Float(value) => value.to_string(),
                PointValue::Histogram(one) => format!("{} in {:?}", one.count, one.positive),
            };
            format!("{value}@{}{start}", time.0 - NOW_MS)
        };
        let points: Vec<String> = (0..samples.len()).map(point).collect();
        format!("{}: {}", reader.labels(), points.join(" "))
    };
    readers.iter().map(|reader| show(&**reader)).collect()
}

/// What is left after a power cut now, once so many series are read from the log.
fn dump_after_a_power_cut(storage: &MemStorage, n_series: usize) -> Vec<String> {
    let tsdb = open(&storage.crash(), TsdbOptions::default());
    let deadline = Instant::now() + Duration::from_secs(10);
    while dump(&tsdb).len() < n_series && Instant::now() < deadline {
        thread::park_timeout(Duration::from_millis(2));
    }
    dump(&tsdb)
}

/// Writes a message of version 1.0; the status, samples written, and what the store holds then.
#[track_caller]
fn check(message: &Proto, want_status: u16, want_written: u64, want: &[&str]) {
    let storage = MemStorage::new(1);
    let tsdb = open(&storage, TsdbOptions::default());
    let receiver = receiver(&tsdb);
    let result = receiver.write(&message.body(), None, Some("snappy"));
    let (status, written) =
        result.as_ref().map_or_else(|error| (error.status(), error.written()), |written| (204, *written));
    assert_eq!((status, written.samples), (want_status, want_written), "{result:?}");
    assert_eq!(dump(&tsdb), want);
    assert_eq!(receiver.metrics.samples.get(), want_written);
    // What was told as written survives a power cut.
    assert_eq!(dump_after_a_power_cut(&storage, want.len()), want);
}

#[test]
fn version_1() {
    let up = series_v1(&[("b", "2"), ("__name__", "up"), ("a", "1")], &[(1.0, NOW_MS), (0.5, NOW_MS + 15_000)]);
    check(&message_v1(&[]), 204, 0, &[]);
    check(&message_v1(std::slice::from_ref(&up)), 204, 2, &[r#"up{a="1", b="2"}: 1@0 0.5@15000"#]);
    let nameless = series_v1(&[("a", "1")], &[(1.0, NOW_MS), (1.0, NOW_MS)]);
    check(&message_v1(&[nameless, up.clone()]), 400, 2, &[r#"up{a="1", b="2"}: 1@0 0.5@15000"#]);
    let old = series_v1(&[("__name__", "old")], &[(1.0, 1), (2.0, NOW_MS), (3.0, NOW_MS + 365 * 86_400_000)]);
    check(&message_v1(&[old]), 400, 1, &["old: 2@0"]);
    let histogram = series_v1(&[("__name__", "h")], &[]).message(4, &Proto::default().varint(1, 1));
    check(&message_v1(&[histogram, up]), 400, 2, &[r#"up{a="1", b="2"}: 1@0 0.5@15000"#]);
    let exemplar = series_v1(&[("__name__", "e")], &[(1.0, NOW_MS)]).message(3, &Proto::default());
    check(&message_v1(&[exemplar]).varint(99, 7).bytes(2, "reserved"), 204, 1, &["e: 1@0"]);
    check(&message_v1(&[series_v1(&[("__name__", "up")], &[(1.0, NOW_MS)])]).bytes(1, b"\x0a\x05x"), 400, 0, &[]);
    check(&Proto::default().varint(1, 1), 400, 0, &[]);
}

#[test]
fn version_2() {
    let symbols = ["", "__name__", "up", "a", "1", "What it is.", "bytes"];
    let series = |labels: &[u64]| Proto::default().packed(1, labels).message(2, &sample(1.5, NOW_MS).varint(3, 1));
    let metadata = Proto::default().varint(1, 1).varint(3, 5).varint(4, 6);
    let with = |series: &Proto| {
        let symbols = symbols.iter().fold(Proto::default(), |message, symbol| message.bytes(4, symbol));
        symbols.message(5, series)
    };
    let tsdb = open(&MemStorage::new(1), TsdbOptions::default());
    let receiver = receiver(&tsdb);
    let write = |message: &Proto| receiver.write(&message.body(), Some(V2), Some("snappy"));
    let good = with(&series(&[1, 2, 3, 4]).message(5, &metadata));
    assert_eq!(write(&good).unwrap(), Written { samples: 1, ..Written::default() });
    assert_eq!(dump(&tsdb), [r#"up{a="1"}: 1.5@0 from -1795046399999"#]);
    let want = MetricMetadata { kind: MetricKind::Counter, help: "What it is.".to_owned(), unit: "bytes".to_owned() };
    assert_eq!(tsdb.metadata(), [("up".to_owned(), vec![want])]);
    let error = |message: &Proto| {
        let error = write(message).unwrap_err();
        (error.status(), std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default())
    };
    let check = |message: &Proto, want: &str| assert_eq!(error(message), (400, want.to_owned()));
    check(&with(&series(&[1, 9])), "the message names symbol 9 of 7");
    check(&with(&series(&[1])), "the message breaks remote write 2.0: a label has a name and no value");
    let wrong = "the message breaks remote write 2.0: the first symbol is not the empty text";
    check(&Proto::default().bytes(4, "x"), wrong);
    assert_eq!(write(&with(&series(&[3, 4]))).unwrap_err().status(), 400);
}

/// Exemplars of all series, as `labels: exemplar value@time …`.
fn exemplars(tsdb: &Tsdb) -> Vec<String> {
    let all = [vec![Matcher::equal("job", "")]];
    let found = tsdb.exemplars(&all, TimeRange::ALL, &QueryBudget::unlimited()).unwrap();
    let show = |one: &Exemplar| format!("{} {}@{}", one.labels, one.value, one.time.0 - NOW_MS);
    found.iter().map(|one| format!("{}: {}", one.labels, one.exemplars.iter().map(show).collect::<String>())).collect()
}

#[test]
fn histograms_and_exemplars_of_version_1() {
    let trace = |value: &str| Proto::default().message(1, &Proto::default().bytes(1, "trace_id").bytes(2, value));
    let series = series_v1(&[("__name__", "h")], &[])
        .message(4, &histogram(NOW_MS))
        .message(4, &histogram(NOW_MS + 1).varint(6, 2)) // does not add up
        .message(3, &trace("abc").double(2, 0.5).varint(3, NOW_MS as u64 - 7))
        .message(3, &trace(&"x".repeat(121)).double(2, 0.5).varint(3, NOW_MS as u64));
    let tsdb = open(&MemStorage::new(1), TsdbOptions::default());
    let receiver = receiver(&tsdb);
    let error = receiver.write(&message_v1(&[series]).body(), None, None).unwrap_err();
    assert_eq!((error.status(), error.written()), (400, Written { samples: 0, histograms: 1, exemplars: 1 }));
    assert!(error.to_string().contains("do not add up"), "{error}");
    assert_eq!(dump(&tsdb), ["h: 5 in [(1, 1.0), (2, 3.0)]@0"]);
    assert_eq!(exemplars(&tsdb), [r#"h: {trace_id="abc"} 0.5@-7"#]);
    let refused = receiver.metrics.refused_exemplars.get_or_create(&[("reason", "labels")]).get();
    assert_eq!((receiver.metrics.histograms.get(), receiver.metrics.exemplars.get(), refused), (1, 1, 1));
}

#[test]
fn histograms_exemplars_and_starts_of_version_2() {
    let symbols = ["", "__name__", "h", "c", "trace_id", "abc"];
    let start = NOW_MS as u64 - 60_000;
    let exemplar = Proto::default().packed(1, &[4, 5]).double(2, 2.0).varint(3, NOW_MS as u64);
    let h = Proto::default().packed(1, &[1, 2]).message(3, &histogram(NOW_MS).varint(17, start)).message(4, &exemplar);
    let stale = Proto::default().double(3, watchfire_model::stale_nan()).varint(15, NOW_MS as u64 + 1);
    let c = Proto::default().packed(1, &[1, 3]).message(2, &sample(1.0, NOW_MS).varint(3, start)).message(3, &stale);
    let message = symbols.iter().fold(Proto::default(), |message, symbol| message.bytes(4, symbol));
    let message = message.message(5, &h).message(5, &c);
    let storage = MemStorage::new(1);
    let tsdb = open(&storage, TsdbOptions::default());
    let written = receiver(&tsdb).write(&message.body(), Some(V2), Some("snappy")).unwrap();
    assert_eq!(written, Written { samples: 1, histograms: 2, exemplars: 1 });
    let want = ["c: 1@0 from -60000 NaN@1", "h: 5 in [(1, 1.0), (2, 3.0)]@0 from -60000"];
    assert_eq!(dump(&tsdb), want);
    assert_eq!(exemplars(&tsdb), [r#"h: {trace_id="abc"} 2@0"#]);
    // What was told as written survives a power cut.
    assert_eq!(dump_after_a_power_cut(&storage, 2), want);
}

#[test]
fn buckets_count_as_samples() {
    let tsdb = open(&MemStorage::new(1), TsdbOptions::default());
    let pool = MemoryPool::new("requests", ByteSize::from_mib(64));
    let small = Receiver::new(tsdb, Limits { samples_max: 3, ..Limits::default() }, pool);
    let series = series_v1(&[("__name__", "h")], &[]).message(4, &histogram(NOW_MS));
    check_refusal(&small, &message_v1(&[series]).body(), None, 413);
}

#[test]
fn metadata_of_version_1_is_kept() {
    let metadata = Proto::default().varint(1, 2).bytes(2, "up").bytes(4, "Whether it runs.").bytes(5, "");
    let tsdb = open(&MemStorage::new(1), TsdbOptions::default());
    receiver(&tsdb).write(&Proto::default().message(3, &metadata).body(), None, None).unwrap();
    let want = MetricMetadata { kind: MetricKind::Gauge, help: "Whether it runs.".to_owned(), unit: String::new() };
    assert_eq!(tsdb.metadata(), [("up".to_owned(), vec![want])]);
}

#[track_caller]
fn check_refusal(receiver: &Receiver, body: &[u8], content_type: Option<&str>, status: u16) -> WriteError {
    let error = receiver.write(body, content_type, Some("snappy")).unwrap_err();
    assert_eq!((error.status(), error.written()), (status, Written::default()), "{error}");
    assert_eq!(error.retry_after().is_some(), status == 503);
    error
}

#[test]
fn what_is_too_large_or_unknown_is_refused() {
    let tsdb = open(&MemStorage::new(1), TsdbOptions::default());
    let one = message_v1(&[series_v1(&[("__name__", "up")], &[(1.0, NOW_MS), (2.0, NOW_MS + 1)])]);
    let limits = Limits { samples_max: 1, symbols_max: 1, ..Limits::default() };
    let pool = MemoryPool::new("requests", ByteSize(1 << 10));
    let small = Receiver::new(Arc::clone(&tsdb), limits, Arc::clone(&pool));
    check_refusal(&small, &one.body(), None, 413);
    check_refusal(&small, &Proto::default().bytes(4, "").bytes(4, "x").body(), Some(V2), 413);
    check_refusal(&small, b"\xff\xff\xff\xff\x0f", None, 413);
    check_refusal(&small, b"", None, 400);
    check_refusal(&small, &one.body(), Some("text/plain"), 415);
    check_refusal(&small, &vec![b'x'; 33 << 20], None, 413);
    let hold = pool.take(1 << 10).unwrap();
    check_refusal(&small, &one.body(), None, 503);
    drop(hold);
    assert_eq!((dump(&tsdb).len(), pool.used()), (0, 0));
}

#[test]
fn a_full_head_refuses_new_series_and_takes_the_known_ones() {
    let tsdb = open(&MemStorage::new(1), TsdbOptions { series_max: 1, ..TsdbOptions::default() });
    let receiver = receiver(&tsdb);
    let series = |name: &str, time| series_v1(&[("__name__", name)], &[(1.0, time)]);
    receiver.write(&message_v1(&[series("a", NOW_MS)]).body(), None, None).unwrap();
    let both = message_v1(&[series("b", NOW_MS), series("a", NOW_MS + 1)]);
    let error = receiver.write(&both.body(), None, None).unwrap_err();
    assert_eq!((error.status(), error.written().samples), (400, 1));
    assert!(error.to_string().contains("first: the head holds 1 series"), "{error}");
    assert_eq!(dump(&tsdb), ["a: 1@0 1@1"]);
}

#[test]
fn a_failing_disk_is_a_503_and_nothing_is_claimed() {
    let storage = MemStorage::new(1);
    let tsdb = open(&storage, TsdbOptions::default());
    let receiver = receiver(&tsdb);
    let one = message_v1(&[series_v1(&[("__name__", "up")], &[(1.0, NOW_MS)])]);
    receiver.write(&one.body(), None, None).unwrap();
    storage.fail_at(storage.operations() + 1, Fault::Io);
    let again = message_v1(&[series_v1(&[("__name__", "up")], &[(1.0, NOW_MS + 1)])]);
    check_refusal(&receiver, &again.body(), None, 503);
    // The sender tries again.
    receiver.write(&again.body(), None, None).unwrap();
    assert_eq!(dump_after_a_power_cut(&storage, 1), ["up: 1@0 1@1"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_message_is_stored_or_refused(message: Vec<u8>, is_v2: bool) {
        let tsdb = open(&MemStorage::new(1), TsdbOptions::default());
        let content_type = is_v2.then_some(V2);
        let _ = receiver(&tsdb).write(&Proto(message).body(), content_type, None);
    }

    #[test]
    fn a_message_cut_anywhere_stores_all_or_nothing(cut in 0..1000_usize) {
        let series = |n: i64| series_v1(&[("__name__", "m"), ("n", &n.to_string())], &[(1.0, NOW_MS + n)]);
        let message = message_v1(&(0..20).map(series).collect::<Vec<_>>());
        let cut = cut % message.0.len();
        let tsdb = open(&MemStorage::new(1), TsdbOptions::default());
        let written = receiver(&tsdb).write(&Proto(message.0[..cut].to_vec()).body(), None, None);
        let samples: usize = dump(&tsdb).iter().filter(|series| series.contains('@')).count();
        prop_assert_eq!(samples as u64, written.unwrap_or_default().samples);
    }
}
