//! What pipes are made of: words, names, counts, texts in quotes.

use super::Parser;
use crate::fields::{canonical, is_time};
use crate::{Problem, QueryError};
use smol_str::SmolStr;
use std::ops::Range;
use watchfire_model::duration_ns;

/// Characters of what was found instead of what is wanted, in an error.
const FOUND_LEN_MAX: usize = 40;

impl Parser<'_> {
    /// An error about what stands at the cursor instead of what is wanted.
    pub(super) fn expected(&self, wanted: &'static str) -> QueryError {
        let rest = self.rest();
        let is_end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '|' | '"');
        let len = rest.find(is_end).unwrap_or(rest.len());
        // A sign of its own is meant itself.
        let len = if len == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { len };
        let found: String = rest[..len].chars().take(FOUND_LEN_MAX).collect();
        self.error(self.at..self.at + len, Problem::Expected { wanted, found })
    }

    /// The bare word at the cursor, which stays before it; empty when something else stands there.
    pub(super) fn bare(&self) -> &str {
        let rest = self.rest();
        let is_end = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '@' | '/' | '$'));
        &rest[..rest.find(is_end).unwrap_or(rest.len())]
    }

    /// Steps over the keyword if it stands at the cursor, after blanks.
    pub(super) fn eat_word(&mut self, keyword: &str) -> bool {
        self.skip_space();
        let is_there = self.bare().eq_ignore_ascii_case(keyword);
        self.at += if is_there { keyword.len() } else { 0 };
        is_there
    }

    /// Steps over the sign if it stands at the cursor, after blanks.
    pub(super) fn eat(&mut self, sign: char) -> bool {
        self.skip_space();
        let is_there = self.peek() == Some(sign);
        self.at += if is_there { sign.len_utf8() } else { 0 };
        is_there
    }

    pub(super) fn want(&mut self, sign: char, wanted: &'static str) -> Result<(), QueryError> {
        if self.eat(sign) { Ok(()) } else { Err(self.expected(wanted)) }
    }

    /// A field's name: a word, one in quotes, or the name of a computed column such as `count()`.
    pub(super) fn name(&mut self) -> Result<SmolStr, QueryError> {
        self.skip_space();
        let start = self.at;
        let name = if self.peek() == Some('"') {
            let name = self.phrase()?;
            if name.is_empty() {
                return Err(self.error(start..self.at, Problem::EmptyPhrase));
            }
            canonical(&name)
        } else {
            if self.bare().is_empty() {
                return Err(self.expected("the name of a field"));
            }
            if let Some(name) = self.column_name()? {
                name
            } else {
                let name = canonical(self.bare());
                self.at += self.bare().len();
                if matches!(self.peek(), Some('*' | '?')) {
                    return Err(self.error(start..self.at + 1, Problem::WildcardField));
                }
                name
            }
        };
        self.count_term(start)?;
        Ok(name)
    }

    /// A name that something new is written to: not the time.
    pub(super) fn new_name(&mut self) -> Result<SmolStr, QueryError> {
        self.skip_space();
        let start = self.at;
        let name = self.name()?;
        if is_time(&name) {
            return Err(self.error(start..self.at, Problem::TimeIsFixed { name: self.text[start..self.at].to_owned() }));
        }
        Ok(name)
    }

    /// `a, b` or `(a, b)`, one name at least, none twice.
    pub(super) fn names(&mut self) -> Result<Vec<SmolStr>, QueryError> {
        self.skip_space();
        let start = self.at;
        let names = self.list(Parser::name)?;
        let mut known = std::collections::HashSet::new();
        match names.iter().find(|name| !known.insert(*name)) {
            Some(name) => Err(self.error(self.span_from(start), Problem::DuplicateColumn { name: name.to_string() })),
            None => Ok(names),
        }
    }

    /// `item, item`, or the same in parentheses.
    pub(super) fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, QueryError>) -> Result<Vec<T>, QueryError> {
        self.skip_space();
        let open = self.at;
        let is_in_parentheses = self.eat('(');
        let mut items = Vec::new();
        loop {
            items.push(item(self)?);
            if !self.eat(',') {
                break;
            }
        }
        if is_in_parentheses && !self.eat(')') {
            return Err(match self.peek() {
                None => self.error(open..open + 1, Problem::UnclosedGroup),
                Some(_) => self.expected("`,` or `)`"),
            });
        }
        Ok(items)
    }

    /// A text in quotes.
    pub(super) fn quoted(&mut self, wanted: &'static str) -> Result<String, QueryError> {
        self.skip_space();
        if self.peek() == Some('"') { self.phrase() } else { Err(self.expected(wanted)) }
    }

    /// A whole number within the range.
    pub(super) fn count(&mut self, min: usize, max: usize) -> Result<usize, QueryError> {
        self.skip_space();
        let start = self.at;
        let word = self.bare();
        if word.is_empty() {
            return Err(self.expected("a number"));
        }
        let number = word.parse().ok().filter(|number| (min..=max).contains(number));
        let text = word.chars().take(FOUND_LEN_MAX).collect();
        self.at += word.len();
        number.ok_or_else(|| self.error(start..self.at, Problem::BadCount { text, min, max }))
    }

    /// Whether a word of digits follows.
    pub(super) fn at_count(&mut self) -> bool {
        self.skip_space();
        self.peek().is_some_and(|c| c.is_ascii_digit())
    }

    /// A length of time, with a sign where `is_signed`; not zero unless it is.
    pub(super) fn duration(&mut self, is_signed: bool) -> Result<i64, QueryError> {
        self.skip_space();
        let start = self.at;
        let word = self.bare();
        let (sign, digits) = match word.strip_prefix('-') {
            Some(digits) if is_signed => (-1, digits),
            _ => (1, word),
        };
        let found = duration_ns(digits).filter(|ns| *ns > 0 || is_signed);
        let text = word.chars().take(FOUND_LEN_MAX).collect();
        self.at += word.len();
        found.map(|ns| sign * ns).ok_or_else(|| self.error(start..self.at, Problem::BadDuration { text }))
    }

    /// The part of the text between two places, for errors.
    pub(super) fn span_from(&self, start: usize) -> Range<usize> {
        start..self.at
    }
}
