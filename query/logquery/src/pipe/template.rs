//! Text with fields in it: `user=<user> took <took>ms`.

use smol_str::SmolStr;
use std::fmt;

/// Literal text and fields in turns; no two literals next to each other, none empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    pub parts: Vec<TemplatePart>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePart {
    Literal(String),
    /// A field; empty (`<_>`): any text that nobody wants.
    Field(SmolStr),
}

impl Template {
    /// Reads `<name>` as a field and `<<` as a `<`; a `<` that closes nowhere stands for itself.
    pub fn parse(text: &str) -> Template {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('<') {
            literal.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('<') {
                literal.push('<');
                rest = after;
                continue;
            }
            // A name holds no `<`, so a text of many `<` is still read in one go.
            let name = rest.find(['<', '>']).filter(|end| rest[*end..].starts_with('>')).map(|end| &rest[..end]);
            let Some(name) = name else {
                literal.push('<');
                continue;
            };
            if !literal.is_empty() {
                parts.push(TemplatePart::Literal(std::mem::take(&mut literal)));
            }
            parts.push(TemplatePart::Field(if name == "_" { SmolStr::default() } else { name.into() }));
            rest = &rest[name.len() + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(TemplatePart::Literal(literal));
        }
        Template { parts }
    }

    /// The names of its fields.
    pub fn fields(&self) -> impl Iterator<Item = &SmolStr> {
        self.parts.iter().filter_map(|part| match part {
            TemplatePart::Field(name) if !name.is_empty() => Some(name),
            TemplatePart::Field(_) | TemplatePart::Literal(_) => None,
        })
    }

    /// Whether two fields stand next to each other, so that nobody knows where the first one ends.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.parts.windows(2).any(|pair| matches!(pair, [TemplatePart::Field(_), TemplatePart::Field(_)]))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            TemplatePart::Literal(text) => f.write_str(&text.replace('<', "<<")),
            TemplatePart::Field(name) if name.is_empty() => f.write_str("<_>"),
            TemplatePart::Field(name) => write!(f, "<{name}>"),
        })
    }
}
