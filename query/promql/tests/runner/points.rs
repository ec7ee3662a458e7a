//! Series lines: `name{labels} 1 2+1x3 _ _x4 stale {{…}}`.

use watchfire_model::{Labels, METRIC_NAME, stale_nan};
use watchfire_promql::{ExprKind, parse};

/// One place in a sequence.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Point {
    None,
    Value(f64),
    /// A native histogram, which nothing here can hold yet.
    Histogram,
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
        into.extend(std::iter::repeat_n(Point::Histogram, count));
        return Ok(());
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
