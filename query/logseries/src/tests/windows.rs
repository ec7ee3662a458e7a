//! Any window holds what the log search over it finds.

use super::*;
use proptest::prelude::*;

/// Asks for one sample per step of a grid, as an engine does that knows the edges of its windows.
struct OnGrid {
    logs: LogSeries,
    grid: Grid,
}

impl SeriesSource for OnGrid {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        self.logs.select_on(matchers, range, self.grid, budget)
    }
}

/// Times gather in few milliseconds, at their edges and over ten minutes.
fn time_ns() -> impl Strategy<Value = i64> {
    prop_oneof![
        0..3_000_000_i64,
        (0..5_i64, -1..2_i64).prop_map(|(ms, ns)| (ms * 1_000_000 + ns).max(0)),
        0..600_000_000_000_i64,
    ]
}

fn any_record() -> impl Strategy<Value = LogRecord> {
    let service = prop::sample::select(vec!["", "order", "Order", "pay ment"]);
    let message = prop::sample::select(vec!["refused", "größe ok", "", "Refused by peer"]);
    let number = prop_oneof![
        Just(None),
        (-5..50_i64).prop_map(|it| Some(FieldValue::I64(it))),
        (0..20_i64).prop_map(|it| Some(FieldValue::Text(it.to_string().into()))),
        Just(Some(FieldValue::Text("NaN".into()))),
        Just(Some(FieldValue::Bool(true))),
    ];
    (time_ns(), service, prop::option::of(0..8_u8), message, number).prop_map(
        |(ns, service, level, message, number)| {
            let took: Vec<_> = number.map(|it| ("took", it)).into_iter().collect();
            record(ns, service, level, message, &took)
        },
    )
}

/// What a selector says, of a record.
type Passes = fn(&LogRecord) -> bool;

