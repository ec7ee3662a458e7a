//! Series as test scripts note them: `name{labels} 1 2+1x3 _ _x4 stale {{schema:0 sum:1}}`. Grammar: Prometheus 3.14,
//! `promql/parser/generated_parser.y`, `series_description`.

mod histogram;

pub use histogram::histogram;

use crate::{ExprKind, parse};
use std::sync::Arc;
use watchfire_model::{DurationMs, Histogram, HistogramSum, Labels, METRIC_NAME, stale_nan};

/// Bytes that a noted series may have.
pub const TEXT_LEN_MAX: usize = 1 << 20;
/// Values that a noted series may stand for.
pub const VALUES_MAX: usize = 10_000_000;
/// Native histograms that one may compute, each from the one before.
const HISTOGRAMS_MAX: usize = 100_000;

/// One place in a noted series.
#[derive(Debug, Clone, PartialEq)]
pub enum NotedValue {
    Missing,
    /// Staleness markers too.
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// Why a text notes no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotationError {
    #[error("{text}: {reason}")]
    Series { text: String, reason: String },
    #[error("not a value: {item}")]
    Value { item: String },
    #[error("not a native histogram: {text}: {reason}")]
    Histogram { text: String, reason: String },
    #[error("not a start timestamp: {item}")]
    Start { item: String },
    #[error(
        "a series may be noted in {TEXT_LEN_MAX} bytes and have {VALUES_MAX} values, {HISTOGRAMS_MAX} computed native histograms"
    )]
    TooLong,
}

/// Splits a line into the series and its values: at the first blank outside braces and quotes.
pub fn split(line: &str) -> (&str, &str) {
    let (mut in_braces, mut quote, mut escaped) = (false, None, false);
    for (index, char) in line.char_indices() {
        match (char, quote) {
            _ if escaped => escaped = false,
            ('\\', Some('"' | '\'')) => escaped = true,
            (_, Some(open)) => quote = (char != open).then_some(open),
            ('"' | '\'' | '`', None) => quote = Some(char),
            ('{', None) => in_braces = true,
            ('}', None) => in_braces = false,
            (' ' | '\t', None) if !in_braces => return line.split_at(index),
            _ => {}
        }
    }
    (line, "")
}

/// The labels of `name{label="value"}`.
pub fn series(text: &str) -> Result<Labels, NotationError> {
    let refuse = |reason: String| NotationError::Series { text: excerpt(text), reason };
    let (name, rest) = text.split_at(text.find('{').unwrap_or(text.len()));
    if rest.chars().filter(|char| !char.is_whitespace()).eq("{}".chars()) {
        let pairs = [(METRIC_NAME, name.trim())];
        return Ok(Labels::from_pairs(pairs.into_iter().filter(|(_, name)| !name.is_empty())));
    }
    match parse(text).map(|expr| expr.kind) {
        Ok(ExprKind::Vector(selector)) => {
            let pairs = selector.matchers.iter().map(|matcher| (matcher.name().clone(), matcher.value().clone()));
            Ok(Labels::from_pairs(pairs))
        }
        Ok(_) => Err(refuse("it is no set of labels".to_owned())),
        Err(error) => Err(refuse(error.to_string())),
    }
}

/// The values behind a series, one per interval.
pub fn values(text: &str) -> Result<Vec<NotedValue>, NotationError> {
    Ok(values_with_hints(text)?.into_iter().map(|(value, _)| value).collect())
}

/// As [`values`]; with each whether it says if its counter was reset.
pub fn values_with_hints(text: &str) -> Result<Vec<(NotedValue, bool)>, NotationError> {
    if text.len() > TEXT_LEN_MAX {
        return Err(NotationError::TooLong);
    }
    let mut values = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (item, behind) = rest.split_at(item_len(rest));
        push_item(item, &mut values)?;
        rest = behind.trim_start();
    }
    Ok(values)
}

