//! `print`, `println` and `printf` with the verbs that rules use. Rules: Go `fmt`.

use super::super::number::{fixed, scientific, shortest, significant};
use super::Value;
use std::fmt::Write as _;

/// Widths and precisions above this are cut, so that no verb fills memory.
const WIDTH_MAX: usize = 1024;

/// Operands side by side, a blank between two of which neither is text.
pub(super) fn print(values: &[Value]) -> String {
    let mut out = String::new();
    let mut previous_is_text = true;
    for value in values {
        let is_text = matches!(value, Value::Text(_));
        if !is_text && !previous_is_text {
            out.push(' ');
        }
        out.push_str(&value.printed());
        previous_is_text = is_text;
    }
    out
}

/// Operands with blanks between them and a line end.
pub(super) fn println(values: &[Value]) -> String {
    let printed: Vec<String> = values.iter().map(Value::printed).collect();
    printed.join(" ") + "\n"
}

/// Flags, width and precision of a verb, `%-8.2f`.
#[derive(Debug, Default)]
struct Verb {
    /// Those of `-+0# ` that are set.
    flags: String,
    width: usize,
    precision: Option<usize>,
}

/// Replaces each verb of `format` by the next value; what does not fit is printed as Go prints it, `%!d(string=x)`.
pub(super) fn printf(format: &str, values: &[Value]) -> String {
    let mut out = String::new();
    let mut values = values.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let verb = read_verb(&mut chars);
        match chars.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(letter) => match values.next() {
                None => write!(out, "%!{letter}(MISSING)").expect("writing to a string cannot fail"),
                Some(value) => out.push_str(&verb.padded(&verb.format(letter, value), value)),
            },
        }
    }
    let extra: Vec<String> = values.map(|value| format!("{}={}", value.kind(), value.printed())).collect();
    if !extra.is_empty() {
        write!(out, "%!(EXTRA {})", extra.join(", ")).expect("writing to a string cannot fail");
    }
    out
}

fn read_verb(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Verb {
    let mut verb = Verb::default();
    while let Some(flag) = chars.next_if(|c| "-+0# ".contains(*c)) {
        if !verb.has(flag) {
            verb.flags.push(flag);
        }
    }
    verb.width = read_number(chars);
    if chars.next_if_eq(&'.').is_some() {
        verb.precision = Some(read_number(chars));
    }
    verb
}

fn read_number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> usize {
    let mut number = 0;
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        number = (number * 10 + digit.to_digit(10).unwrap_or(0) as usize).min(WIDTH_MAX);
    }
    number
}

impl Verb {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    fn format(&self, letter: char, value: &Value) -> String {
        match (letter, value) {
            ('v' | 'g', Value::Float(value)) => self.signed(self.general(*value), *value >= 0.0),
            ('v' | 'd', Value::Int(value)) => self.signed(value.to_string(), *value >= 0),
            ('v', value) => value.printed(),
            ('s', Value::Text(text)) => self.cut(text).to_owned(),
            ('q', Value::Text(text)) => format!("{:?}", self.cut(text)),
            ('x', Value::Text(text)) => hexadecimal(text),
            ('X', Value::Text(text)) => hexadecimal(text).to_uppercase(),
            ('t', Value::Bool(value)) => value.to_string(),
            ('x', Value::Int(value)) => self.radix(*value, "0x", |absolute| format!("{absolute:x}")),
            ('X', Value::Int(value)) => self.radix(*value, "0X", |absolute| format!("{absolute:X}")),
            ('o', Value::Int(value)) => self.radix(*value, "0", |absolute| format!("{absolute:o}")),
            ('b', Value::Int(value)) => self.radix(*value, "0b", |absolute| format!("{absolute:b}")),
            ('c', Value::Int(value)) => {
                u32::try_from(*value).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER).to_string()
            }
            ('f' | 'F', Value::Float(value)) => self.signed(fixed(*value, self.precision.unwrap_or(6)), *value >= 0.0),
            ('e', Value::Float(value)) => self.signed(scientific(*value, self.precision.unwrap_or(6)), *value >= 0.0),
            ('E', Value::Float(value)) => {
                self.signed(scientific(*value, self.precision.unwrap_or(6)).to_uppercase(), *value >= 0.0)
            }
            ('G', Value::Float(value)) => self.signed(self.general(*value).to_uppercase(), *value >= 0.0),
            ('s' | 'd', Value::Nil) => format!("%!{letter}(<nil>)"),
            (letter, value) => format!("%!{letter}({}={})", value.kind(), value.printed()),
        }
    }

    fn general(&self, value: f64) -> String {
        self.precision.map_or_else(|| shortest(value), |precision| significant(value, precision))
    }

    fn signed(&self, printed: String, positive: bool) -> String {
        match (positive && !printed.starts_with(['+', '-']), self.has('+'), self.has(' ')) {
            (true, true, _) => format!("+{printed}"),
            (true, false, true) => format!(" {printed}"),
            _ => printed,
        }
    }

    fn radix(&self, value: i64, prefix: &str, print: impl Fn(u64) -> String) -> String {
        let sign = if value < 0 { "-" } else { "" };
        let prefix = if self.has('#') { prefix } else { "" };
        format!("{sign}{prefix}{}", print(value.unsigned_abs()))
    }

    /// The first `precision` characters.
    fn cut<'a>(&self, text: &'a str) -> &'a str {
        let end = self.precision.and_then(|precision| text.char_indices().nth(precision));
        end.map_or(text, |(index, _)| &text[..index])
    }

    fn padded(&self, printed: &str, value: &Value) -> String {
        let missing = self.width.saturating_sub(printed.chars().count());
        let is_number = matches!(value, Value::Int(_) | Value::Float(_));
        if missing == 0 {
            printed.to_owned()
        } else if self.has('-') {
            format!("{printed}{}", " ".repeat(missing))
        } else if self.has('0') && is_number {
            let sign = printed.len() - printed.trim_start_matches(['+', '-']).len();
            format!("{}{}{}", &printed[..sign], "0".repeat(missing), &printed[sign..])
        } else {
            format!("{}{printed}", " ".repeat(missing))
        }
    }
}

fn hexadecimal(text: &str) -> String {
    text.bytes().fold(String::with_capacity(2 * text.len()), |mut out, byte| {
        write!(out, "{byte:02x}").expect("writing to a string cannot fail");
        out
    })
}
