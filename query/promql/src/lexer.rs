//! Text to tokens. Words are not yet keywords: what a word means depends on where it stands, and the parser knows that.
//!
//! Within braces, words are label names; within brackets, a colon separates a subquery's range and step; elsewhere colons
//! belong to metric names. A lexical error is a token too, so that an earlier mistake in the text is reported first.

mod number;
mod string;

use crate::ast::BinaryOp;
use crate::{ParseError, Span};
use string::unquote;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind {
    End,
    Error(String),
    /// A name or keyword.
    Word,
    Number(f64),
    /// A number with units, in milliseconds.
    Duration(u64),
    Text(Vec<u8>),
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    At,
    /// `=`
    Equal,
    /// `=~`
    RegexEqual,
    /// `!~`
    RegexNotEqual,
    /// Any operator that is not a word; `!=` also compares labels.
    Operator(BinaryOp),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    pub(crate) text: &'a str,
    pub(crate) span: Span,
}

/// All tokens of `text`; the last is [`TokenKind::End`] or [`TokenKind::Error`].
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer {
        text,
        at: 0,
        line: 1,
        line_start: 0,
        in_braces: false,
        in_brackets: false,
        parens: 0,
        tokens: Vec::new(),
    };
    while lexer.step() {}
    lexer.tokens
}

struct Lexer<'a> {
    text: &'a str,
    /// Byte offset of the next character.
    at: usize,
    line: u32,
    line_start: usize,
    in_braces: bool,
    in_brackets: bool,
    /// Parentheses that are open.
    parens: u32,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    /// Reads one token; `false` behind the last.
    fn step(&mut self) -> bool {
        self.skip_blank();
        let Some(first) = self.rest().chars().next() else { return self.finish() };
        match first {
            '"' | '\'' | '`' => self.string(),
            '.' | '0'..='9' if number::starts(self.rest()) => self.number(),
            '_' | 'a'..='z' | 'A'..='Z' => self.word(),
            ':' if !self.in_brackets && !self.in_braces => self.word(),
            _ => self.symbol(first),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Skips white space and comments, counting lines.
    fn skip_blank(&mut self) {
        let bytes = self.text.as_bytes();
        let mut in_comment = false;
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.line_start = self.at + 1;
                    in_comment = false;
                }
                b'\r' => in_comment = false,
                b' ' | b'\t' => {}
                b'#' => in_comment = true,
                _ if in_comment => {}
                _ => return,
            }
            self.at += 1;
        }
    }

    fn finish(&mut self) -> bool {
        if self.in_braces {
            self.error(0, "unexpected end of input inside braces")
        } else if self.in_brackets {
            self.error(0, "unclosed left bracket")
        } else if self.parens > 0 {
            self.error(0, "unclosed left parenthesis")
        } else {
            self.push(TokenKind::End, 0);
            false
        }
    }

    /// Adds a token of `len` bytes.
    fn push(&mut self, kind: TokenKind, len: usize) -> bool {
        let span = Span {
            start: self.at as u32,
            end: (self.at + len) as u32,
            line: self.line,
            column: (self.at - self.line_start + 1) as u32,
        };
        let text = &self.text[self.at..self.at + len];
        for (offset, _) in text.match_indices('\n') {
            self.line += 1;
            self.line_start = self.at + offset + 1;
        }
        self.tokens.push(Token { kind, text, span });
        self.at += len;
        true
    }

    fn error(&mut self, len: usize, message: impl Into<String>) -> bool {
        self.push(TokenKind::Error(message.into()), len);
        false
    }

    fn word(&mut self) -> bool {
        let colons = !self.in_brackets && !self.in_braces;
        let rest = self.rest();
        let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':')));
        self.push(TokenKind::Word, len.unwrap_or(rest.len()))
    }

    fn number(&mut self) -> bool {
        let (len, number) = number::scan(self.rest());
        match number {
            Ok(kind) => self.push(kind, len),
            Err(message) => self.error(len, message),
        }
    }

    fn string(&mut self) -> bool {
        match unquote(self.rest()) {
            Ok((bytes, len)) => self.push(TokenKind::Text(bytes), len),
            Err(message) => self.error(0, message),
        }
    }

    fn symbol(&mut self, first: char) -> bool {
        let second = self.rest()[first.len_utf8()..].chars().next();
        if self.in_braces { self.symbol_in_braces(first, second) } else { self.symbol_outside_braces(first, second) }
    }

    fn symbol_in_braces(&mut self, first: char, second: Option<char>) -> bool {
        match (first, second) {
            (',', _) => self.push(TokenKind::Comma, 1),
            ('=', Some('~')) => self.push(TokenKind::RegexEqual, 2),
            ('=', _) => self.push(TokenKind::Equal, 1),
            ('!', Some('~')) => self.push(TokenKind::RegexNotEqual, 2),
            ('!', Some('=')) => self.push(TokenKind::Operator(BinaryOp::Ne), 2),
            ('!', _) => self.error(1, format!("unexpected character after '!' inside braces: {second:?}")),
            ('}', _) => {
                self.in_braces = false;
                self.push(TokenKind::RightBrace, 1)
            }
            ('{', _) => self.error(1, "unexpected left brace '{'"),
            _ => self.error(0, format!("unexpected character inside braces: {first:?}")),
        }
    }

    fn symbol_outside_braces(&mut self, first: char, second: Option<char>) -> bool {
        let (kind, len) = match (first, second) {
            ('=', Some('=')) => (TokenKind::Operator(BinaryOp::Eq), 2),
            ('=', Some('~')) => return self.error(1, "unexpected character after '=': '~'"),
            ('=', _) => (TokenKind::Equal, 1),
            ('!', Some('=')) => (TokenKind::Operator(BinaryOp::Ne), 2),
            ('!', _) => return self.error(1, format!("unexpected character after '!': {second:?}")),
            ('<', Some('=')) => (TokenKind::Operator(BinaryOp::Le), 2),
            ('<', Some('/')) => (TokenKind::Operator(BinaryOp::TrimUpper), 2),
            ('<', _) => (TokenKind::Operator(BinaryOp::Lt), 1),
            ('>', Some('=')) => (TokenKind::Operator(BinaryOp::Ge), 2),
            ('>', Some('/')) => (TokenKind::Operator(BinaryOp::TrimLower), 2),
            ('>', _) => (TokenKind::Operator(BinaryOp::Gt), 1),
            ('+', _) => (TokenKind::Operator(BinaryOp::Add), 1),
            ('-', _) => (TokenKind::Operator(BinaryOp::Sub), 1),
            ('*', _) => (TokenKind::Operator(BinaryOp::Mul), 1),
            ('/', _) => (TokenKind::Operator(BinaryOp::Div), 1),
            ('%', _) => (TokenKind::Operator(BinaryOp::Mod), 1),
            ('^', _) => (TokenKind::Operator(BinaryOp::Pow), 1),
            (',', _) => (TokenKind::Comma, 1),
            ('@', _) => (TokenKind::At, 1),
            (':', _) => (TokenKind::Colon, 1),
            ('(', _) => {
                self.parens += 1;
                (TokenKind::LeftParen, 1)
            }
            (')', _) if self.parens == 0 => return self.error(1, "unexpected right parenthesis ')'"),
            (')', _) => {
                self.parens -= 1;
                (TokenKind::RightParen, 1)
            }
            ('{', _) => {
                self.in_braces = true;
                (TokenKind::LeftBrace, 1)
            }
            ('[', _) if self.in_brackets => return self.error(1, "unexpected left bracket '['"),
            ('[', _) => {
                self.in_brackets = true;
                (TokenKind::LeftBracket, 1)
            }
            (']', _) if !self.in_brackets => return self.error(1, "unexpected right bracket ']'"),
            (']', _) => {
                self.in_brackets = false;
                (TokenKind::RightBracket, 1)
            }
            _ => return self.error(0, format!("unexpected character: {first:?}")),
        };
        self.push(kind, len)
    }
}

