//! Series selectors and the modifiers that shift them in time.

use super::{Parser, REGEX_BYTES_MAX, REGEX_SIZES, Tree};
use crate::ast::{At, BinaryOp, Expr, ExprKind, Extension, Modifiers, VectorSelector};
use crate::lexer::{Token, TokenKind};
use crate::{ParseError, Span};
use smol_str::SmolStr;
use watchfire_model::{METRIC_NAME, MatchOp, Matcher};

const LABEL_MATCHING: &str = "label matching";

/// Why a modifier cannot stand behind this operand.
const NO_SELECTOR: &str =
    "modifier must be preceded by an instant vector selector or range vector selector or a subquery";

impl Parser<'_> {
    /// `name`, `name{…}` or `{…}`.
    pub(super) fn selector(&mut self) -> Result<Tree, ParseError> {
        self.count_leaf()?;
        let mut span = self.peek().span;
        let mut name = None;
        let mut matchers = Vec::new();
        if self.peek().kind == TokenKind::Word {
            let token = self.advance();
            name = Some(SmolStr::new(token.text));
            matchers.push(Matcher::equal(METRIC_NAME, token.text));
        }
        if self.take(&TokenKind::LeftBrace) {
            while !self.take(&TokenKind::RightBrace) {
                matchers.push(self.matcher()?);
                if self.peek().kind != TokenKind::RightBrace {
                    self.expect(&TokenKind::Comma, LABEL_MATCHING, "\",\" or \"}\"")?;
                }
            }
            self.extend(&mut span);
        }
        let selector = VectorSelector { name, matchers, modifiers: Modifiers::default(), extension: None };
        Parser::tree(Expr { kind: ExprKind::Vector(selector), span }, 0)
    }

    /// `label op "value"`, or a quoted metric name.
    fn matcher(&mut self) -> Result<Matcher, ParseError> {
        self.count_leaf()?;
        let token = self.advance();
        let name = match &token.kind {
            TokenKind::Word => SmolStr::new(token.text),
            TokenKind::Text(bytes) => utf8(bytes, &token)?,
            _ => return Err(token.unexpected(LABEL_MATCHING, "identifier or \"}\"")),
        };
        let op = match self.peek().kind {
            TokenKind::Equal => MatchOp::Equal,
            TokenKind::Operator(BinaryOp::Ne) => MatchOp::NotEqual,
            TokenKind::RegexEqual => MatchOp::Regex,
            TokenKind::RegexNotEqual => MatchOp::NotRegex,
            TokenKind::Comma | TokenKind::RightBrace if matches!(token.kind, TokenKind::Text(_)) => {
                return Ok(Matcher::equal(METRIC_NAME, name));
            }
            _ => return Err(self.peek().unexpected(LABEL_MATCHING, "label matching operator")),
        };
        self.advance();
        let value_token = self.advance();
        let TokenKind::Text(bytes) = &value_token.kind else {
            return Err(value_token.unexpected(LABEL_MATCHING, "string"));
        };
        let value = utf8(bytes, &value_token)?;
        let span = token.span.to(value_token.span);
        if matches!(op, MatchOp::Equal | MatchOp::NotEqual) {
            return Ok(Matcher::new(name, op, value).expect("only expressions can be wrong"));
        }
        self.compile(&name, op, &value).map_err(|message| ParseError { message, span })
    }

    /// A matcher by expression, within what the query's expressions may take together.
    fn compile(&mut self, name: &SmolStr, op: MatchOp, expression: &SmolStr) -> Result<Matcher, String> {
        let mut refusal = String::new();
        for size in REGEX_SIZES {
            let bytes = self.regex_bytes + size + Matcher::REGEX_CACHE_BYTES_MAX;
            if bytes > REGEX_BYTES_MAX {
                return Err(format!("the regular expressions of one query may take {REGEX_BYTES_MAX} bytes together"));
            }
            match Matcher::new_within(name.clone(), op, expression.clone(), size) {
                Ok(matcher) => {
                    self.regex_bytes = bytes;
                    return Ok(matcher);
                }
                Err(error) => refusal = format!("error parsing regexp: {}", error.reason),
            }
        }
        Err(refusal)
    }

    /// `@ time`, `@ start()` or `@ end()`.
    pub(super) fn at(&mut self, expr: &mut Expr) -> Result<(), ParseError> {
        self.advance();
        let is_call = self.peek_at(1).kind == TokenKind::LeftParen && self.peek_at(2).kind == TokenKind::RightParen;
        let at = match () {
            () if is_call && self.peek().is_word("start") => At::Start,
            () if is_call && self.peek().is_word("end") => At::End,
            () => At::Time(self.at_time()?),
        };
        if at == At::Start || at == At::End {
            self.advance();
            self.advance();
            self.advance();
        }
        let span = expr.span;
        let modifiers = modifiers_of(expr, "@")?;
        if modifiers.at.is_some() {
            return Err(ParseError { message: "@ <timestamp> may not be set multiple times".to_owned(), span });
        }
        modifiers.at = Some(at);
        self.extend(&mut expr.span);
        Ok(())
    }

    /// Unix seconds, as milliseconds.
    fn at_time(&mut self) -> Result<i64, ParseError> {
        let span = self.peek().span;
        let sign_or_number = self.peek().clone();
        let seconds = self.signed_number("@").map_err(|_| sign_or_number.unexpected("@", "timestamp"))?.value;
        let ms = (seconds * 1000.0).round();
        // Powers of two, so that both bounds are exact.
        if ms.is_nan() || ms >= -(i64::MIN as f64) || ms <= i64::MIN as f64 {
            return Err(ParseError { message: format!("timestamp out of bounds for @ modifier: {seconds}"), span });
        }
        Ok(ms as i64)
    }

    pub(super) fn offset(&mut self, expr: &mut Expr) -> Result<(), ParseError> {
        self.advance();
        let offset = self.offset_duration()?;
        let span = expr.span;
        let modifiers = modifiers_of(expr, "offset")?;
        if modifiers.offset.is_some() {
            return Err(ParseError { message: "offset may not be set multiple times".to_owned(), span });
        }
        modifiers.offset = Some(offset);
        self.extend(&mut expr.span);
        Ok(())
    }

    /// `anchored` or `smoothed`.
    pub(super) fn extension(&mut self, expr: &mut Expr) -> Result<(), ParseError> {
        let token = self.advance();
        let extension = if token.is_word("anchored") { Extension::Anchored } else { Extension::Smoothed };
        let word = token.text.to_ascii_lowercase();
        let span = expr.span;
        let refuse = |message: String| Err(ParseError { message, span });
        let slot = match &mut expr.kind {
            ExprKind::Vector(selector) => &mut selector.extension,
            ExprKind::Matrix(matrix) => &mut matrix.selector.extension,
            ExprKind::Subquery(_) => return refuse(format!("{word} modifier is not supported for subqueries")),
            _ => return refuse(format!("{word} modifier not implemented")),
        };
        if slot.is_some_and(|set| set != extension) {
            return refuse("anchored and smoothed modifiers cannot be used together".to_owned());
        }
        *slot = Some(extension);
        self.extend(&mut expr.span);
        Ok(())
    }
}

fn utf8(bytes: &[u8], token: &Token<'_>) -> Result<SmolStr, ParseError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(ParseError { message: format!("{} is not valid UTF-8", token.text), span: token.span }),
    }
}

fn modifiers_of<'e>(expr: &'e mut Expr, name: &str) -> Result<&'e mut Modifiers, ParseError> {
    let span: Span = expr.span;
    match &mut expr.kind {
        ExprKind::Vector(selector) => Ok(&mut selector.modifiers),
        ExprKind::Matrix(matrix) => Ok(&mut matrix.selector.modifiers),
        ExprKind::Subquery(subquery) => Ok(&mut subquery.modifiers),
        _ => Err(ParseError { message: format!("{name} {NO_SELECTOR}"), span }),
    }
}