/// When counting began: milliseconds from each sample's own time, or nothing.
pub fn starts(text: &str) -> Result<Vec<Option<i64>>, NotationError> {
    let mut starts = Vec::new();
    for item in text.split_whitespace() {
        let error = || NotationError::Start { item: excerpt(item) };
        if let Some(times) = item.strip_prefix('_') {
            let times = times.strip_prefix('x').map_or(Ok(1), |times| times.parse().map_err(|_| error()))?;
            check_room(starts.len(), times, VALUES_MAX)?;
            starts.extend(std::iter::repeat_n(None, times));
            continue;
        }
        let (body, count) = split_count(item).ok_or_else(error)?;
        let sign = body.rfind(['+', '-']).filter(|at| *at > 0 && count.is_some());
        let (first, step) = match sign {
            Some(at) => (&body[..at], offset_ms(body[at..].trim_start_matches('+')).ok_or_else(error)?),
            None => (body, 0),
        };
        let first = offset_ms(first).ok_or_else(error)?;
        let count = count.unwrap_or(1);
        check_room(starts.len(), count, VALUES_MAX)?;
        starts.extend((0..count).map(|index| Some(first.saturating_add(step.saturating_mul(index as i64)))));
    }
    Ok(starts)
}

/// A duration of any sign, or seconds.
fn offset_ms(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let ms = match DurationMs::parse(digits) {
        Ok(duration) => i64::try_from(duration.0).ok()?,
        Err(_) => (digits.parse::<f64>().ok()? * 1000.0) as i64,
    };
    Some(sign * ms)
}

/// The part of a text that messages show.
fn excerpt(text: &str) -> String {
    const EXCERPT_LEN: usize = 120;
    text[..text.floor_char_boundary(EXCERPT_LEN)].to_owned()
}

/// Histograms hold blanks; other items do not.
fn item_len(text: &str) -> usize {
    let mut at = 0;
    while text[at..].starts_with("{{") {
        at += text[at..].find("}}").map_or(text.len() - at, |end| end + 2);
        if text[at..].starts_with(['+', '-']) && text[at + 1..].starts_with("{{") {
            at += 1;
        }
    }
    at + text[at..].find([' ', '\t']).unwrap_or(text.len() - at)
}

/// Splits `…xN` into what is repeated and how often it stands there: once more than `N`.
fn split_count(item: &str) -> Option<(&str, Option<usize>)> {
    match item.split_once('x') {
        Some((body, times)) => Some((body, Some(times.parse::<usize>().ok()?.checked_add(1)?))),
        None => Some((item, None)),
    }
}

fn check_room(len: usize, more: usize, max: usize) -> Result<(), NotationError> {
    if len.saturating_add(more) > max { Err(NotationError::TooLong) } else { Ok(()) }
}

fn push_item(item: &str, into: &mut Vec<(NotedValue, bool)>) -> Result<(), NotationError> {
    let error = || NotationError::Value { item: excerpt(item) };
    if item.starts_with("{{") {
        let end = item.rfind("}}").ok_or_else(error)? + 2;
        let (body, behind) = item.split_at(end);
        let (_, count) = if behind.is_empty() { ("", None) } else { split_count(behind).ok_or_else(error)? };
        return push_histograms(body, count.unwrap_or(1), into);
    }
    let (body, count) = split_count(item).ok_or_else(error)?;
    let repeats = count.unwrap_or(1);
    if body == "_" {
        let missing = if count.is_some() { repeats - 1 } else { 1 };
        check_room(into.len(), missing, VALUES_MAX)?;
        into.extend(std::iter::repeat_n((NotedValue::Missing, false), missing));
        return Ok(());
    }
    check_room(into.len(), repeats, VALUES_MAX)?;
    let (mut value, delta) = match (count, body.parse::<f64>()) {
        _ if body == "stale" => (stale_nan(), 0.0),
        (_, Ok(start)) => (start, 0.0),
        (Some(_), Err(_)) => {
            let sign = body.rfind(['+', '-']).filter(|index| *index > 0).ok_or_else(error)?;
            let start = body[..sign].parse::<f64>().map_err(|_| error())?;
            (start, body[sign..].parse::<f64>().map_err(|_| error())?)
        }
        (None, Err(_)) => return Err(error()),
    };
    for _ in 0..repeats {
        into.push((NotedValue::Float(value), false));
        // A staleness marker must stay as it is, bit for bit.
        if delta != 0.0 {
            value += delta;
        }
    }
    Ok(())
}

