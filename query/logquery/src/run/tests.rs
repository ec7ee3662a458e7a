use super::*;
use crate::row::Cell;
use crate::{MathExpr, Pipe, SortKey, StatsFunction, StatsKey, StatsPipe, StatsResult, parse_at};
use proptest::prelude::*;
use smol_str::SmolStr;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use watchfire_model::{FieldSelection, FieldValue, Groups, Level, LogRecord, MemoryPool, ScanOrder, parse_date};

/// A list of records; the number of each is its place.
#[derive(Debug)]
struct List {
    records: Vec<LogRecord>,
}

impl List {
    fn found(&self, filter: &watchfire_model::LogFilter, range: TimeRangeNs) -> Vec<(u64, &LogRecord)> {
        let passes = |(_, record): &(u64, &LogRecord)| range.contains(record.time) && filter.matches(*record);
        (0..).zip(&self.records).filter(passes).collect()
    }
}

impl LogSource for List {
    fn scan(
        &self,
        request: &ScanRequest,
        budget: &QueryBudget,
        visit: &mut dyn FnMut(u64, &LogRecord) -> ControlFlow<()>,
    ) -> Result<LogAnswer, LogSourceError> {
        let mut found = self.found(&request.filter, request.range);
        match request.order {
            ScanOrder::NewestFirst => found.sort_by_key(|(arrival, record)| std::cmp::Reverse((record.time, *arrival))),
            ScanOrder::OldestFirst => found.sort_by_key(|(arrival, record)| (record.time, *arrival)),
            // Neither of both, so that it shows when somebody relies on an order.
            ScanOrder::Any => found.sort_by_key(|(arrival, _)| (arrival % 3, *arrival)),
        }
        for (arrival, record) in found {
            budget.check()?;
            let mut record = record.clone();
            if let FieldSelection::Only(names) = &request.fields {
                assert!(!names.contains("time") && !names.contains("stream"), "{names:?}");
                record.fields.retain(|(name, _)| names.contains(name));
                if !names.contains("message") {
                    record.message = "left out".into();
                }
                if !names.contains("host") {
                    record.host = "left out".into();
                }
                if !names.contains("level") {
                    record.level = None;
                }
            }
            if visit(arrival, &record).is_break() {
                break;
            }
        }
        Ok(LogAnswer::default())
    }

    fn aggregate(
        &self,
        request: &AggregateRequest,
        _budget: &QueryBudget,
    ) -> Result<(Groups, LogAnswer), LogSourceError> {
        let spec = std::sync::Arc::new(request.spec.clone());
        let mut parts = [Groups::new(spec.clone()), Groups::new(spec)];
        for (arrival, record) in self.found(&request.filter, request.range) {
            parts[(arrival % 2) as usize].add(arrival, record)?;
        }
        let [mut first, second] = parts;
        first.merge(second)?;
        Ok((first, LogAnswer::default()))
    }
}

fn record(time: i64, host: &str, message: &str, level: Option<u8>, fields: &[(&str, FieldValue)]) -> LogRecord {
    LogRecord {
        time: TimeNs(time),
        received: TimeNs(time),
        stream: "default".into(),
        host: host.into(),
        message: message.into(),
        level: level.and_then(Level::new),
        fields: fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
    }
}

/// 2026-11-21T12:00:00Z.
const NOW: TimeNs = TimeNs(1_795_262_400_000_000_000);
const MINUTE_NS: i64 = 60_000_000_000;

/// One record a minute before noon: `took` from 0 on, hosts and codes in turns.
fn sample() -> List {
    let records = (0..10_i64).map(|n| {
        let fields = [
            ("took", FieldValue::I64(n)),
            ("code", FieldValue::I64([200, 500][usize::from(n % 4 == 0)])),
            ("container_name", FieldValue::Text(["web", "db"][(n % 2) as usize].into())),
        ];
        let message = format!("request {n} done user=u{}", n % 3);
        record(NOW.0 - (10 - n) * MINUTE_NS, ["a", "b"][(n % 2) as usize], &message, Some(6), &fields)
    });
    List { records: records.collect() }
}

fn request() -> RunRequest {
    RunRequest::new(TimeRangeNs { start: NOW.plus_ns(-60 * MINUTE_NS), end: NOW }, NOW)
}

