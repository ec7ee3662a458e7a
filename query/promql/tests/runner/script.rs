//! Reads a script into commands.

use super::points::{Point, series_line};
use watchfire_model::{DurationMs, Labels};
use watchfire_promql::notation::{split, starts};

#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) commands: Vec<(usize, Command)>,
}

#[derive(Debug)]
pub(crate) enum Command {
    Clear,
    Load { step_ms: i64, series: Vec<Loaded>, with_nhcb: bool },
    Eval(Box<Eval>),
}

/// One line of a `load`.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) labels: Labels,
    pub(crate) points: Vec<Point>,
    /// Offsets from the samples' times; as many as points, or none at all.
    pub(crate) starts: Vec<Option<i64>>,
}

#[derive(Debug)]
pub(crate) struct Eval {
    pub(crate) expr: String,
    pub(crate) when: When,
    /// Where it has to fail, how.
    pub(crate) fails: Option<Pattern>,
    pub(crate) warnings: Expected,
    pub(crate) infos: Expected,
    pub(crate) is_ordered: bool,
    pub(crate) result: Want,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
}

/// What is expected of warnings or infos.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) none: bool,
    pub(crate) some: Vec<Pattern>,
}

#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    Any,
    Exact(String),
    Regex(String),
}

/// What the value has to be.
#[derive(Debug)]
pub(crate) enum Want {
    Scalar(f64),
    String(String),
    Series(Vec<(Labels, Vec<Point>)>),
    RangeVector { start: i64, step: i64, series: Vec<(Labels, Vec<Point>)> },
}

/// Parses a whole script; errors name the line.
pub(crate) fn parse_script(text: &str) -> Result<Script, String> {
    let trimmed = text.lines().map(|line| if line.trim_start().starts_with('#') { "" } else { line.trim() });
    let lines: Vec<&str> = trimmed.collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let number = at + 1;
        at += 1;
        if line.is_empty() {
            continue;
        }
        let end = lines[at..].iter().position(|line| line.is_empty()).map_or(lines.len(), |len| at + len);
        let in_line = |error: String| format!("line {number}: {error}");
        if line == "clear" {
            commands.push((number, Command::Clear));
        } else if let Some(rest) = line.strip_prefix("load") {
            let step = rest.strip_prefix("_with_nhcb").unwrap_or(rest);
            let step_ms = duration(step.trim()).map_err(in_line)?;
            let with_nhcb = step.len() < rest.len();
            commands.push((number, load(step_ms, &lines[at..end], with_nhcb).map_err(in_line)?));
            at = end;
        } else if line.starts_with("eval") {
            commands.push((number, Command::Eval(Box::new(eval(line, &lines[at..end]).map_err(in_line)?))));
            at = end;
        } else {
            return Err(in_line(format!("not a command: {line}")));
        }
    }
    Ok(Script { commands })
}

fn load(step_ms: i64, lines: &[&str], with_nhcb: bool) -> Result<Command, String> {
    let mut series = Vec::new();
    // Start timestamps belong to the series of the next line.
    let mut next_starts = Vec::new();
    for line in lines {
        let (name, rest) = split(line);
        let rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix("@st").or_else(|| name.ends_with("@st").then_some(rest)) {
            next_starts = starts(rest).map_err(|error| error.to_string())?;
            continue;
        }
        let (labels, points) = series_line(line)?;
        let starts = std::mem::take(&mut next_starts);
        if !starts.is_empty() && starts.len() != points.len() {
            return Err(format!("{} start timestamps for {} values: {line}", starts.len(), points.len()));
        }
        series.push(Loaded { labels, points, starts });
    }
    Ok(Command::Load { step_ms, series, with_nhcb })
}

pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let ms = match DurationMs::parse(digits) {
        Ok(duration) => duration.0 as i64,
        Err(error) => {
            let seconds: f64 = digits.parse().map_err(|_| error.to_string())?;
            (seconds * 1000.0) as i64
        }
    };
    Ok(sign * ms)
}

