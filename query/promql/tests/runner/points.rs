//! Series lines: `name{labels} 1 2+1x3 _ _x4 stale {{…}}`.

use super::histogram;
use std::sync::Arc;
use watchfire_model::{Histogram, Labels, METRIC_NAME, stale_nan};
use watchfire_promql::{ExprKind, parse};

/// One place in a sequence.
#[derive(Debug, Clone)]
pub(crate) enum Point {
    None,
    Value(f64),
    /// A native histogram, and whether its hint was written.
    Histogram(Arc<Histogram>, bool),
}

/// Splits a line into its labels and points.
pub(crate) fn series_line(line: &str) -> Result<(Labels, Vec<Point>), String> {
    let end = labels_len(line);
    Ok((labels(&line[..end])?, points(&line[end..])?))
}

/// The bytes before the first blank that stands outside braces and quotes.
pub(crate) fn labels_len(line: &str) -> usize {
    let (mut in_braces, mut quote, mut escaped) = (false, None, false);
    for (index, char) in line.char_indices() {
        match (char, quote) {
            _ if escaped => escaped = false,
            ('\\', Some('"' | '\'')) => escaped = true,
            (_, Some(open)) => quote = (char != open).then_some(open),
            ('"' | '\'' | '`', None) => quote = Some(char),
            ('{', None) => in_braces = true,
            ('}', None) => in_braces = false,
            (' ' | '\t', None) if !in_braces => return index,
            _ => {}
        }
    }
    line.len()
}

pub(crate) fn labels(text: &str) -> Result<Labels, String> {
    let (name, rest) = text.split_at(text.find('{').unwrap_or(text.len()));
    if rest.replace([' ', '\t'], "") == "{}" {
        let pairs = [(METRIC_NAME, name)];
        return Ok(Labels::from_pairs(pairs.into_iter().filter(|(_, name)| !name.is_empty())));
    }
    match parse(text).map(|expr| expr.kind) {
        Ok(ExprKind::Vector(selector)) => {
            let pairs = selector.matchers.iter().map(|matcher| (matcher.name().clone(), matcher.value().clone()));
            Ok(Labels::from_pairs(pairs))
        }
        Ok(_) => Err(format!("not a label set: {text}")),
        Err(error) => Err(format!("{text}: {error}")),
    }
}

pub(crate) fn points(text: &str) -> Result<Vec<Point>, String> {
    let mut points = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let len = item_len(rest);
        item(&rest[..len], &mut points)?;
        rest = rest[len..].trim_start();
    }
    Ok(points)
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

fn item(item: &str, into: &mut Vec<Point>) -> Result<(), String> {
    let error = || format!("not a point: {item}");
    let body_end = if item.starts_with("{{") { item.rfind("}}").ok_or_else(error)? + 2 } else { 0 };
    let (body, times) = match item[body_end..].find('x') {
        Some(index) => {
            let (body, times) = item.split_at(body_end + index);
            (body, Some(times[1..].parse::<usize>().map_err(|_| error())?))
        }
        None => (item, None),
    };
    if body == "_" {
        into.extend(std::iter::repeat_n(Point::None, times.unwrap_or(1)));
        return Ok(());
    }
    let count = times.map_or(1, |times| times + 1);
    if body.starts_with("{{") {
        return histograms(body, count, into);
    }
    if body == "stale" {
        into.extend(std::iter::repeat_n(Point::Value(stale_nan()), count));
        return Ok(());
    }
    let (start, delta) = match (times, body.parse::<f64>()) {
        (_, Ok(start)) => (start, 0.0),
        (Some(_), Err(_)) => {
            let sign = body.rfind(['+', '-']).filter(|index| *index > 0).ok_or_else(error)?;
            let start = body[..sign].parse::<f64>().map_err(|_| error())?;
            (start, body[sign..].parse::<f64>().map_err(|_| error())?)
        }
        (None, Err(_)) => return Err(error()),
    };
    let mut value = start;
    for _ in 0..count {
        into.push(Point::Value(value));
        value += delta;
    }
    Ok(())
}

/// `{{…}}`, `{{…}}+{{…}}` or `{{…}}-{{…}}`.
fn histograms(body: &str, count: usize, into: &mut Vec<Point>) -> Result<(), String> {
    let error = || format!("not a histogram: {body}");
    let end = body.find("}}").ok_or_else(error)?;
    let has_hint = body[..end].contains("counter_reset_hint");
    let mut value = histogram::parse(&body[2..end])?;
    let step = match body[end + 2..].split_at_checked(1) {
        None => None,
        Some((sign, step)) => {
            let step = step.strip_prefix("{{").and_then(|step| step.strip_suffix("}}")).ok_or_else(error)?;
            Some((if sign == "-" { -1.0 } else { 1.0 }, histogram::parse(step)?))
        }
    };
    for _ in 0..count {
        into.push(Point::Histogram(Arc::new(value.clone()), has_hint));
        if let Some((factor, step)) = &step {
            let hint = value.hint;
            let mut sum = watchfire_model::HistogramSum::new(&value);
            sum.add(step, *factor).map_err(|error| error.to_string())?;
            value = Histogram { hint, ..sum.finish(1.0) };
        }
    }
    Ok(())
}

/// Start timestamps: offsets in milliseconds from each sample's own time, or none.
pub(crate) fn starts(text: &str) -> Result<Vec<Option<i64>>, String> {
    let mut starts = Vec::new();
    for item in text.split_whitespace() {
        let error = || format!("not a start timestamp: {item}");
        if let Some(times) = item.strip_prefix('_') {
            let times = times.strip_prefix('x').map_or(Ok(1), |times| times.parse().map_err(|_| error()))?;
            starts.extend(std::iter::repeat_n(None, times));
            continue;
        }
        let (body, times) = match item.split_once('x') {
            Some((body, times)) => (body, Some(times.parse::<usize>().map_err(|_| error())?)),
            None => (item, None),
        };
        let split = body.rfind(['+', '-']).filter(|at| *at > 0 && times.is_some());
        let (first, step) = match split {
            Some(at) => (&body[..at], super::script::duration(body[at..].trim_start_matches('+'))?),
            None => (body, 0),
        };
        let first = super::script::duration(first)?;
        let count = times.map_or(1, |times| times + 1);
        starts.extend((0..count).map(|index| Some(first + step * index as i64)));
    }
    Ok(starts)
}
