//! Text to syntax tree: operators by precedence climbing, everything else by descent. Types are checked as nodes are
//! built, with Prometheus' messages. Grammar: Prometheus 3.14, `promql/parser/generated_parser.y`.

mod call;
mod check;
mod duration;
mod expr;
mod selector;

use crate::lexer::{Token, TokenKind, tokens};
use crate::{Expr, ParseError, Span};
use watchfire_model::Matcher;

/// Bytes that a query may have.
pub const TEXT_LEN_MAX: usize = 64 * 1024;

/// How deeply parentheses, calls, signs and right-associative operators may nest: bounds the parser's stack.
pub const DEPTH_MAX: usize = 64;

/// Levels that a tree may have, chains like `a + b + c` included: bounds the stack of whoever walks it.
pub const HEIGHT_MAX: usize = 256;

/// Numbers, texts, selectors, matchers and label names of one query, all together.
pub const LEAVES_MAX: usize = 1024;

/// Bytes that the compiled label expressions of one query and their automata may take together: at least 12 expressions,
/// about a hundred of the usual kind.
const REGEX_BYTES_MAX: usize = 16 << 20;

/// Sizes within which a label expression is compiled, the first that it fits into; that is what it counts as.
const REGEX_SIZES: [usize; 3] = [32 << 10, 256 << 10, Matcher::REGEX_BYTES_MAX];

/// Parses and type-checks an expression.
///
/// # Errors
/// The first mistake in the text, with its place and, as far as possible, Prometheus' words.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    if text.len() > TEXT_LEN_MAX {
        let message = format!("expression is longer than {TEXT_LEN_MAX} bytes");
        return Err(ParseError { message, span: Span { line: 1, column: 1, ..Span::default() } });
    }
    let mut parser = Parser { tokens: tokens(text), next: 0, depth: 0, leaves: 0, regex_bytes: 0 };
    if parser.peek().kind == TokenKind::End {
        return Err(parser.error("no expression found in input"));
    }
    let tree = parser.expr(0)?;
    if parser.peek().kind != TokenKind::End {
        return Err(parser.peek().unexpected("", ""));
    }
    check::selectors(&tree.expr)?;
    Ok(tree.expr)
}

/// An expression and how many levels it has.
struct Tree {
    expr: Expr,
    height: usize,
}

struct Parser<'a> {
    /// Ends with [`TokenKind::End`] or an error, which is never consumed.
    tokens: Vec<Token<'a>>,
    next: usize,
    depth: usize,
    leaves: usize,
    /// What the label expressions so far may take.
    regex_bytes: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &Token<'a> {
        self.peek_at(0)
    }

    /// The token `ahead` of the next one, or the last.
    fn peek_at(&self, ahead: usize) -> &Token<'a> {
        let index = (self.next + ahead).min(self.tokens.len() - 1);
        &self.tokens[index]
    }

    /// Consumes the next token.
    fn advance(&mut self) -> Token<'a> {
        let token = self.peek().clone();
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        token
    }

    fn take(&mut self, kind: &TokenKind) -> bool {
        let found = self.peek().kind == *kind;
        if found {
            self.advance();
        }
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_word(word);
        if found {
            self.advance();
        }
        found
    }

    /// Consumes a token of this kind, or says that it is missing.
    fn expect(&mut self, kind: &TokenKind, context: &str, expected: &str) -> Result<Span, ParseError> {
        if self.peek().kind == *kind { Ok(self.advance().span) } else { Err(self.peek().unexpected(context, expected)) }
    }

    /// An error at the next token.
    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError { message: message.into(), span: self.peek().span }
    }

    /// Runs `parse` one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Parser<'a>) -> Result<T, ParseError>) -> Result<T, ParseError> {
        if self.depth == DEPTH_MAX {
            return Err(self.error(format!("expression is nested more than {DEPTH_MAX} levels deep")));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Counts a leaf, the token before the next one.
    fn count_leaf(&mut self) -> Result<(), ParseError> {
        self.leaves += 1;
        if self.leaves > LEAVES_MAX {
            let message = format!("expression has more than {LEAVES_MAX} numbers, texts, selectors and labels");
            return Err(ParseError { message, span: self.tokens[self.next.saturating_sub(1)].span });
        }
        Ok(())
    }

    /// A node over children of which the tallest has `height` levels.
    fn tree(expr: Expr, height: usize) -> Result<Tree, ParseError> {
        if height >= HEIGHT_MAX {
            let message = format!("expression has more than {HEIGHT_MAX} levels");
            return Err(ParseError { message, span: expr.span });
        }
        Ok(Tree { expr, height: height + 1 })
    }
}

#[cfg(test)]
mod tests;
