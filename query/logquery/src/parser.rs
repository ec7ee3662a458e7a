//! Recursive descent over the text of a query; the grammar stands in the crate's documentation.

mod math;
mod pipe;
mod range;
mod stats;
mod token;
mod value;
mod word;

use crate::{
    DEPTH_MAX, Expr, PIPES_MAX, Pipe, Problem, QueryError, REGEX_LEN_MAX, REGEXES_MAX, TERMS_MAX, TEXT_LEN_MAX,
    WILDCARD_LEN_MAX,
};
use smol_str::SmolStr;
use std::ops::Range;

/// Parses the whole text.
pub(crate) fn parse(text: &str) -> Result<(Expr, Vec<Pipe>), QueryError> {
    if text.len() > TEXT_LEN_MAX {
        let problem = Problem::TooLong { len: text.len(), max: TEXT_LEN_MAX };
        return Err(QueryError { span: 0..text.len(), problem });
    }
    let mut parser = Parser { text, at: 0, depth: 0, n_terms: 0, wildcard_len: 0, n_regexes: 0, regex_len: 0 };
    parser.skip_space();
    let expr = if parser.at_search_end() { Expr::All } else { parser.or(None)? };
    let mut pipes = Vec::new();
    while parser.peek() == Some('|') {
        if pipes.len() == PIPES_MAX {
            return Err(parser.error_here(Problem::TooManyPipes { max: PIPES_MAX }));
        }
        pipes.push(parser.pipe(pipes.is_empty())?);
        parser.skip_space();
    }
    match parser.peek() {
        None => Ok((expr, pipes)),
        Some(')') => Err(parser.error_here(Problem::UnopenedGroup)),
        Some(_) => Err(parser.expected("`|` and the next pipe")),
    }
}

/// The position in the text and what bounds it. `at` is always at a character boundary.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    n_terms: usize,
    /// Characters of the wildcard terms so far.
    wildcard_len: usize,
    n_regexes: usize,
    /// Characters of the regular expressions so far.
    regex_len: usize,
}

/// The field of a group `field:( )`, for everything inside it.
type Scope<'s> = Option<&'s SmolStr>;

const OPERATORS: [(&str, Operator); 5] =
    [("AND", Operator::And), ("&&", Operator::And), ("OR", Operator::Or), ("||", Operator::Or), ("NOT", Operator::Not)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    And,
    Or,
    Not,
}

