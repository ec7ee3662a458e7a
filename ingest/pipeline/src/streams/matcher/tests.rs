use super::*;
use crate::streams::StreamName;
use crate::testing::record;
use proptest::prelude::*;
use watchfire_model::{FieldPattern, FieldValue, Level, Proximity, TextRegex, TimeNs, TimeRangeNs, Wildcard};

fn rules(queries: &[&str]) -> StreamRules {
    let filters = queries.iter().map(|query| watchfire_logquery::parse(query).expect("a valid query").filter);
    compile(filters.collect())
}

/// Rules `s0`, `s1` and so on.
fn compile(filters: Vec<LogFilter>) -> StreamRules {
    let name = |index: usize| StreamName::parse(&format!("s{index}")).unwrap();
    let rule = |(index, filter)| StreamRule { name: name(index), filter, remove_from_default: false };
    StreamRules::compile(filters.into_iter().enumerate().map(rule).collect()).unwrap()
}

/// A record with a message and fields `name=value`.
fn record_of(message: &str, fields: &[(&str, FieldValue)]) -> LogRecord {
    let fields = fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    LogRecord { host: "node-1".into(), level: Level::new(3), fields, ..record(message) }
}

#[track_caller]
fn check(queries: &[&str], record: &LogRecord, want: &[usize]) {
    let rules = rules(queries);
    assert_eq!(members(rules.matching(record)).collect::<Vec<_>>(), want, "{queries:?} on {record:?}");
}

#[test]
fn each_kind_of_condition_is_found() {
    let payment = record_of(
        "Payment REFUSED by bank",
        &[("service", "Pay".into_value()), ("cause", "card expired".into_value()), ("took", FieldValue::I64(42))],
    );
    check(&["service:pay", "service:ship", "service:PAY"], &payment, &[0, 2]);
    check(&["refused", "refuse", "payment refused", "message:bank"], &payment, &[0, 2, 3]);
    check(&["cause:expired", "cause:exp", "expired", "cause:(lost OR card)"], &payment, &[0, 2, 3]);
    check(&["took:42", "took:>40", "42", "_exists_:took", "_exists_:other"], &payment, &[0, 1, 2, 3]);
    check(&["source:node-1", "source:node-2", "node-1", "level:error", "level:<3"], &payment, &[0, 2, 3]);
    check(&["NOT service:pay", "service:pay NOT took:42", "service:p*", "ref*d AND source:node?1"], &payment, &[2, 3]);
    check(&["*", ""], &payment, &[0, 1]);
    check(&[], &payment, &[]);
}

trait IntoValue {
    fn into_value(self) -> FieldValue;
}

impl IntoValue for &str {
    fn into_value(self) -> FieldValue {
        FieldValue::Text(self.into())
    }
}

#[test]
fn letters_beyond_ascii_are_folded_before_they_are_looked_for() {
    // The Kelvin sign becomes a letter of ASCII when folded.
    let message = record_of("10\u{212a} \u{212a}elvin GRÖSSE Größe", &[]);
    check(&["10k", "message:kelvin", "größe", "grösse", "gro"], &message, &[0, 1, 2, 3]);
    check(&["unit:k"], &record_of("", &[("unit", "\u{212a}".into_value())]), &[0]);
    check(&["unit:\u{212a}"], &record_of("", &[("unit", "K".into_value())]), &[0]);
}

#[test]
fn long_values_and_the_hundredth_rule_are_found() {
    let long = "x".repeat(300);
    let query = format!("id:{}", long.to_uppercase());
    let mut queries = vec!["id:short"; STREAMS_MAX - 1];
    queries.push(&query);
    check(&queries, &record_of("", &[("id", long.as_str().into_value())]), &[STREAMS_MAX - 1]);
}

#[test]
fn rules_that_cannot_stand_together_are_refused() {
    let rule = |name: &str| StreamRule {
        name: StreamName::parse(name).unwrap(),
        filter: LogFilter::All,
        remove_from_default: false,
    };
    let many = (0..=STREAMS_MAX).map(|index| rule(&format!("s{index}"))).collect();
    assert_eq!(StreamRules::compile(many).unwrap_err(), StreamRuleError::TooMany { count: STREAMS_MAX + 1 });
    let twice = StreamRules::compile(vec![rule("a"), rule("b"), rule("a")]).unwrap_err();
    assert_eq!(twice, StreamRuleError::Duplicate { name: StreamName::parse("a").unwrap() });
}

const NAMES: [&str; 7] = ["service", "took", "host", "message", "stream", "level", "id"];
const TEXTS: [&str; 14] =
    ["a", "B", "ab", "a b", "B-a", "", "->", "k", "\u{212a}", "İ", "a B\u{212a} ab", "42", "default", "*"];

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&TEXTS[..])
}

fn pattern() -> impl Strategy<Value = FieldPattern> {
    prop_oneof![
        4 => text().prop_map(FieldPattern::text),
        1 => "[aBk*?\u{212a}]{0,4}".prop_map(|text| FieldPattern::Wildcard(Wildcard::parse(&text).unwrap())),
        1 => "[aBk]{1,2}".prop_map(|text| FieldPattern::Regex(TextRegex::new(&text, false).unwrap())),
        1 => Just(FieldPattern::Near(Proximity { words: vec!["a".into(), "ab".into()], distance: 1 })),
    ]
}

fn name() -> impl Strategy<Value = SmolStr> {
    prop::sample::select(&NAMES[..]).prop_map(SmolStr::new)
}

fn filter() -> impl Strategy<Value = LogFilter> {
    let range = watchfire_model::NumberRange { low: std::ops::Bound::Included(3.0), high: std::ops::Bound::Unbounded };
    let leaf = prop_oneof![
        1 => Just(LogFilter::All),
        4 => pattern().prop_map(LogFilter::Any),
        6 => (name(), pattern()).prop_map(|(name, pattern)| LogFilter::Field { name, pattern }),
        1 => name().prop_map(move |name| LogFilter::Range { name, range }),
        1 => name().prop_map(|name| LogFilter::Exists { name }),
        1 => Just(LogFilter::Time(TimeRangeNs { start: TimeNs(0), end: TimeNs(2) })),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(LogFilter::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(LogFilter::Or),
            inner.prop_map(|inner| LogFilter::Not(Box::new(inner))),
        ]
    })
}

fn value() -> impl Strategy<Value = FieldValue> {
    prop_oneof![
        4 => text().prop_map(IntoValue::into_value),
        1 => Just(FieldValue::I64(42)),
        1 => Just(FieldValue::F64(1e300)),
        1 => Just(FieldValue::Bool(true)),
    ]
}

fn any_record() -> impl Strategy<Value = LogRecord> {
    let fields = prop::collection::vec((name(), value()), 0..4);
    let stream = prop::sample::select(&["default", "a", "k,ab", ""][..]);
    (text(), text(), stream, prop::option::of(0..8u8), fields).prop_map(|(message, host, stream, level, fields)| {
        let level = level.and_then(Level::new);
        LogRecord { host: host.into(), stream: stream.into(), level, fields, ..record(message) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_rules_found_are_those_whose_filters_match(
        filters in prop::collection::vec(filter(), 0..12),
        records in prop::collection::vec(any_record(), 1..20),
    ) {
        let rules = compile(filters.clone());
        for record in &records {
            let naive: Vec<usize> = (0..filters.len()).filter(|rule| filters[*rule].matches(record)).collect();
            prop_assert_eq!(members(rules.matching(record)).collect::<Vec<_>>(), naive, "{:?} on {:?}", filters, record);
        }
    }
}
