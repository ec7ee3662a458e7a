use super::*;
use crate::{FieldValue, Level, LogRecord, TimeNs, fold, words};

fn record(message: &str, fields: &[(&str, FieldValue)]) -> LogRecord {
    LogRecord {
        time: TimeNs(0),
        received: TimeNs(0),
        stream: "default".into(),
        host: "node-1".into(),
        message: message.into(),
        level: Level::new(3),
        fields: fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
    }
}

#[track_caller]
fn check_text(pattern: &str, message: &str, want: bool) {
    let filter = LogFilter::Any(FieldPattern::text(pattern));
    assert_eq!(filter.matches(&record(message, &[])), want, "{pattern:?} in {message:?}");
}

#[test]
fn text_matches_words_and_phrases_in_any_case() {
    check_text("Refused", "connection refused", true);
    check_text("refuse", "connection refused", false);
    check_text("connection refused", "Connection-Refused by peer", true);
    check_text("refused connection", "connection refused", false);
    check_text("a a b", "a a a b", true);
    check_text("->", "a -> b", true);
    check_text("node-1", "", true);
    check_text("node", "", false);
}

/// The definition, word by word, without any short cut.
fn naive(pattern: &str, text: &str) -> bool {
    let wanted: Vec<String> = words(&fold(pattern)).map(str::to_owned).collect();
    let found: Vec<String> = words(text).map(fold).collect();
    found.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn short_cuts_find_what_the_definition_finds() {
    let texts = ["", "a", "A b", "ab", "a-b a", "xa a", "aa a b", "a b c a b", "ä b", "a ä", "a.b.C", "1a a1 a"];
    let long = ["a a a a a a a a b", "a b a b a b a b a b c", "a a b a a b a a b a a a"];
    for pattern in ["a", "b", "ab", "a b", "A-B", "a b c", "b a", "ä", "a ä"].into_iter().chain(long) {
        let repeated = long.map(|text| "a ".repeat(3) + text + " a");
        for text in texts.into_iter().chain(repeated.iter().map(String::as_str)) {
            let found = FieldPattern::text(pattern).matches_prose(text);
            assert_eq!(found, naive(pattern, text), "{pattern:?} in {text:?}");
            assert_eq!(cut_matches(&FieldPattern::text(pattern), text), found, "{pattern:?} in {text:?}");
        }
    }
}

fn cut_matches(pattern: &FieldPattern, text: &str) -> bool {
    pattern.matches_cut(text, &cut::CutText::new(text))
}

#[test]
fn texts_cut_once_match_the_same() {
    let near = |words: &[&str], distance| {
        FieldPattern::Near(Proximity { words: words.iter().map(|word| (*word).to_owned()).collect(), distance })
    };
    let wildcard = |text: &str| FieldPattern::Wildcard(Wildcard::parse(text).expect("a short pattern"));
    let patterns = [
        FieldPattern::text("->"),
        FieldPattern::text("ı İx"),
        wildcard("a*"),
        wildcard("?b-*"),
        wildcard("*ä?"),
        FieldPattern::Regex(TextRegex::new("B.c", false).expect("an expression")),
        near(&["a", "b"], 0),
        near(&["b", "a", "a"], 2),
    ];
    let texts = ["", "a -> b", "ab-cd", "İx ı", "x ÄB äc", "a x y b a", "B c b.c B.c", "b a c a"];
    for pattern in &patterns {
        for text in texts {
            assert_eq!(cut_matches(pattern, text), pattern.matches_prose(text), "{pattern:?} in {text:?}");
        }
    }
}

#[test]
fn many_patterns_look_at_a_long_text_once() {
    let message = "lorem ipsum größe ".repeat(6_000) + "needle end";
    let record = record(&message, &[("other", FieldValue::Text(message.clone().into()))]);
    let any = |text: &str| LogFilter::Any(FieldPattern::text(text));
    let absent = (0..500).map(|n| any(&format!("absent{n} word")));
    let found = LogFilter::Or(absent.clone().chain([any("NEEDLE end")]).collect());
    assert!(found.matches(&record));
    assert!(!LogFilter::Or(absent.collect()).matches(&record));
}

#[track_caller]
fn check_field(name: &str, pattern: &str, value: &str, want: bool) {
    let filter = LogFilter::Field { name: name.into(), pattern: FieldPattern::text(pattern) };
    assert_eq!(
        filter.matches(&record("", &[(name, FieldValue::Text(value.into()))])),
        want,
        "{name}:{pattern} on {value:?}"
    );
}

#[test]
fn identifiers_match_whole_and_prose_by_words() {
    check_field("service", "order-service", "order-service", true);
    check_field("service", "order", "order-service", false);
    check_field("cause", "refused", "connection refused", true);
    check_field("env", "Prod", "prod", true);
}

#[track_caller]
fn check_wildcard(pattern: &str, text: &str, want: bool) {
    let pattern = Wildcard::parse(pattern).expect("a short pattern");
    assert_eq!(pattern.matches(text), want, "{pattern:?} on {text:?}");
}

#[test]
fn wildcards_match_end_to_end() {
    check_wildcard("*", "", true);
    check_wildcard("?", "", false);
    check_wildcard("a*", "abc", true);
    check_wildcard("*c", "abcbc", true);
    check_wildcard("a*b?", "axbxbc", true);
    check_wildcard("a*b", "abc", false);
    check_wildcard("*ion*", "exception", true);
    check_wildcard("Ü?", "üx", true);
    check_wildcard("**a**", "bab", true);
}

#[test]
fn ranges_take_numbers_and_numeric_text() {
    let filter = LogFilter::Range {
        name: "took".into(),
        range: NumberRange { low: Bound::Excluded(5.0), high: Bound::Unbounded },
    };
    assert!(filter.matches(&record("", &[("took", FieldValue::Text("5.5".into()))])));
    assert!(!filter.matches(&record("", &[("took", FieldValue::I64(5))])));
    assert!(!filter.matches(&record("", &[("took", FieldValue::Bool(true))])));
    assert!(!filter.matches(&record("", &[])));
}