fn ask(source: &List, text: &str, request: &RunRequest) -> Result<Outcome, RunError> {
    let query = parse_at(text, NOW).unwrap_or_else(|error| panic!("{text}: {error}"));
    let budget = QueryBudget::unlimited();
    let whole = run(&query, request, source, &budget);
    let streamed = run_streamed(&query, request, source, &budget);
    assert_eq!(whole, streamed, "{text}");
    whole
}

/// Columns and rows as text, a row a line, `-` where nothing is.
#[track_caller]
fn check(text: &str, want: &[&str]) {
    let Table { columns, rows } = ask(&sample(), text, &request()).expect(text).table;
    let cell = |cell: &Option<Cell>| cell.as_ref().map_or_else(|| "-".to_owned(), Cell::to_string);
    let line = |row: &Vec<Option<Cell>>| row.iter().map(cell).collect::<Vec<_>>().join(" ");
    let header = columns.iter().map(SmolStr::as_str).collect::<Vec<_>>().join(" ");
    let got: Vec<String> = std::iter::once(header).chain(rows.iter().map(line)).collect();
    assert_eq!(got, want, "{text}");
}

#[test]
fn records_come_newest_first() {
    check("code:500 | fields took, host", &["took host", "8 a", "4 a", "0 a"]);
    check("* | limit 2 | fields took", &["took", "9", "8"]);
    check("* | offset 7 | fields took", &["took", "2", "1", "0"]);
    check("took:<2 | fields time, nothing", &["time nothing", "2026-11-21T11:51:00Z -", "2026-11-21T11:50:00Z -"]);
    check(
        "took:9 | drop stream, message, container_name",
        &["time host level took code", "2026-11-21T11:59:00Z b 6 9 200"],
    );
    check("time:>=now-2m | fields took", &["took", "9", "8"]);
    check("nothing | fields took", &["took"]);
}

#[test]
fn stats() {
    check("* | stats count()", &["count()", "10"]);
    check("nothing:here | stats count(), sum(took)", &["count() sum(took)", "0 -"]);
    check(
        "* | stats by (host) count() as n, sum(took), max(took)",
        &["host n sum(took) max(took)", "a 5 20 8", "b 5 25 9"],
    );
    check(
        "* | stats count() if (code:500) as errors, p50(took), avg(took) by (host)",
        &["host errors p50(took) avg(took)", "a 3 4 4", "b 0 5 5"],
    );
    check(
        "* | filter took:>7 | stats values(host), first(took), last(took)",
        &["values(host) first(took) last(took)", "a, b 8 9"],
    );
    check("* | stats by (_time:5m) count() n", &["time n", "2026-11-21T11:50:00Z 5", "2026-11-21T11:55:00Z 5"]);
    check(
        "* | stats by (_time:1d tz \"Europe/Berlin\") rate()",
        &["time rate()", "2026-11-20T23:00:00Z 0.00011574074074074075"],
    );
    check(
        "* | stats by (_time:1h offset 55m) count_uniq(host)",
        &["time count_uniq(host)", "2026-11-21T10:55:00Z 2", "2026-11-21T11:55:00Z 2"],
    );
    check("* | rename took as t | stats max(t)", &["max(t)", "9"]);
    check("* | math took * 2 as t | stats max(t) by (host)", &["host max(t)", "a 16", "b 18"]);
    check(
        "* | stats count() by (host, code) | filter \"count()\":>2 | sort by (count() desc)",
        &["host code count()", "b 200 5", "a 500 3"],
    );
    check("* | stats avg(took) as level by (host) | filter level:>4.5", &["host level", "b 5"]);
}

#[test]
fn top_uniq_and_sort() {
    check("* | top 1 by (code)", &["code hits", "200 7"]);
    check("* | top code", &["code hits", "200 7", "500 3"]);
    check("* | uniq by (host, code)", &["host code", "a 200", "a 500", "b 200"]);
    check("* | uniq by (host, code) limit 1", &["host code", "a 200"]);
    check("* | sort by (host desc, took) limit 3 | fields host, took", &["host took", "b 1", "b 3", "b 5"]);
    check("* | sort by (code desc) | limit 2 | fields took", &["took", "8", "4"]);
    check("* | sort by (_time) | offset 1 | limit 1 | fields took", &["took", "1"]);
    check("took:<3 | sort by (nothing) | fields took", &["took", "2", "1", "0"]);
    check("* | limit 4 | sort by (took) | fields took | limit 2", &["took", "6", "7"]);
}

