//! Terms: a value, or a field and what it must hold.

use super::word::{Colon, Word, is_fuzzy, network};
use super::{Parser, Scope};
use crate::expr::Condition;
use crate::fields::{canonical, is_time};
use crate::{Expr, Pattern, Problem, QueryError};
use smol_str::SmolStr;
use std::ops::Range;
use watchfire_model::{LEVEL_FIELD, Level, Wildcard};

/// Asks whether a record has a field.
const EXISTS: &str = "_exists_";
/// Single edits between a mistyped word and the one that is suggested.
const TYPO_DISTANCE_MAX: usize = 2;

impl Parser<'_> {
    /// `value`, `field:value` and their kinds.
    pub(super) fn term(&mut self, scope: Scope<'_>) -> Result<Expr, QueryError> {
        let start = self.at;
        if scope.is_some() && self.at_comparison() {
            return self.value(start, scope);
        }
        if self.peek() == Some('"') {
            let phrase = self.phrase()?;
            if self.peek() == Some(':') && !phrase.is_empty() {
                return self.field_value(start, phrase, scope);
            }
            let pattern = self.phrase_pattern(start, phrase)?;
            return self.pattern(start, scope, pattern);
        }
        if self.at_regex() {
            return self.value(start, scope);
        }
        let word = self.word(Colon::Ends);
        if self.peek() != Some(':') {
            return self.word_value(word, scope);
        }
        if word.parts.is_empty() {
            return Err(self.error_here(Problem::NoField));
        }
        if word.has_wildcard() {
            return Err(self.error(word.span, Problem::WildcardField));
        }
        self.field_value(start, word.text(), scope)
    }

    /// What follows a field's name, the cursor at the colon.
    fn field_value(&mut self, start: usize, name: String, scope: Scope<'_>) -> Result<Expr, QueryError> {
        let name_end = self.at;
        if let Some(outer) = scope {
            let problem = Problem::NestedField { outer: outer.to_string(), inner: name };
            return Err(self.error(start..name_end, problem));
        }
        self.at += 1;
        let is_quoted = self.text[start..].starts_with('"');
        if name == EXISTS && !is_quoted {
            return self.exists(start, name);
        }
        let is_typo = || strsim::levenshtein(&name, EXISTS) <= TYPO_DISTANCE_MAX;
        if name.starts_with('_') && name.len() <= EXISTS.len() + TYPO_DISTANCE_MAX && !is_quoted && is_typo() {
            return Err(self.error(start..name_end, Problem::UnknownOperatorField { field: name }));
        }
        if self.at_value_end() {
            return Err(self.error(start..self.at, Problem::NoValue { field: name }));
        }
        self.value(start, Some(&canonical(&name)))
    }

    /// `_exists_:name`, the cursor behind the colon.
    fn exists(&mut self, start: usize, operator: String) -> Result<Expr, QueryError> {
        let name = if self.peek() == Some('"') {
            self.phrase()?
        } else {
            let word = self.word(Colon::Belongs);
            if word.has_wildcard() {
                return Err(self.error(word.span, Problem::WildcardField));
            }
            word.text()
        };
        if name.is_empty() {
            return Err(self.error(start..self.at, Problem::NoValue { field: operator }));
        }
        self.count_term(start)?;
        Ok(exists(&canonical(&name)))
    }

    /// The value of a field, or of a group `field:( )`.
    fn value(&mut self, start: usize, scope: Scope<'_>) -> Result<Expr, QueryError> {
        match (self.peek(), scope) {
            (Some('('), _) => self.group(scope),
            (Some('"'), _) => {
                let open = self.at;
                let phrase = self.phrase()?;
                let pattern = self.phrase_pattern(open, phrase)?;
                self.pattern(start, scope, pattern)
            }
            (Some('[' | '{'), Some(field)) => {
                let range = self.range(field)?;
                self.count_term(start)?;
                Ok(range)
            }
            (Some('<' | '>'), Some(field)) => {
                let comparison = self.comparison(field)?;
                self.count_term(start)?;
                Ok(comparison)
            }
            _ if self.at_regex() => {
                let len = self.regex_len();
                let pattern = self.regex(len)?;
                self.pattern(start, scope, pattern)
            }
            _ => {
                let word = self.word(Colon::Belongs);
                self.word_value(word, scope)
            }
        }
    }

    fn word_value(&mut self, word: Word, scope: Scope<'_>) -> Result<Expr, QueryError> {
        let start = word.span.start;
        let typed = &self.text[word.span.clone()];
        if word.parts.is_empty() {
            return Err(self.error_here(Problem::NoValue { field: scope.cloned().unwrap_or_default().into() }));
        }
        if !word.is_escaped {
            if is_fuzzy(typed) {
                return Err(self.error(word.span, Problem::Fuzzy));
            }
            if let Some((address, prefix)) = network(typed) {
                let max = if address.is_ipv4() { 32 } else { 128 };
                let Some(bits) = prefix.parse::<u8>().ok().filter(|bits| *bits <= max) else {
                    let problem = Problem::BadPrefix { prefix: prefix.to_owned(), max };
                    return Err(self.error(word.span, problem));
                };
                let Some(field) = scope.filter(|field| !is_time(field)) else {
                    let problem = Problem::NetworkNeedsField { text: typed.to_owned() };
                    return Err(self.error(word.span, problem));
                };
                self.count_term(start)?;
                return Ok(Expr::Test {
                    field: field.clone(),
                    test: Condition::Cidr { network: address, prefix: bits },
                });
            }
        }
        if word.is_all_stars() {
            self.count_term(start)?;
            return Ok(scope.map_or(Expr::All, exists));
        }
        let pattern = word.into_pattern();
        if let Pattern::Wildcard(parts) = &pattern {
            self.count_wildcard(start, parts.len())?;
            if let Err(error) = Wildcard::new(parts.iter().copied()) {
                return Err(self.error(start..self.at, error.into()));
            }
        }
        self.pattern(start, scope, pattern)
    }

    /// A pattern on a field or on any; the level and the time have values of their own.
    fn pattern(&mut self, start: usize, scope: Scope<'_>, pattern: Pattern) -> Result<Expr, QueryError> {
        self.count_term(start)?;
        let pattern = match (scope, pattern) {
            (Some(field), Pattern::Text(text)) if is_time(field) => return self.moment_term(field, start, &text),
            (Some(field), _) if is_time(field) => {
                return Err(self.error(start..self.at, Problem::TimeNeedsRange { field: field.to_string() }));
            }
            (Some(field), Pattern::Text(text)) if field == LEVEL_FIELD => {
                Pattern::Text(self.level(start..self.at, &text)?)
            }
            (_, pattern) => pattern,
        };
        Ok(Expr::Term { field: scope.cloned(), pattern })
    }

    /// The number of a level, from its word or number.
    pub(super) fn level(&self, span: Range<usize>, text: &str) -> Result<String, QueryError> {
        if let Some(level) = Level::from_word(text) {
            return Ok(level.number().to_string());
        }
        if text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Ok(text.to_owned());
        }
        let nearest = nearest(&text.to_lowercase(), Level::NAMES);
        let problem = Problem::UnknownLevel { word: text.to_owned(), nearest: nearest.map(str::to_owned) };
        Err(self.error(span, problem))
    }

    fn at_comparison(&self) -> bool {
        matches!(self.peek(), Some('<' | '>' | '[' | '{'))
    }

    fn at_value_end(&self) -> bool {
        self.at_search_end() || self.peek().is_none_or(|c| c.is_whitespace() || c == ')')
    }

    fn at_regex(&self) -> bool {
        self.rest().starts_with("~\"") || self.regex_len().is_some()
    }
}

/// The record has the field; every record has a time.
fn exists(field: &SmolStr) -> Expr {
    if is_time(field) { Expr::All } else { Expr::Exists { field: field.clone() } }
}

/// The one of `known` that `word` may be a slip of the pen for.
pub(super) fn nearest(word: &str, known: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    /// Longer words are no slip of anything known.
    const LEN_MAX: usize = 32;
    if word.len() > LEN_MAX {
        return None;
    }
    let ranked = known.into_iter().map(|known| (strsim::osa_distance(known, word), known));
    ranked.min().filter(|(distance, _)| *distance <= TYPO_DISTANCE_MAX).map(|(_, known)| known)
}