/// `{{…}}`, `{{…}}+{{…}}` or `{{…}}-{{…}}`.
fn push_histograms(body: &str, count: usize, into: &mut Vec<(NotedValue, bool)>) -> Result<(), NotationError> {
    let error = || NotationError::Value { item: excerpt(body) };
    check_room(into.len(), count, VALUES_MAX)?;
    let end = body.find("}}").ok_or_else(error)?;
    let has_hint = body[..end].contains("counter_reset_hint");
    let mut value = Arc::new(histogram(&body[2..end])?);
    let step = match body[end + 2..].split_at_checked(1) {
        None => None,
        Some((sign, step)) => {
            let step = step.strip_prefix("{{").and_then(|step| step.strip_suffix("}}")).ok_or_else(error)?;
            check_room(0, count, HISTOGRAMS_MAX)?;
            Some((if sign == "-" { -1.0 } else { 1.0 }, histogram(step)?))
        }
    };
    for _ in 0..count {
        into.push((NotedValue::Histogram(Arc::clone(&value)), has_hint));
        if let Some((factor, step)) = &step {
            let mut sum = HistogramSum::new(&value);
            sum.add(step, *factor)
                .map_err(|mismatch| NotationError::Histogram { text: excerpt(body), reason: mismatch.to_string() })?;
            value = Arc::new(Histogram { hint: value.hint, ..sum.finish(1.0) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let got = match values(text) {
            Ok(values) => format!("{values:?}"),
            Err(error) => error.to_string(),
        };
        let got = got.replace("Float(", "").replace("Missing", "_").replace(')', "");
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn values_repeat_and_step() {
        check("", "[]");
        check("1 2+1x2 _ _x2 3x1 -1-1x1", "[1.0, 2.0, 3.0, 4.0, _, _, _, 3.0, 3.0, -1.0, -2.0]");
        check("NaN Inf -Inf 1e3", "[NaN, inf, -inf, 1000.0]");
        check("1y", "not a value: 1y");
        check("1+x3", "not a value: 1+x3");
        check(
            "1x99999999999",
            "a series may be noted in 1048576 bytes and have 10000000 values, 100000 computed native histograms",
        );
        check("{{schema:0 sum:1", "not a value: {{schema:0 sum:1");
        check("{{sum:a}}", "not a native histogram: sum:a: `a` is no number");
        let stale = values("stalex1").unwrap();
        assert!(
            stale.len() == 2
                && stale
                    .iter()
                    .all(|value| matches!(value, NotedValue::Float(value) if watchfire_model::is_stale(*value)))
        );
    }

    #[test]
    fn histograms_step_too() {
        let all = values_with_hints(
            "{{sum:1 count:1 buckets:[1]}}+{{sum:2 count:1 buckets:[1]}}x2 {{counter_reset_hint:gauge}}",
        )
        .unwrap();
        let sums: Vec<(f64, bool)> = all
            .iter()
            .map(|(value, with_hint)| match value {
                NotedValue::Histogram(histogram) => (histogram.sum, *with_hint),
                _ => (f64::NAN, false),
            })
            .collect();
        assert_eq!(sums, [(1.0, false), (3.0, false), (5.0, false), (0.0, true)]);
    }

    #[test]
    fn series_and_starts() {
        let (name, rest) = split(r#"a{b="c d",e='}'} 1 2"#);
        assert_eq!((series(name).unwrap().to_string(), rest), (r#"a{b="c d", e="}"}"#.to_owned(), " 1 2"));
        assert_eq!(series("{}").unwrap(), Labels::empty());
        assert!(series("a + b").is_err() && series("a{").is_err());
        assert_eq!(starts("_ -1m 5s+1sx1 _x2").unwrap(), [None, Some(-60_000), Some(5000), Some(6000), None, None]);
        assert!(starts("x").is_err());
    }
}
