//! Cuts a template into text and the tokens of its actions. Rules: Go `text/template/parse/lex.go`.

use super::TemplateError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// Outside of any action, trimmed where `{{-` or `-}}` ask for it.
    Text(String),
    /// `{{`
    Open,
    /// `}}`
    Close,
    /// A function or keyword.
    Word(String),
    /// `.name`, without the dot.
    Field(String),
    /// `$name`, with the dollar sign; `$` alone is the root.
    Variable(String),
    /// `.` alone.
    Dot,
    /// A string literal.
    Quoted(String),
    Int(i64),
    Float(f64),
    Pipe,
    Comma,
    Declare,
    Assign,
    Left,
    Right,
    /// White space inside an action: it separates the arguments of a call.
    Space,
}

/// A token and the line, from one, on which it starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lexed {
    pub(super) token: Token,
    pub(super) line: usize,
}

/// All tokens of `source`.
pub(super) fn tokens(source: &str) -> Result<Vec<Lexed>, TemplateError> {
    let mut lexer = Lexer { source, position: 0, tokens: Vec::new() };
    let mut trim_next = false;
    loop {
        let rest = lexer.rest();
        let Some(open) = rest.find("{{") else {
            lexer.push_text(rest, trim_next, false);
            return Ok(lexer.tokens);
        };
        let action = &rest[open + 2..];
        let trims = action.starts_with('-') && action[1..].starts_with(is_space);
        lexer.push_text(&rest[..open], trim_next, trims);
        lexer.position += open + 2 + usize::from(trims);
        trim_next = lexer.action()?;
    }
}