#[test]
fn extracted_fields_are_fields() {
    check("* | extract \"user=<user>\" | top 2 by (user)", &["user hits", "u0 4", "u1 3"]);
    check(
        "took:[4 TO 5] | collapse_nums | fields message",
        &["message", "request <N> done user=u2", "request <N> done user=u1"],
    );
    check("took:4 | format \"<host>/<took>\" as x | fields x", &["x", "a/4"]);
}

#[test]
fn context_shows_neighbours_of_the_same_container() {
    check("took:4 | context 1 | fields took", &["took", "6", "4", "2"]);
    check("took:[4 TO 6] | context before 1 after 0 | fields took", &["took", "6", "5", "4", "3", "2"]);
    check("nothing:here | context 5 | fields took", &["took"]);
    check("took:0 | context 100 | stats count()", &["count()", "5"]);
}

#[test]
fn answers_are_bounded_and_say_so() {
    let few = RunRequest { rows_max: 3, ..request() };
    let outcome = ask(&sample(), "*", &few).expect("an answer");
    assert_eq!(outcome.table.rows.len(), 3);
    assert_eq!(outcome.answer.partial, ["the answer has more than 3 rows, the others are left out"]);
    assert_eq!(ask(&sample(), "* | limit 3", &few).expect("an answer").answer.partial, [""; 0]);
    let groups = RunRequest { groups_max: 9, ..request() };
    let error = ask(&sample(), "* | uniq by (took)", &groups).expect_err("ten groups");
    assert_eq!(error, RunError::Source(LogSourceError::TooManyGroups(TooManyGroups { max: 9 })));
}

#[test]
fn what_pipes_hold_is_taken_from_the_budget() {
    let source = List { records: (0..1000).map(|n| record(n, "a", "x", None, &[])).collect() };
    let whole = RunRequest::new(TimeRangeNs::ALL, NOW);
    for text in ["* | sort by (message)", "*", "x | context 1", "* | math 1 as x | uniq by (_time)"] {
        let pool = MemoryPool::new("queries", watchfire_model::ByteSize(100 << 10));
        let budget = QueryBudget::unlimited().with_memory(&pool, 100 << 10);
        let error = run_streamed(&parse_at(text, NOW).expect(text), &whole, &source, &budget).expect_err(text);
        assert!(
            matches!(error, RunError::Source(LogSourceError::Exhausted(Exhausted::Memory { .. }))),
            "{text}: {error}"
        );
    }
    let pool = MemoryPool::new("queries", watchfire_model::ByteSize(100 << 10));
    let budget = QueryBudget::unlimited().with_memory(&pool, 100 << 10);
    let five = parse_at("x | math 1 as y | sort by (message) limit 5", NOW).expect("a query");
    run(&five, &whole, &source, &budget).expect("five rows fit");
}

#[test]
fn a_cancelled_query_ends() {
    let budget = QueryBudget::unlimited();
    budget.cancel();
    let query = parse_at("* | sort by (took)", NOW).expect("a query");
    let error = run(&query, &request(), &sample(), &budget).expect_err("it was cancelled");
    assert_eq!(error, RunError::Source(LogSourceError::Exhausted(Exhausted::Cancelled)));
}

#[test]
fn explaining_says_what_the_store_does() {
    let text = |query: &str| {
        let stages = explain(&parse_at(query, NOW).expect(query));
        stages.iter().map(|stage| format!("{}: {}", stage.stage, stage.detail)).collect::<Vec<_>>()
    };
    assert_eq!(
        text("a | filter b | stats count() by (host) | sort by (host) limit 3"),
        [
            "search: a | filter b",
            "group: in the store, from columns and statistics: stats by (host) count()",
            "hold: sort by (host) limit 3"
        ]
    );
    assert_eq!(
        text("a | extract \"x=<x>\" | stats max(x)"),
        [
            "search: a",
            "scan: records in any order, reading message, x",
            "row: extract \"x=<x>\" from message",
            "hold: stats max(x)"
        ]
    );
    assert_eq!(text("*"), ["search: *", "scan: records newest first, reading all fields"]);
}

