//! Terms: a value, or a field and what it must hold.

use super::word::{Colon, Word};
use super::{Parser, Scope};
use crate::error::Unsupported;
use crate::{Expr, Pattern, Problem, QueryError};
use smol_str::SmolStr;
use watchfire_model::{HOST_FIELD, LEVEL_FIELD, Level};

/// Asks whether a record has a field.
const EXISTS: &str = "_exists_";
/// Graylog's name of the host.
const SOURCE: &str = "source";
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
            return match self.peek() {
                Some(':') => self.field_value(start, phrase, scope),
                _ => self.text(start, scope, phrase),
            };
        }
        if self.at_regex() {
            return Err(self.unsupported(start..self.text.len(), Unsupported::Regex));
        }
        let word = self.word(Colon::Ends)?;
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
        if name.starts_with('_') && !is_quoted && strsim::levenshtein(&name, EXISTS) <= TYPO_DISTANCE_MAX {
            return Err(self.error(start..name_end, Problem::UnknownOperatorField { field: name }));
        }
        if self.at_value_end() {
            return Err(self.error(start..self.at, Problem::NoValue { field: name }));
        }
        let field = if name == SOURCE { SmolStr::new_static(HOST_FIELD) } else { SmolStr::from(name) };
        self.value(start, Some(&field))
    }

    /// `_exists_:name`, the cursor behind the colon.
    fn exists(&mut self, start: usize, operator: String) -> Result<Expr, QueryError> {
        let name = if self.peek() == Some('"') {
            self.phrase()?
        } else {
            let word = self.word(Colon::Belongs)?;
            if word.has_wildcard() {
                return Err(self.error(word.span, Problem::WildcardField));
            }
            word.text()
        };
        if name.is_empty() {
            return Err(self.error(start..self.at, Problem::NoValue { field: operator }));
        }
        self.count_term(start)?;
        let field = if name == SOURCE { SmolStr::new_static(HOST_FIELD) } else { SmolStr::from(name) };
        Ok(Expr::Exists { field })
    }

    /// The value of a field, or of a group `field:( )`.
    fn value(&mut self, start: usize, scope: Scope<'_>) -> Result<Expr, QueryError> {
        match (self.peek(), scope) {
            (Some('('), _) => self.group(scope),
            (Some('"'), _) => {
                let phrase = self.phrase()?;
                self.text(start, scope, phrase)
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
            _ if self.at_regex() => Err(self.unsupported(self.at..self.text.len(), Unsupported::Regex)),
            _ => {
                let word = self.word(Colon::Belongs)?;
                self.word_value(word, scope)
            }
        }
    }

    fn word_value(&mut self, word: Word, scope: Scope<'_>) -> Result<Expr, QueryError> {
        self.check_supported(&word)?;
        let start = word.span.start;
        if word.parts.is_empty() {
            return Err(self.error_here(Problem::NoValue { field: scope.cloned().unwrap_or_default().into() }));
        }
        if word.is_all_stars() {
            self.count_term(start)?;
            return Ok(scope.map_or(Expr::All, |field| Expr::Exists { field: field.clone() }));
        }
        match word.into_pattern() {
            Pattern::Text(text) => self.text(start, scope, text),
            Pattern::Wildcard(parts) => {
                self.count_term(start)?;
                self.count_wildcard(start, parts.len())?;
                Ok(Expr::Term { field: scope.cloned(), pattern: Pattern::Wildcard(parts) })
            }
        }
    }

    fn text(&mut self, start: usize, scope: Scope<'_>, text: String) -> Result<Expr, QueryError> {
        self.count_term(start)?;
        let text = match scope {
            Some(field) if field == LEVEL_FIELD => self.level(start, &text)?,
            _ => text,
        };
        Ok(Expr::Term { field: scope.cloned(), pattern: Pattern::Text(text) })
    }

    /// The number of a level, from its word or number.
    pub(super) fn level(&self, start: usize, text: &str) -> Result<String, QueryError> {
        if let Some(level) = Level::from_word(text) {
            return Ok(level.number().to_string());
        }
        if text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Ok(text.to_owned());
        }
        let distance = |name: &&str| strsim::levenshtein(name, &text.to_lowercase());
        let nearest = Level::NAMES.into_iter().min_by_key(distance).filter(|name| distance(name) <= TYPO_DISTANCE_MAX);
        let problem = Problem::UnknownLevel { word: text.to_owned(), nearest: nearest.map(str::to_owned) };
        Err(self.error(start..self.at, problem))
    }

    fn at_comparison(&self) -> bool {
        matches!(self.peek(), Some('<' | '>' | '[' | '{'))
    }

    fn at_value_end(&self) -> bool {
        self.peek().is_none_or(|c| c.is_whitespace() || c == ')')
    }

    /// A slash with another one later in the text that ends a word. A path, which has no such end, is a plain word.
    fn at_regex(&self) -> bool {
        let Some(body) = self.rest().strip_prefix('/') else { return false };
        let mut after_backslash = false;
        for (index, c) in body.char_indices() {
            match c {
                '\\' if !after_backslash => {
                    after_backslash = true;
                    continue;
                }
                '/' if !after_backslash && index > 0 => {
                    let ends = |next: char| next.is_whitespace() || next == ')';
                    if body[index + 1..].chars().next().is_none_or(ends) {
                        return true;
                    }
                }
                // An unescaped blank or quote ends the path; within a real expression they are rare.
                c if c.is_whitespace() || c == '"' => return false,
                _ => {}
            }
            after_backslash = false;
        }
        false
    }
}