#[derive(Debug)]
struct Lexer<'a> {
    source: &'a str,
    position: usize,
    tokens: Vec<Lexed>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.position..]
    }

    fn line(&self) -> usize {
        1 + self.source[..self.position].matches('\n').count()
    }

    fn push(&mut self, token: Token) {
        let line = self.line();
        self.tokens.push(Lexed { token, line });
    }

    fn error<T>(&self, what: &str) -> Result<T, TemplateError> {
        Err(TemplateError::Syntax { what: what.to_owned(), line: self.line() })
    }

    fn push_text(&mut self, text: &str, trim_start: bool, trim_end: bool) {
        let text = if trim_start { text.trim_start_matches(is_space) } else { text };
        let text = if trim_end { text.trim_end_matches(is_space) } else { text };
        if !text.is_empty() {
            self.push(Token::Text(text.to_owned()));
        }
    }

    /// Reads one action after its `{{`; says whether white space after it goes.
    fn action(&mut self) -> Result<bool, TemplateError> {
        let inner = self.rest().trim_start_matches(is_space);
        if let Some(comment) = inner.strip_prefix("/*") {
            return self.comment(comment);
        }
        self.push(Token::Open);
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches(is_space).len();
            if blanks > 0 && rest[blanks..].starts_with("-}}") {
                self.position += blanks + 3;
                self.push(Token::Close);
                return Ok(true);
            }
            if rest.starts_with("}}") {
                self.position += 2;
                self.push(Token::Close);
                return Ok(false);
            }
            if blanks > 0 {
                self.push(Token::Space);
                self.position += blanks;
                continue;
            }
            self.token()?;
        }
    }

    fn comment(&mut self, comment: &'a str) -> Result<bool, TemplateError> {
        let Some(end) = comment.find("*/") else { return self.error("unclosed comment") };
        let after = &comment[end + 2..];
        let blanks_gone = after.trim_start_matches(is_space);
        let (rest, trims) = match (after.strip_prefix("}}"), blanks_gone.strip_prefix("-}}")) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) if blanks_gone.len() < after.len() => (rest, true),
            _ => return self.error("comment ends before its action does, write {{/* text */}}"),
        };
        self.position = self.source.len() - rest.len();
        Ok(trims)
    }

    fn token(&mut self) -> Result<(), TemplateError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return self.error("unclosed action, `}}` is missing") };
        let second = rest[first.len_utf8()..].chars().next();
        let (token, len) = match first {
            '|' => (Token::Pipe, 1),
            ',' => (Token::Comma, 1),
            '(' => (Token::Left, 1),
            ')' => (Token::Right, 1),
            '=' => (Token::Assign, 1),
            ':' if second == Some('=') => (Token::Declare, 2),
            '"' | '`' | '\'' => return self.quoted(first),
            '.' if !second.is_some_and(|c| is_name(c) || c == '.') => (Token::Dot, 1),
            '.' if !second.is_some_and(|c| c.is_ascii_digit()) => {
                let name = leading_name(&rest[1..]);
                (Token::Field(name.to_owned()), 1 + name.len())
            }
            '$' => {
                let name = leading_name(&rest[1..]);
                (Token::Variable(format!("${name}")), 1 + name.len())
            }
            '0'..='9' | '+' | '-' | '.' => return self.number(),
            c if is_name(c) => {
                let name = leading_name(rest);
                (Token::Word(name.to_owned()), name.len())
            }
            other => return self.error(&format!("unexpected `{other}` in an action")),
        };
        self.push(token);
        self.position += len;
        Ok(())
    }

    fn number(&mut self) -> Result<(), TemplateError> {
        let rest = self.rest();
        let signs = |previous: char| matches!(previous, 'e' | 'E');
        let mut previous = 'e';
        let len = rest
            .find(|c: char| {
                let ends = !(c.is_ascii_alphanumeric()
                    || matches!(c, '.' | '_')
                    || (matches!(c, '+' | '-') && signs(previous)));
                previous = c;
                ends
            })
            .unwrap_or(rest.len());
        let text = rest[..len].replace('_', "");
        let token = match (parse_int(&text), text.parse::<f64>()) {
            (Some(int), _) => Token::Int(int),
            (None, Ok(float)) => Token::Float(float),
            (None, Err(_)) => return self.error(&format!("`{text}` is not a number")),
        };
        self.push(token);
        self.position += len;
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Result<(), TemplateError> {
        let body = &self.rest()[1..];
        let mut text = String::new();
        let mut chars = body.char_indices();
        while let Some((index, c)) = chars.next() {
            match c {
                c if c == quote => {
                    let token = match (quote, text.chars().next()) {
                        ('\'', Some(only)) if text.chars().count() == 1 => Token::Int(i64::from(u32::from(only))),
                        ('\'', _) => return self.error("single quotes hold one character, use double quotes for text"),
                        _ => Token::Quoted(text),
                    };
                    self.push(token);
                    self.position += index + 2;
                    return Ok(());
                }
                '\n' if quote != '`' => return self.error("unclosed string"),
                '\\' if quote != '`' => match chars.next().and_then(|(_, escape)| unescape(escape, &mut chars)) {
                    Some(unescaped) => text.push(unescaped),
                    None => return self.error("unknown escape in a string"),
                },
                other => text.push(other),
            }
        }
        self.error("unclosed string")
    }
}

/// The character that `\escape` stands for; longer escapes take their digits from `chars`.
fn unescape(escape: char, chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let digits = match escape {
        'n' => return Some('\n'),
        't' => return Some('\t'),
        'r' => return Some('\r'),
        'a' => return Some('\u{7}'),
        'b' => return Some('\u{8}'),
        'f' => return Some('\u{c}'),
        'v' => return Some('\u{b}'),
        '\\' | '"' | '\'' => return Some(escape),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => return None,
    };
    let text: String = chars.by_ref().take(digits).map(|(_, c)| c).collect();
    if text.len() != digits {
        return None;
    }
    // Bytes above 0x7f written with \x are no characters of their own.
    let code = u32::from_str_radix(&text, 16).ok().filter(|code| escape != 'x' || *code < 0x80)?;
    char::from_u32(code)
}

fn parse_int(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let radixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    let prefixed = radixes.iter().find_map(|(prefix, radix)| Some((lower.strip_prefix(prefix)?, *radix)));
    let (digits, radix) = prefixed.unwrap_or((&lower, 10));
    let plain = digits.starts_with(|c: char| c.is_ascii_alphanumeric());
    i64::from_str_radix(digits, radix).ok().filter(|_| plain).map(|value| value * sign)
}

fn leading_name(text: &str) -> &str {
    &text[..text.find(|c| !is_name(c)).unwrap_or(text.len())]
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}