impl Parser<'_> {
    fn or(&mut self, scope: Scope<'_>) -> Result<Expr, QueryError> {
        let mut parts = vec![self.and(scope)?];
        while let Some((name, Operator::Or)) = self.operator() {
            self.operand_after(name)?;
            parts.push(self.and(scope)?);
        }
        Ok(Expr::or(parts))
    }

    fn and(&mut self, scope: Scope<'_>) -> Result<Expr, QueryError> {
        let mut parts = vec![self.unary(scope)?];
        loop {
            self.skip_space();
            match self.operator() {
                Some((_, Operator::Or)) => break,
                Some((name, Operator::And)) => self.operand_after(name)?,
                None if self.at_search_end() || self.peek() == Some(')') => break,
                Some((_, Operator::Not)) | None => {}
            }
            parts.push(self.unary(scope)?);
        }
        Ok(Expr::and(parts))
    }

    fn unary(&mut self, scope: Scope<'_>) -> Result<Expr, QueryError> {
        self.skip_space();
        let start = self.at;
        match self.operator() {
            Some((name, Operator::Not)) => {
                self.operand_after(name)?;
                return self.negation(start, scope);
            }
            Some((operator, _)) => {
                return Err(self.error(start..start + operator.len(), Problem::NothingBefore { operator }));
            }
            None => {}
        }
        let next_is_operand = self.rest().chars().nth(1).is_some_and(|c| !c.is_whitespace() && c != ')');
        match self.peek() {
            Some('!') => {
                self.operand_after("!")?;
                self.negation(start, scope)
            }
            Some('-') if next_is_operand => {
                self.at += 1;
                self.negation(start, scope)
            }
            // Required anyway: the default operator is AND.
            Some('+') if next_is_operand => {
                self.at += 1;
                self.nested(start, |parser| parser.unary(scope))
            }
            _ => self.primary(scope),
        }
    }

    fn negation(&mut self, start: usize, scope: Scope<'_>) -> Result<Expr, QueryError> {
        self.nested(start, |parser| Ok(Expr::Not(Box::new(parser.unary(scope)?))))
    }

    fn primary(&mut self, scope: Scope<'_>) -> Result<Expr, QueryError> {
        match self.peek() {
            Some('(') => self.group(scope),
            Some(')') => Err(self.error_here(Problem::UnopenedGroup)),
            _ => self.term(scope),
        }
    }

    /// `( … )`, the cursor at the opening parenthesis.
    fn group(&mut self, scope: Scope<'_>) -> Result<Expr, QueryError> {
        let open = self.at;
        self.at += 1;
        self.skip_space();
        match self.peek() {
            Some(')') => return Err(self.error(open..self.at + 1, Problem::EmptyGroup)),
            None => return Err(self.error(open..open + 1, Problem::UnclosedGroup)),
            Some(_) => {}
        }
        let expr = self.nested(open, |parser| parser.or(scope))?;
        if self.peek() != Some(')') {
            return Err(self.error(open..open + 1, Problem::UnclosedGroup));
        }
        self.at += 1;
        self.skip_boost();
        Ok(expr)
    }

    /// Runs `inner` one level deeper.
    fn nested<T>(
        &mut self,
        start: usize,
        inner: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        if self.depth == DEPTH_MAX {
            return Err(self.error(start..self.at, Problem::TooDeep { max: DEPTH_MAX }));
        }
        self.depth += 1;
        let inner = inner(self)?;
        self.depth -= 1;
        Ok(inner)
    }

    /// The operator at the cursor, which stays before it.
    fn operator(&self) -> Option<(&'static str, Operator)> {
        let rest = self.rest();
        OPERATORS.into_iter().find(|(name, _)| {
            rest.strip_prefix(name).is_some_and(|after| {
                !name.starts_with(char::is_alphabetic)
                    || after.is_empty()
                    || after.starts_with(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'))
            })
        })
    }

    /// Steps over an operator and makes sure that something follows it.
    fn operand_after(&mut self, operator: &'static str) -> Result<(), QueryError> {
        let span = self.at..self.at + operator.len();
        self.at += operator.len();
        self.skip_space();
        match self.peek() {
            Some(c) if c != ')' && !self.at_search_end() => Ok(()),
            _ => Err(self.error(span, Problem::NothingAfter { operator })),
        }
    }

    /// Nothing, or the `|` of a pipe, follows.
    fn at_search_end(&self) -> bool {
        let rest = self.rest();
        rest.is_empty() || (rest.starts_with('|') && !rest.starts_with("||"))
    }

    fn count_term(&mut self, start: usize) -> Result<(), QueryError> {
        self.n_terms += 1;
        if self.n_terms > TERMS_MAX {
            return Err(self.error(start..self.at, Problem::TooManyTerms { max: TERMS_MAX }));
        }
        Ok(())
    }

    fn count_wildcard(&mut self, start: usize, len: usize) -> Result<(), QueryError> {
        self.wildcard_len += len;
        if self.wildcard_len > WILDCARD_LEN_MAX {
            return Err(self.error(start..self.at, Problem::TooManyWildcards { max: WILDCARD_LEN_MAX }));
        }
        Ok(())
    }

    fn count_regex(&mut self, start: usize, expression: &str) -> Result<(), QueryError> {
        self.n_regexes += 1;
        self.regex_len += expression.len();
        if self.n_regexes > REGEXES_MAX || self.regex_len > REGEX_LEN_MAX {
            let problem = Problem::TooManyRegexes { max: REGEXES_MAX, len_max: REGEX_LEN_MAX };
            return Err(self.error(start..self.at, problem));
        }
        Ok(())
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn error(&self, span: Range<usize>, problem: Problem) -> QueryError {
        QueryError { span: span.start..span.end.min(self.text.len()), problem }
    }

    /// An error about the one character at the cursor.
    fn error_here(&self, problem: Problem) -> QueryError {
        let len = self.peek().map_or(0, char::len_utf8);
        self.error(self.at..self.at + len, problem)
    }
}