#[test]
fn a_row_pipeline_works_on_records() {
    let source = sample();
    let mut pipeline = parse_at("* | filter a | fields took, host | offset 1 | limit 2 | filter took:>3", NOW)
        .expect("a query")
        .row_pipeline()
        .expect("pipes on rows");
    let results: Vec<RowResultKind> = (0..5).map(|n| kind(pipeline.apply(n, &source.records[n as usize]))).collect();
    let emitted = |took| RowResultKind::Emit(vec![("took".into(), FieldValue::I64(took))]);
    assert_eq!(
        results,
        [RowResultKind::Skip, RowResultKind::Skip, RowResultKind::Skip, RowResultKind::Done, RowResultKind::Done]
    );
    assert!(pipeline.is_done());
    let mut pipeline =
        parse_at("* | drop level, message, code, container_name", NOW).expect("a query").row_pipeline().expect("rows");
    assert_eq!(kind(pipeline.apply(3, &source.records[3])), emitted(3));
    for text in ["* | stats count()", "* | sort by (a)", "* | top a", "* | uniq by (a)", "* | context 3"] {
        assert!(parse_at(text, NOW).expect(text).row_pipeline().is_none(), "{text}");
    }
    assert!(parse_at("a | filter b", NOW).expect("a query").row_pipeline().expect("no pipes").is_empty());
}

#[derive(Debug, PartialEq)]
enum RowResultKind {
    Emit(Vec<(SmolStr, FieldValue)>),
    Skip,
    Done,
}

fn kind(result: crate::RowResult) -> RowResultKind {
    match result {
        crate::RowResult::Emit(record) => RowResultKind::Emit(record.fields),
        crate::RowResult::Skip => RowResultKind::Skip,
        crate::RowResult::Done => RowResultKind::Done,
    }
}

/// Every pipe on all rows at once, in the plainest way.
fn naive(query: &Query, source: &List, request: &RunRequest) -> Vec<Row> {
    let expr = query.expr.to_filter(request.now).expect("a filter");
    let mut rows: Vec<Row> = source
        .found(&expr, request.range)
        .into_iter()
        .map(|(arrival, record)| Row::of_record(arrival, record))
        .collect();
    rows.sort_by_key(|row| row.rank);
    for pipe in &query.pipes {
        rows = naive_pipe(pipe, rows, request);
    }
    rows
}

fn naive_pipe(pipe: &Pipe, mut rows: Vec<Row>, request: &RunRequest) -> Vec<Row> {
    match pipe {
        Pipe::Limit(limit) => rows.truncate(*limit),
        Pipe::Offset(offset) => drop(rows.drain(..(*offset).min(rows.len()))),
        Pipe::Sort { by, limit } => {
            rows.sort_by(|a, b| by.iter().map(|key| naive_order(key, a, b)).fold(Ordering::Equal, Ordering::then));
            rows.truncate(limit.unwrap_or(usize::MAX));
        }
        Pipe::Top { limit, by } => {
            let mut groups: Vec<_> = naive_groups(by, rows).into_iter().collect();
            groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(&b.0)));
            groups.truncate(*limit);
            let hits = |rows: &Vec<Row>| vec![("hits".into(), Some(FieldValue::I64(rows.len() as i64)))];
            return naive_rows(by, groups.iter().map(|(key, rows)| (key.clone(), hits(rows))));
        }
        Pipe::Uniq { by, limit } => {
            let groups = naive_groups(by, rows).into_iter().take(limit.unwrap_or(usize::MAX));
            return naive_rows(by, groups.map(|(key, _)| (key, Vec::new())));
        }
        Pipe::Stats(stats) => {
            let names: Vec<SmolStr> = stats.by.iter().map(|key| key.name().into()).collect();
            let mut groups = naive_groups(&names, rows);
            if names.is_empty() {
                groups.entry(Vec::new()).or_default();
            }
            let values = |rows: &[Row]| {
                stats.results.iter().map(|result| (result.name.clone(), naive_result(result, rows, request))).collect()
            };
            return naive_rows(&names, groups.iter().map(|(key, rows)| (key.clone(), values(rows))));
        }
        pipe => {
            let operator = crate::operator::RowOperator::of(pipe, request.now).expect("valid").expect("a pipe on rows");
            rows.retain_mut(|row| operator.apply(row));
        }
    }
    rows
}

