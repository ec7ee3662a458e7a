//! What selectors mean, and which are refused.

use super::*;
use watchfire_model::{METRIC_NAME, Samples};

fn logs() -> LogSeries {
    let mut records = vec![
        record(0, "order", Some(3), "refused", &[("zone", FieldValue::Text("a".into()))]),
        record(1_000_000, "order", Some(6), "ok", &[("took", FieldValue::I64(7))]),
        record(2_000_000, "", None, "ok", &[("a.b", FieldValue::Bool(true))]),
    ];
    records[1].stream = "audit,default".into();
    series_of(&records)
}

#[track_caller]
fn check(query: &str, want: &[&str]) {
    assert_eq!(ask(&logs(), query, START_MS + 10), want, "{query}");
}

#[test]
fn matchers_are_fields_and_labels() {
    check(
        "logs_count",
        &[
            r#"logs_count{host="node", level="3", service="order", stream="default"} 1"#,
            r#"logs_count{host="node", level="6", service="order", stream="audit,default"} 1"#,
            r#"logs_count{host="node", stream="default"} 1"#,
        ],
    );
    check(r#"logs_count{log_by="service"}"#, &["logs_count 1", r#"logs_count{service="order"} 1"#]);
    check(
        r#"logs_count{log_by=" level , service,level",service="order",level="3"}"#,
        &[r#"logs_count{level="3", service="order"} 1"#],
    );
    check(r#"logs_count{log_by="", zone=~".+"}"#, &[r#"logs_count{zone="a"} 1"#]);
    check(r#"logs_count{log_by="", zone!=""}"#, &["logs_count 1"]);
    check(r#"logs_count{log_by="", "a.b"="true"}"#, &[r#"logs_count{"a.b"="true"} 1"#]);
    check(r#"logs_count{log_by="", stream="audit"}"#, &[r#"logs_count{stream="audit,default"} 1"#]);
    check(r#"logs_count{log_by="", stream!="audit", service="order"}"#, &[r#"logs_count{service="order"} 1"#]);
    check(r#"logs_count{log_by="", service="Order"}"#, &[]);
    check(r#"logs_count{log_by="", log_query="refused", log_query="service:ORDER"}"#, &["logs_count 1"]);
    check(r#"log_field_sum{log_by="", field="took"}"#, &[r#"log_field_sum{field="took"} 7"#]);
    check(r#"log_field_sum{log_by="", field="level"}"#, &[r#"log_field_sum{field="level"} 6"#]);
    check(r#"logs_count{field="x"}"#, &[]);
    check(r#"{__name__=~"logs_count"}"#, &[]);
    check(r#"{__name__="logs_count", __name__!="logs_count"}"#, &[]);
}

#[test]
fn a_refusal_says_what_to_change() {
    check("log_field", &[r#"log_field needs the name of a numeric field: write log_field{field="…"}"#]);
    check(r#"log_field{field=~"a"}"#, &[r#"`field` takes one value only: write field="…""#]);
    check(r#"logs_count{log_query!="a"}"#, &[r#"`log_query` takes one value only: write log_query="…""#]);
    check(r#"logs_count{log_by=~"a"}"#, &[r#"`log_by` takes one value only: write log_by="…""#]);
    check(
        r#"logs_count{log_query="a | stats count()"}"#,
        &["log_query takes a search without pipes, but `filter`: compute with PromQL instead"],
    );
    let unclosed = ask(&logs(), r#"logs_count{log_query="(a"}"#, START_MS);
    assert!(unclosed[0].starts_with("log_query: ") && unclosed[0].ends_with(')'), "{unclosed:?}");
    let relative = ask(&logs(), r#"logs_count{log_query="when:>now-1h"}"#, START_MS);
    assert!(relative[0].contains("now"), "{relative:?}");
    let names: Vec<String> = (0..17).map(|n| format!("f{n}")).collect();
    check(
        &format!("logs_count{{log_by=\"{}\"}}", names.join(",")),
        &["series of log records may have 16 labels: name fewer fields in log_by"],
    );
    let many: Vec<String> = (0..32).map(|n| format!("f{n}!=\"x\"")).collect();
    check(&format!("logs_count{{{}}}", many.join(",")), &["a selector of log records may have 32 matchers"]);
}

#[test]
fn names_and_values_of_labels() {
    let logs = logs();
    let budget = QueryBudget::unlimited();
    let selector = |text: &str| vec![Matcher::equal(METRIC_NAME, text)];
    let names = |selectors: &[Vec<Matcher>]| logs.label_names(selectors, TimeRange::ALL, &budget).unwrap();
    let values =
        |name: &str, selectors: &[Vec<Matcher>]| logs.label_values(name, selectors, TimeRange::ALL, &budget).unwrap();
    assert_eq!(names(&[selector("logs_total")]), ["__name__", "host", "level", "service", "stream"]);
    assert_eq!(values("level", &[selector("logs_total"), selector("up")]), ["3", "6"]);
    assert_eq!(values(METRIC_NAME, &[selector("logs_bytes")]), ["logs_bytes"]);
    assert!(values(METRIC_NAME, &[]).contains(&"log_field_max".to_owned()));
    assert!(names(&[selector("up")]).is_empty() && values("level", &[]).is_empty());
}

/// One stored series, `up{service="stored"}`.
struct Stored;

struct Up(Labels);

impl SeriesReader for Up {
    fn labels(&self) -> &Labels {
        &self.0
    }

    fn read(&self, range: TimeRange, _: &QueryBudget, into: &mut Samples) -> Result<(), SelectError> {
        into.push(range.end.0, 1.0);
        Ok(())
    }
}

impl SeriesSource for Stored {
    fn select(&self, _: &[Matcher], _: TimeRange, _: &QueryBudget) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        Ok(vec![Box::new(Up(Labels::from_pairs([(METRIC_NAME, "up"), ("service", "stored")])))])
    }

    fn missing(&self, _: TimeRange) -> Vec<String> {
        vec!["the metrics lack something".to_owned()]
    }

    fn label_names(&self, _: &[Vec<Matcher>], _: TimeRange, _: &QueryBudget) -> Result<Vec<String>, SelectError> {
        Ok(vec!["service".to_owned()])
    }

    fn label_values(
        &self,
        _: &str,
        _: &[Vec<Matcher>],
        _: TimeRange,
        _: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        Ok(vec!["stored".to_owned()])
    }
}

#[test]
fn names_decide_who_answers() {
    let both = Both { metrics: Arc::new(Stored), logs: logs() };
    let budget = QueryBudget::unlimited();
    let values = |selectors: &[Vec<Matcher>]| both.label_values("service", selectors, TimeRange::ALL, &budget).unwrap();
    assert_eq!(number(&both, "sum(logs_count)", START_MS + 10), 3.0);
    assert_eq!(ask(&both.for_query(), "up", START_MS), [r#"up{service="stored"} 1"#]);
    let (virtual_one, stored) = (vec![Matcher::equal(METRIC_NAME, "logs_count")], vec![Matcher::equal("a", "b")]);
    assert_eq!(values(std::slice::from_ref(&virtual_one)), ["order"]);
    assert_eq!(values(std::slice::from_ref(&stored)), ["stored"]);
    assert_eq!(values(&[stored, virtual_one]), ["order", "stored"]);
    assert_eq!(values(&[]), ["stored"]);
    assert_eq!(both.missing(TimeRange::ALL), ["the metrics lack something"]);
}