/// Words with a meaning of their own, for messages.
fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 8] = ["offset", "by", "without", "on", "ignoring", "group_left", "group_right", "bool"];
    KEYWORDS.contains(&word)
}

impl Token<'_> {
    /// Whether this is `word` in any case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// How messages name the token.
    pub(crate) fn describe(&self) -> String {
        let lower = self.text.to_ascii_lowercase();
        match &self.kind {
            TokenKind::End => "end of input".to_owned(),
            TokenKind::Error(message) => message.clone(),
            TokenKind::Word if is_keyword(&lower) => format!("<{}>", self.text),
            TokenKind::Word if crate::ast::AggregateOp::ALL.iter().any(|op| op.as_str() == lower) => {
                format!("<aggr:{}>", self.text)
            }
            TokenKind::Word if matches!(lower.as_str(), "and" | "or" | "unless" | "atan2") => {
                format!("<op:{}>", self.text)
            }
            TokenKind::Word if self.text.contains(':') => format!("metric identifier {:?}", self.text),
            TokenKind::Word => format!("identifier {:?}", self.text),
            TokenKind::Number(_) => format!("number {:?}", self.text),
            TokenKind::Duration(_) => format!("duration {:?}", self.text),
            TokenKind::Text(_) => format!("string {:?}", self.text),
            TokenKind::Operator(_) | TokenKind::RegexEqual | TokenKind::RegexNotEqual | TokenKind::At => {
                format!("<op:{}>", self.text)
            }
            _ => format!("{:?}", self.text),
        }
    }

    /// This token cannot stand here.
    pub(crate) fn unexpected(&self, context: &str, expected: &str) -> ParseError {
        let mut message = match &self.kind {
            TokenKind::Error(message) => return ParseError { message: message.clone(), span: self.span },
            _ => format!("unexpected {}", self.describe()),
        };
        for (word, text) in [(" in ", context), (", expected ", expected)] {
            if !text.is_empty() {
                message.push_str(word);
                message.push_str(text);
            }
        }
        ParseError { message, span: self.span }
    }
}