fn naive_order(key: &SortKey, a: &Row, b: &Row) -> Ordering {
    let number = |row: &Row| row.get(&key.field).and_then(Cell::as_number);
    let text = |row: &Row| row.text_of(&key.field).filter(|text| !text.is_empty());
    let turned = |order: Ordering| if key.is_descending { order.reverse() } else { order };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => turned(a.total_cmp(&b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => match (text(a), text(b)) {
            (Some(a), Some(b)) => turned(a.cmp(&b)),
            (a, b) => b.is_some().cmp(&a.is_some()),
        },
    }
}

fn naive_groups(by: &[SmolStr], rows: Vec<Row>) -> BTreeMap<Vec<Option<SmolStr>>, Vec<Row>> {
    let mut groups: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for row in rows {
        groups.entry(by.iter().map(|name| row.text_of(name)).collect()).or_default().push(row);
    }
    groups
}

type NaiveGroup = (Vec<Option<SmolStr>>, Vec<(SmolStr, Option<FieldValue>)>);

fn naive_rows(by: &[SmolStr], groups: impl Iterator<Item = NaiveGroup>) -> Vec<Row> {
    let row = |(number, (key, values)): (u64, NaiveGroup)| {
        let keys = by.iter().cloned().zip(key.into_iter().map(|text| text.map(FieldValue::Text)));
        let cells = keys.chain(values).filter_map(|(name, value)| value.map(|value| (name, Cell::Value(value))));
        Row { rank: (0, number), arrival: number, cells: cells.collect() }
    };
    (0..).zip(groups).map(row).collect()
}

fn naive_result(result: &StatsResult, rows: &[Row], request: &RunRequest) -> Option<FieldValue> {
    let only = result.only.as_ref().map(|only| only.to_filter(request.now).expect("a filter"));
    let rows: Vec<&Row> = rows.iter().filter(|row| only.as_ref().is_none_or(|only| only.matches(*row))).collect();
    let field = result.field.clone().unwrap_or_default();
    let texts: Vec<SmolStr> =
        rows.iter().filter_map(|row| row.text_of(&field)).filter(|text| !text.is_empty()).collect();
    let mut numbers: Vec<f64> = rows.iter().filter_map(|row| row.get(&field).and_then(Cell::as_number)).collect();
    numbers.sort_by(f64::total_cmp);
    let whole = |n: usize| Some(FieldValue::I64(n as i64));
    // Numbers are whole in these tests.
    let number = |number: f64| FieldValue::I64(number as i64);
    match result.function {
        StatsFunction::Count if result.field.is_none() => whole(rows.len()),
        StatsFunction::Count => whole(texts.len()),
        StatsFunction::Sum => (!numbers.is_empty()).then(|| number(numbers.iter().sum())),
        StatsFunction::Quantile(_) => (!numbers.is_empty()).then(|| number(numbers[(numbers.len() - 1) / 2])),
        StatsFunction::CountUniq => whole(texts.iter().collect::<BTreeSet<_>>().len()),
        other => panic!("{other:?} is not generated"),
    }
}

fn name() -> impl Strategy<Value = SmolStr> {
    proptest::sample::select(vec!["a", "b", "host", "message", "level", "c"]).prop_map(SmolStr::new_static)
}

fn names() -> impl Strategy<Value = Vec<SmolStr>> {
    proptest::collection::btree_set(name(), 1..3).prop_map(|names| names.into_iter().collect())
}

fn condition() -> impl Strategy<Value = crate::Expr> {
    let text = proptest::sample::select(vec![
        "a:x",
        "b:>1",
        "x",
        "-y",
        "_exists_:a",
        "host:x",
        "c:[1 TO 2]",
        "message:y",
        "*",
        "level:3 OR a:1",
        "a:/x|2/",
        "c:>\"x\"",
    ]);
    text.prop_map(|text| parse_at(text, NOW).expect(text).expr)
}

fn stats_pipe() -> impl Strategy<Value = Pipe> {
    let function = proptest::sample::select(vec![
        StatsFunction::Count,
        StatsFunction::Sum,
        StatsFunction::Quantile(0.5),
        StatsFunction::CountUniq,
    ]);
    let result = (function, name(), proptest::option::of(condition()));
    (proptest::option::of(names()), proptest::collection::vec(result, 1..3)).prop_map(|(by, results)| {
        let result = |(index, (function, field, only)): (usize, _)| {
            let field: SmolStr = field;
            StatsResult { only, name: ["a", "r"][index].into(), ..StatsResult::unnamed(function, Some(field)) }
        };
        let by = by.unwrap_or_default().into_iter().filter(|name| name != "a").map(StatsKey::Field).collect();
        Pipe::Stats(StatsPipe { by, results: results.into_iter().enumerate().map(result).collect() })
    })
}

fn pipe() -> impl Strategy<Value = Pipe> {
    let key = (name(), any::<bool>()).prop_map(|(field, is_descending)| SortKey { field, is_descending });
    let sort = proptest::collection::vec(key, 1..3);
    prop_oneof![
            2 => stats_pipe(),
            1 => names().prop_map(Pipe::Fields),
            1 => name().prop_map(|name| Pipe::Drop(vec![name])),
            1 => (name(), name()).prop_map(|(from, to)| Pipe::Rename(vec![(from, to)])),
            2 => condition().prop_map(Pipe::Filter),
            1 => (sort, proptest::option::of(0..5_usize)).prop_map(|(by, limit)| Pipe::Sort { by, limit }),
            1 => (0..6_usize).prop_map(Pipe::Limit),
            1 => (0..3_usize).prop_map(Pipe::Offset),
            1 => (1..3_usize, names()).prop_map(|(limit, by)| Pipe::Top { limit, by }),
            1 => (names(), proptest::option::of(1..3_usize)).prop_map(|(by, limit)| Pipe::Uniq { by, limit }),
            1 => (name(), name()).prop_map(|(from, to)| Pipe::Math { expr: MathExpr::Field(from), to }),
    1 => Just(Pipe::Sample(2)),
        ]
}

fn records() -> impl Strategy<Value = List> {
    let value = prop_oneof![
        (0..3_i64).prop_map(FieldValue::I64),
        proptest::sample::select(vec!["x", "y z", "1", ""]).prop_map(|text| FieldValue::Text(text.into())),
    ];
    let text = proptest::sample::select(vec!["", "x", "x y", "2"]);
    let fields = proptest::collection::vec(proptest::option::of(value), 3);
    let record = (0..5_i64, text.clone(), text, proptest::option::of(2..4_u8), fields).prop_map(
        |(time, host, message, level, fields)| {
            let fields = ["a", "b", "c"].into_iter().zip(fields).filter_map(|(name, value)| Some((name, value?)));
            record(time, host, message, level, &fields.collect::<Vec<_>>())
        },
    );
    proptest::collection::vec(record, 0..20).prop_map(|records| List { records })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Pushed down, streamed, and done in the plainest way: the same answer.
    #[test]
    fn every_way_of_running_gives_the_same(
        expr in condition(), pipes in proptest::collection::vec(pipe(), 0..5), source in records()
    ) {
        let query = Query::new(expr, pipes, NOW).expect("a query");
        let request = RunRequest::new(TimeRangeNs { start: TimeNs(1), end: TimeNs(9) }, NOW);
        let budget = QueryBudget::unlimited();
        let got = run(&query, &request, &source, &budget).expect("an answer").table;
        let streamed = run_streamed(&query, &request, &source, &budget).expect("an answer").table;
        prop_assert_eq!(&got, &streamed, "{}", query);
        let want = Columns::of(&query.pipes).table(naive(&query, &source, &request), &mut Vec::new());
        prop_assert_eq!(&got, &want, "{}", query);
    }
}

#[test]
fn dates_of_fields_are_compared() {
    let due = |text: &str| record(NOW.0 - 1, "a", "", None, &[("due", FieldValue::Text(text.into()))]);
    let source = List { records: vec![due("2026-11-20T10:00:00+02:00"), due("2026-12-01"), due("soon")] };
    let found = |text: &str| ask(&source, text, &request()).expect(text).table.rows.len();
    assert_eq!(found("due:<=2026-11-20"), 1);
    assert_eq!(found("due:>now"), 1);
    assert_eq!(found("due:[2026-11-20T08:00:00Z TO 2026-12-02]"), 2);
    assert!(parse_date("soon").is_none());
}
