//! `stats`: keys, functions, conditions.

use super::Parser;
use super::value::nearest;
use crate::fields::{TIME_FIELD, is_time};
use crate::pipe::VALUES_DEFAULT;
use crate::{Bucket, Problem, QueryError, StatsFunction, StatsKey, StatsPipe, StatsResult};
use smol_str::SmolStr;

/// Values that `values(…) limit N` may list.
const VALUES_MAX: usize = 10_000;

/// Every function and its other names; `p0` to `p99` are known beside.
const FUNCTIONS: [(&str, StatsFunction); 22] = [
    ("count", StatsFunction::Count),
    ("sum", StatsFunction::Sum),
    ("avg", StatsFunction::Avg),
    ("mean", StatsFunction::Avg),
    ("min", StatsFunction::Min),
    ("max", StatsFunction::Max),
    ("median", StatsFunction::Quantile(0.5)),
    ("quantile", StatsFunction::Quantile(f64::NAN)),
    ("count_uniq", StatsFunction::CountUniq),
    ("count_distinct", StatsFunction::CountUniq),
    ("uniq_count", StatsFunction::CountUniq),
    ("card", StatsFunction::CountUniq),
    ("values", StatsFunction::Values(VALUES_DEFAULT)),
    ("uniq_values", StatsFunction::Values(VALUES_DEFAULT)),
    ("first", StatsFunction::First),
    ("row_first", StatsFunction::First),
    ("earliest", StatsFunction::First),
    ("last", StatsFunction::Last),
    ("row_last", StatsFunction::Last),
    ("latest", StatsFunction::Last),
    ("rate", StatsFunction::Rate),
    ("rate_sum", StatsFunction::Rate),
];

