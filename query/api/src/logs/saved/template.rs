//! A query with `$name` in it, and what becomes of it with values.
//!
//! A value is inserted as a phrase in quotes with its `"` and `\` escaped, so it is one literal whatever it holds. A
//! parameter therefore stands where a value can stand, never within quotes or a regular expression: there it is refused.

use std::ops::Range;

/// Bytes that a value may have.
pub(crate) const VALUE_LEN_MAX: usize = 4096;

/// Why a query with parameters cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("`${name}` is no parameter of this search: declare it, or write \\${name} to search for the text")]
    Unknown { name: String, span: Range<usize> },
    #[error("`${name}` stands within {place}: let it stand alone, it brings its own quotes")]
    Enclosed { name: String, place: &'static str, span: Range<usize> },
    #[error("the value of `{name}` has more than {max} bytes")]
    ValueTooLong { name: String, max: usize },
}

impl TemplateError {
    /// Where in the query, if it is a matter of the query.
    pub(crate) fn span(&self) -> Option<Range<usize>> {
        match self {
            TemplateError::Unknown { span, .. } | TemplateError::Enclosed { span, .. } => Some(span.clone()),
            TemplateError::ValueTooLong { .. } => None,
        }
    }
}

/// Replaces every `$name` by the value that `value` knows for it.
pub(crate) fn expand<'v>(query: &str, value: impl Fn(&str) -> Option<&'v str>) -> Result<String, TemplateError> {
    let mut expanded = String::with_capacity(query.len());
    let mut copied = 0;
    for place in places(query) {
        let name = &query[place.span.start + 1..place.span.end];
        let value = match (value(name), place.enclosed_by) {
            (Some(value), None) => value,
            // Regular expressions and their replacements have a `$` of their own.
            (None, Some(_)) => continue,
            (Some(_), Some(by)) => {
                return Err(TemplateError::Enclosed { name: name.to_owned(), place: by, span: place.span });
            }
            (None, None) => return Err(TemplateError::Unknown { name: name.to_owned(), span: place.span }),
        };
        if value.len() > VALUE_LEN_MAX {
            return Err(TemplateError::ValueTooLong { name: name.to_owned(), max: VALUE_LEN_MAX });
        }
        expanded.push_str(&query[copied..place.span.start]);
        push_quoted(&mut expanded, value);
        copied = place.span.end;
    }
    expanded.push_str(&query[copied..]);
    Ok(expanded)
}

/// Whether a text can be a parameter's name: a letter or `_`, then letters, digits and `_`, at most 64 of them.
pub(crate) fn is_name(text: &str) -> bool {
    name_len(text) == text.len() && !text.is_empty() && text.len() <= 64
}

/// A phrase that stands for exactly this text.
fn push_quoted(out: &mut String, value: &str) {
    out.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

/// A `$name` in a query.
struct Place {
    /// From the `$` on.
    span: Range<usize>,
    enclosed_by: Option<&'static str>,
}

/// Every `$name` whose `$` is not escaped.
fn places(query: &str) -> Vec<Place> {
    let bytes = query.as_bytes();
    let mut places = Vec::new();
    let mut enclosed_by = None;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1, // and what it escapes; should that be more than one byte, none of the rest is a sign
            b'"' => {
                enclosed_by = match enclosed_by {
                    None => Some(QUOTES),
                    Some(QUOTES) => None,
                    other => other,
                }
            }
            b'/' if enclosed_by == Some(REGEX) => enclosed_by = None,
            b'/' if enclosed_by.is_none() && begins_regex(query, at) => enclosed_by = Some(REGEX),
            b'$' => {
                let len = name_len(&query[at + 1..]);
                if len > 0 {
                    places.push(Place { span: at..at + 1 + len, enclosed_by });
                    at += len;
                }
            }
            _ => {}
        }
        at += 1;
    }
    places
}

const QUOTES: &str = "quotes";
const REGEX: &str = "a regular expression";

