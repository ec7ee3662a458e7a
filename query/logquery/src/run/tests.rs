mod naive;
mod same;

use super::*;
use crate::parse_at;
use crate::row::Cell;
use smol_str::SmolStr;
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
    // Only the groups with the most are seen; ties stand in the order of their keys.
    check("* | stats count() as n by (code) | sort by (n desc) limit 1", &["code n", "200 7"]);
    check("* | stats count() as n by (took) | sort by (n desc) limit 2", &["took n", "0 1", "1 1"]);
    check("* | stats count() as n, max(took) as n2 by (host) | sort by (n desc) limit 1", &["host n n2", "a 5 8"]);
    check("* | stats count() as n by (code) | sort by (n) limit 1", &["code n", "500 3"]);
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