impl Parser<'_> {
    /// What follows `stats`: `[by (…)] function, function [by (…)]`.
    pub(super) fn stats(&mut self) -> Result<StatsPipe, QueryError> {
        let start = self.at;
        let mut by = if self.eat_word("by") { self.list(Parser::stats_key)? } else { Vec::new() };
        self.eat(',');
        let mut results = Vec::new();
        if !self.at_pipe_end() && !self.at_by() {
            loop {
                results.push(self.result()?);
                if !self.eat(',') {
                    break;
                }
            }
        }
        if by.is_empty() && self.eat_word("by") {
            by = self.list(Parser::stats_key)?;
        }
        if results.is_empty() {
            results.push(StatsResult::unnamed(StatsFunction::Count, None));
        }
        let mut names: Vec<&str> =
            by.iter().map(StatsKey::name).chain(results.iter().map(|it| it.name.as_str())).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(self.error(self.span_from(start), Problem::DuplicateColumn { name: pair[0].to_owned() }));
        }
        Ok(StatsPipe { by, results })
    }

    fn at_by(&mut self) -> bool {
        self.skip_space();
        self.bare().eq_ignore_ascii_case("by")
    }

    /// `field`, or `_time:5m [tz "zone"] [offset 30m]`.
    fn stats_key(&mut self) -> Result<StatsKey, QueryError> {
        let name = self.name()?;
        if !is_time(&name) {
            return Ok(StatsKey::Field(name));
        }
        let step_ns = if self.eat(':') { self.duration(false)? } else { 1 };
        let mut bucket = Bucket { step_ns, offset_ns: 0, zone: None };
        loop {
            if self.eat_word("offset") {
                bucket.offset_ns = self.duration(true)?;
            } else if self.eat_word("tz") {
                self.skip_space();
                let start = self.at;
                let name = if self.peek() == Some('"') { self.phrase()? } else { self.bare().to_owned() };
                let known = jiff::tz::TimeZone::get(&name);
                self.at += if self.at == start { name.len() } else { 0 };
                if known.is_err() {
                    return Err(self.error(self.span_from(start), Problem::UnknownZone { name }));
                }
                bucket.zone = Some(name.into());
            } else {
                return Ok(StatsKey::Time(bucket));
            }
        }
    }

    /// `function(field) [limit N] [if (condition)] [as name]`.
    fn result(&mut self) -> Result<StatsResult, QueryError> {
        self.skip_space();
        let start = self.at;
        let word = self.bare().to_owned();
        if word.is_empty() {
            return Err(self.expected("a function such as count()"));
        }
        self.at += word.len();
        let Some(function) = function(&word) else {
            let nearest = nearest(&word, FUNCTIONS.into_iter().map(|(name, _)| name));
            let word = word.chars().take(64).collect();
            return Err(self.error(self.span_from(start), Problem::UnknownFunction { word, place: "stats", nearest }));
        };
        self.count_term(start)?;
        let mut result = self.call(start, &word, function)?;
        loop {
            if self.eat_word("if") {
                self.skip_space();
                if self.peek() != Some('(') {
                    return Err(self.expected("a condition in parentheses"));
                }
                result.only = Some(self.group(None)?);
            } else if self.eat_word("as") {
                result.name = self.new_name()?;
            } else if let StatsFunction::Values(max) = &mut result.function
                && self.eat_word("limit")
            {
                *max = self.count(1, VALUES_MAX)?;
            } else if !self.bare().is_empty() && !self.at_by() {
                // LogsQL allows to leave `as` out.
                result.name = self.new_name()?;
                return Ok(result);
            } else {
                return Ok(result);
            }
        }
    }

    /// `(field)` behind the function's name.
    fn call(&mut self, start: usize, word: &str, function: StatsFunction) -> Result<StatsResult, QueryError> {
        self.want('(', "`(` behind the function")?;
        let function = match function {
            StatsFunction::Quantile(share) if share.is_nan() => {
                self.skip_space();
                let share_start = self.at;
                let share = self.bare().parse().ok().filter(|share| (0.0..=1.0).contains(share));
                self.at += self.bare().len();
                let Some(share) = share else {
                    return Err(self.error(self.span_from(share_start), Problem::BadShare));
                };
                self.want(',', "`,` and a field")?;
                StatsFunction::Quantile(share)
            }
            function => function,
        };
        self.skip_space();
        let field = match self.peek() {
            // `count(*)` counts records.
            Some('*') if function == StatsFunction::Count => {
                self.at += 1;
                None
            }
            Some(')') => None,
            _ => Some(self.name()?),
        };
        self.want(')', "`)`")?;
        let needs_field = !matches!(function, StatsFunction::Count | StatsFunction::Rate) || word.ends_with("_sum");
        if field.is_none() && needs_field {
            return Err(self.error(self.span_from(start), Problem::NeedsField { name: word.to_owned() }));
        }
        Ok(StatsResult::unnamed(function, field))
    }

    /// The name that a computed column has without `as`, where a function's call stands at the cursor.
    pub(super) fn column_name(&mut self) -> Result<Option<SmolStr>, QueryError> {
        let start = self.at;
        let word = self.bare().to_owned();
        if !self.rest()[word.len()..].starts_with('(') {
            return Ok(None);
        }
        let Some(function) = function(&word) else { return Ok(None) };
        self.at += word.len();
        self.call(start, &word, function).map(|result| Some(result.name))
    }
}

fn function(word: &str) -> Option<StatsFunction> {
    let word = word.to_ascii_lowercase();
    if let Some((_, function)) = FUNCTIONS.into_iter().find(|(name, _)| *name == word) {
        return Some(function);
    }
    let digits = word.strip_prefix('p').filter(|digits| (1..=2).contains(&digits.len()))?;
    let percent: u8 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    Some(StatsFunction::Quantile(f64::from(percent) / 100.0))
}

impl StatsKey {
    /// The name of its column.
    pub fn name(&self) -> &str {
        match self {
            StatsKey::Field(name) => name,
            StatsKey::Time(_) => TIME_FIELD,
        }
    }
}