/// Whether a `/` begins a value, and another one ends it: what may be a path is left a path.
fn begins_regex(query: &str, slash: usize) -> bool {
    let before = query[..slash].chars().next_back();
    let is_start = before.is_none_or(|character| character.is_whitespace() || "(:!-+|&,=".contains(character));
    let rest = &query.as_bytes()[slash + 1..];
    let mut escaped = false;
    let closes = |byte: &u8| {
        let is_end = *byte == b'/' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        is_end
    };
    is_start && rest.iter().any(closes)
}

/// Bytes of the name that the text begins with, 0 if with none.
fn name_len(text: &str) -> usize {
    let is_start = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if is_start { text.find(|character| !is_part(character)).unwrap_or(text.len()) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use watchfire_logquery::{Expr, Pattern, Pipe, parse_at};
    use watchfire_model::TimeNs;

    fn expand_all(query: &str, value: &str) -> Result<String, TemplateError> {
        expand(query, |name| (name == "x" || name == "long_name1").then_some(value))
    }

    #[track_caller]
    fn check(query: &str, value: &str, want: &str) {
        assert_eq!(expand_all(query, value).as_deref(), Ok(want));
    }

    #[track_caller]
    fn check_refused(query: &str, want: &str) {
        let error = expand_all(query, "v").unwrap_err();
        assert!(error.to_string().contains(want), "{query}: {error}");
        assert!(query[error.span().unwrap()].starts_with('$'));
    }

    #[test]
    fn values_become_quoted_literals() {
        check("service:$x", "order", r#"service:"order""#);
        check("$x", r#"a" OR * OR ""#, r#""a\" OR * OR \"""#);
        check("$x AND b", r"a\", r#""a\\" AND b"#);
        check("a:$long_name1 b:$x", "ä", r#"a:"ä" b:"ä""#);
        check("", "v", "");
        check("größe:($x OR b)", "v", r#"größe:("v" OR b)"#);
        check(r"\$x $5 a$ $", "v", r"\$x $5 a$ $");
        check("path:/api/$x", "v", r#"path:/api/"v""#);
        check(r#"message:"a\"b" $x"#, "v", r#"message:"a\"b" "v""#);
        check(r#"message:/"(a|b$)/ $x"#, "v", r#"message:/"(a|b$)/ "v""#);
        check(
            r#"* | replace_regexp ("(\d+)", "$other") at message"#,
            "v",
            r#"* | replace_regexp ("(\d+)", "$other") at message"#,
        );
    }

    #[test]
    fn parameters_stand_alone() {
        check_refused(r#"message:"user $x""#, "within quotes");
        check_refused(r#"message:"user \" $x""#, "within quotes");
        check_refused("message:/user $x/", "within a regular expression");
        check_refused(r"message:/a\/ $x/", "within a regular expression");
        check_refused("service:$y", "no parameter");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever the value holds, the language reads it as one phrase, and the rest of the query as it was.
        #[test]
        fn no_value_changes_the_query_around_it(value in "(?s).{1,20}|[\"\\\\ (:)/*|$a-z]{1,20}") {
            let expanded = expand_all("service:$x AND NOT level:3 | filter a:$x", &value).unwrap();
            let query = parse_at(&expanded, TimeNs(0)).unwrap();
            let term = |field: &str| Expr::Term { field: Some(field.into()), pattern: Pattern::Text(value.clone()) };
            let plain = parse_at("NOT level:3", TimeNs(0)).unwrap().expr;
            prop_assert_eq!(query.expr, Expr::And(vec![term("service"), plain]));
            prop_assert_eq!(query.pipes, vec![Pipe::Filter(term("a"))]);
        }
    }

    #[test]
    fn values_are_short() {
        assert!(expand_all("$x", &"v".repeat(VALUE_LEN_MAX)).is_ok());
        assert!(expand_all("$x", &"v".repeat(VALUE_LEN_MAX + 1)).is_err());
    }

    #[test]
    fn names_are_words() {
        for (name, want) in [("x", true), ("_a1", true), ("1a", false), ("", false), ("a-b", false), ("ä", false)] {
            assert_eq!(is_name(name), want, "{name}");
        }
        assert!(!is_name(&"x".repeat(65)));
    }
}