/// Splits the first word off.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_at(text.find([' ', '\t']).unwrap_or(text.len()));
    (word, rest.trim_start())
}

fn keyword<'t>(text: &'t str, wanted: &str) -> Result<&'t str, String> {
    match word(text) {
        (found, rest) if found == wanted => Ok(rest),
        (found, _) => Err(format!("expected `{wanted}`, found `{found}`")),
    }
}

fn eval(line: &str, lines: &[&str]) -> Result<Eval, String> {
    let (head, rest) = word(line);
    let (kind, rest) = word(rest);
    let (when, expr) = match kind {
        "instant" => {
            let (time, expr) = word(keyword(rest, "at")?);
            (When::Instant(duration(time)?), expr)
        }
        "range" => {
            let (start, rest) = word(keyword(rest, "from")?);
            let (end, rest) = word(keyword(rest, "to")?);
            let (step, expr) = word(keyword(rest, "step")?);
            (When::Range { start: duration(start)?, end: duration(end)?, step: duration(step)? }, expr)
        }
        other => return Err(format!("neither `instant` nor `range`: {other}")),
    };
    let mut eval = Eval {
        expr: expr.to_owned(),
        when,
        fails: (head == "eval_fail").then_some(Pattern::Any),
        warnings: Expected::default(),
        infos: Expected::default(),
        is_ordered: head == "eval_ordered",
        result: Want::Series(Vec::new()),
    };
    if head == "eval_warn" {
        eval.warnings.some.push(Pattern::Any);
    }
    if head == "eval_info" {
        eval.infos.some.push(Pattern::Any);
    }
    for line in lines {
        if let Some(rest) = line.strip_prefix("expect ").or_else(|| line.strip_prefix("expect\t")) {
            expect(rest.trim(), &mut eval)?;
        } else if let Ok(value) = line.parse::<f64>() {
            eval.result = Want::Scalar(value);
        } else {
            let line = series_line(line)?;
            match &mut eval.result {
                Want::Series(series) | Want::RangeVector { series, .. } => series.push(line),
                _ => return Err("series beside a scalar or string".to_owned()),
            }
        }
    }
    Ok(eval)
}

fn expect(text: &str, eval: &mut Eval) -> Result<(), String> {
    let (what, rest) = word(text);
    match what {
        "fail" => eval.fails = Some(pattern(rest)?),
        "warn" => eval.warnings.some.push(pattern(rest)?),
        "info" => eval.infos.some.push(pattern(rest)?),
        "no_warn" => eval.warnings.none = true,
        "no_info" => eval.infos.none = true,
        "ordered" => eval.is_ordered = true,
        "string" => {
            let expr = watchfire_promql::parse(rest).map_err(|error| error.to_string())?;
            let watchfire_promql::ExprKind::String(text) = expr.kind else {
                return Err(format!("not a string: {rest}"));
            };
            eval.result = Want::String(String::from_utf8_lossy(&text.0).into_owned());
        }
        "range" => {
            let (start, rest) = word(keyword(keyword(rest, "vector")?, "from")?);
            let (_end, rest) = word(keyword(rest, "to")?);
            let (step, _) = word(keyword(rest, "step")?);
            eval.result = Want::RangeVector { start: duration(start)?, step: duration(step)?, series: Vec::new() };
        }
        _ => return Err(format!("not an expectation: {text}")),
    }
    Ok(())
}

fn pattern(text: &str) -> Result<Pattern, String> {
    if text.is_empty() {
        return Ok(Pattern::Any);
    }
    match text.split_once(':') {
        Some(("msg", text)) => Ok(Pattern::Exact(text.trim().to_owned())),
        Some(("regex", text)) => Ok(Pattern::Regex(text.trim().to_owned())),
        _ => Err(format!("neither `msg:` nor `regex:`: {text}")),
    }
}