/// Matchers, and the same said of a record.
fn selectors() -> Vec<(&'static str, Passes)> {
    fn service(record: &LogRecord) -> String {
        record.field("service").map(|it| it.to_text().to_string()).unwrap_or_default()
    }
    vec![
        ("", |_| true),
        (r#"service="order""#, |it| service(it) == "order"),
        (r#"service="pay ment""#, |it| service(it) == "pay ment"),
        (r#"service!="order""#, |it| service(it) != "order"),
        (r#"service="""#, |it| service(it).is_empty()),
        (r#"service!="""#, |it| !service(it).is_empty()),
        (r#"service=~"|Order""#, |it| matches!(service(it).as_str(), "" | "Order")),
        (r#"service!~"order|""#, |it| !matches!(service(it).as_str(), "" | "order")),
        (r#"service!~"ord.*""#, |it| !service(it).starts_with("ord")),
        (r#"level=~"[0-3]""#, |it| it.level.is_some_and(|level| level.number() <= 3)),
        (r#"log_query="refused",log_by="""#, |it| it.message.to_lowercase().starts_with("refused")),
        (r#"log_query="NOT refused | filter level:<5",log_by="level""#, |it| {
            !it.message.to_lowercase().starts_with("refused") && it.level.is_some_and(|level| level.number() < 5)
        }),
    ]
}

fn took(record: &LogRecord) -> Option<f64> {
    record.field("took").and_then(FieldValue::as_number).filter(|number| !number.is_nan())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_window_counts_what_the_log_search_finds(
        records in prop::collection::vec(any_record(), 0..60),
        windows in prop::collection::vec((1..400_000_i64, 0..610_000_i64), 1..4),
        narrow in prop::collection::vec((1..6_i64, 0..8_i64), 1..3),
    ) {
        let logs = series_of(&records);
        for (range, end) in windows.into_iter().chain(narrow) {
            let time = START_MS + end;
            let grid = Grid { origin: Timestamp(time), step_ms: range };
            let on_grid = OnGrid { logs: logs.clone(), grid };
            let start = Timestamp(time - range).to_ns();
            for (matchers, passes) in selectors() {
                let within = |it: &&LogRecord| start < it.time && it.time <= Timestamp(time).to_ns() && passes(it);
                let found: Vec<&LogRecord> = records.iter().filter(within).collect();
                let count = found.len() as f64;
                let bytes: usize = found.iter().map(|it| it.message.len()).sum();
                let numbers: Vec<f64> = found.iter().filter_map(|it| took(it)).collect();
                let lowest = numbers.iter().copied().fold(f64::INFINITY, f64::min);
                let highest = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                for source in [&logs as &dyn SeriesSource, &on_grid] {
                    let ask = |query: String| number(source, &query, time);
                    prop_assert_eq!(ask(format!("sum(sum_over_time(logs_count{{{matchers}}}[{range}ms]))")), count);
                    prop_assert_eq!(ask(format!("sum(increase(logs_total{{{matchers}}}[{range}ms] anchored))")), count);
                    prop_assert_eq!(
                        ask(format!("sum(sum_over_time(logs_bytes{{{matchers}}}[{range}ms]))")), bytes as f64);
                    prop_assert_eq!(
                        ask(format!("sum(increase(logs_bytes_total{{{matchers}}}[{range}ms] anchored))")), bytes as f64);
                    let field = format!("field=\"took\",{matchers}");
                    prop_assert_eq!(
                        ask(format!("sum(sum_over_time(log_field_count{{{field}}}[{range}ms]))")), numbers.len() as f64);
                    prop_assert_eq!(
                        ask(format!("sum(sum_over_time(log_field_sum{{{field}}}[{range}ms]))")),
                        numbers.iter().sum::<f64>());
                    if !numbers.is_empty() {
                        prop_assert_eq!(ask(format!("min(min_over_time(log_field_min{{{field}}}[{range}ms]))")), lowest);
                        prop_assert_eq!(ask(format!("max(max_over_time(log_field_max{{{field}}}[{range}ms]))")), highest);
                    }
                }
            }
        }
    }
}

#[test]
fn a_range_query_counts_every_window() {
    let records: Vec<LogRecord> = (0..500).map(|n| record(n * 997_000_000, "order", Some(3), "x", &[])).collect();
    let logs = series_of(&records);
    let expr = parse("sum(increase(logs_total[1m] anchored)) == sum(sum_over_time(logs_count[1m]))").unwrap();
    let (start, end) = (Timestamp(START_MS), Timestamp(START_MS + 600_000));
    let output = Engine::default().range(&logs, &expr, start, end, 7000, &QueryBudget::unlimited()).unwrap();
    let Value::Matrix(series) = output.value else { panic!("a matrix") };
    let (mut steps, mut counted) = (0, 0);
    for (time, value) in series[0].times.iter().zip(&series[0].values) {
        let end = Timestamp(*time).to_ns();
        let within = |it: &&LogRecord| it.time <= end && it.time > end.plus_ns(-60_000_000_000);
        let count = records.iter().filter(within).count();
        assert_eq!(*value, count as f64, "at {time}");
        steps += usize::from(count > 0);
        counted += count;
    }
    // Steps whose window holds no record have no sample.
    assert!(steps > 70 && counted > 4000, "{steps} {counted}");
}

#[test]
fn the_last_number_of_a_millisecond_stands_for_it() {
    let took = |number| [("took", FieldValue::I64(number))];
    let records = [
        record(1_000_002, "order", None, "", &took(2)),
        record(1_000_001, "order", None, "", &took(9)),
        record(1_000_001, "pay", None, "", &took(5)),
        record(3_000_000, "order", None, "", &took(1)),
    ];
    let logs = series_of(&records);
    let at = START_MS + 2;
    let labels = r#"field="took", host="node", service="order", stream="default""#;
    assert_eq!(
        ask(&logs, r#"log_field{field="took"}"#, at),
        [
            format!("log_field{{{labels}}} 2"),
            r#"log_field{field="took", host="node", service="pay", stream="default"} 5"#.to_owned()
        ]
    );
    assert_eq!(number(&logs, r#"sum(max_over_time(log_field_max{field="took", service="order"}[1s]))"#, at), 9.0);
    assert_eq!(number(&logs, r#"sum(count_over_time(log_field{field="took", service="order"}[1s]))"#, at + 1), 2.0);
}
