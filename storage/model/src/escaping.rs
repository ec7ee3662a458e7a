//! Names of any characters in the letters of old: how they are written for those who do not know the new ones, and read back.
//! <https://prometheus.io/docs/instrumenting/escaping_schemes/>; Prometheus: `common/model/metric.go`.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt::Write as _;

/// How names that have more than letters, digits, underscores and colons are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EscapingScheme {
    /// As they are.
    #[serde(rename = "allow-utf-8")]
    AllowUtf8,
    /// Each other character becomes an underscore. Cannot be undone.
    Underscores,
    /// A dot becomes `_dot_`, an underscore two, as does each other character. Dots and underscores can be undone.
    Dots,
    /// The name begins with `U__`, an underscore becomes two, each other character `_` code `_`. Can be undone.
    Values,
}

/// Begins names that are written in [`EscapingScheme::Values`].
const VALUES_PREFIX: &str = "U__";
/// Hexadecimal digits that Prometheus reads in one code; six would be needed for the last two planes.
const CODE_DIGITS_MAX: usize = 5;

impl EscapingScheme {
    /// The word for `Accept` and `Content-Type`.
    pub fn as_str(self) -> &'static str {
        match self {
            EscapingScheme::AllowUtf8 => "allow-utf-8",
            EscapingScheme::Underscores => "underscores",
            EscapingScheme::Dots => "dots",
            EscapingScheme::Values => "values",
        }
    }

    /// The scheme of that word.
    pub fn parse(word: &str) -> Option<EscapingScheme> {
        let all =
            [EscapingScheme::AllowUtf8, EscapingScheme::Underscores, EscapingScheme::Dots, EscapingScheme::Values];
        all.into_iter().find(|scheme| scheme.as_str() == word)
    }
}

/// Whether a metric name needs no escaping: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.char_indices().all(|(at, c)| is_plain_char(c, at))
}

fn is_plain_char(c: char, at: usize) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':' || (c.is_ascii_digit() && at > 0)
}

/// Writes a name in a scheme. Nothing is checked: an empty name stays empty.
pub fn escape_name(name: &str, scheme: EscapingScheme) -> Cow<'_, str> {
    let keeps_plain = matches!(scheme, EscapingScheme::Underscores | EscapingScheme::Values);
    if scheme == EscapingScheme::AllowUtf8 || name.is_empty() || (keeps_plain && is_plain(name)) {
        return Cow::Borrowed(name);
    }
    let mut escaped = String::with_capacity(name.len() + 8);
    if scheme == EscapingScheme::Values {
        escaped.push_str(VALUES_PREFIX);
    }
    for (at, c) in name.char_indices() {
        match (scheme, c) {
            (EscapingScheme::Dots | EscapingScheme::Values, '_') => escaped.push_str("__"),
            (EscapingScheme::Dots, '.') => escaped.push_str("_dot_"),
            _ if is_plain_char(c, at) => escaped.push(c),
            (EscapingScheme::Dots, _) => escaped.push_str("__"),
            (EscapingScheme::Values, _) => {
                // Writing into a string cannot fail.
                let _ = write!(escaped, "_{:x}_", u32::from(c));
            }
            _ => escaped.push('_'),
        }
    }
    Cow::Owned(escaped)
}

/// Reads a name that was written in a scheme, as far as that is possible; what is malformed stays as it is.
pub fn unescape_name(name: &str, scheme: EscapingScheme) -> Cow<'_, str> {
    match scheme {
        EscapingScheme::AllowUtf8 | EscapingScheme::Underscores => Cow::Borrowed(name),
        EscapingScheme::Dots if !name.contains('_') => Cow::Borrowed(name),
        EscapingScheme::Dots => Cow::Owned(name.replace("_dot_", ".").replace("__", "_")),
        EscapingScheme::Values => unescape_values(name).map_or(Cow::Borrowed(name), Cow::Owned),
    }
}

/// `None` where the name is not written so.
fn unescape_values(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix(VALUES_PREFIX)?;
    let mut unescaped = String::with_capacity(rest.len());
    while let Some((before, after)) = rest.split_once('_') {
        unescaped.push_str(before);
        let (code, behind) = after.split_once('_')?;
        unescaped.push(if code.is_empty() { '_' } else { char_of(code)? });
        rest = behind;
    }
    unescaped.push_str(rest);
    Some(unescaped)
}

fn char_of(code: &str) -> Option<char> {
    let is_code = code.len() <= CODE_DIGITS_MAX && code.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(code, 16).ok().filter(|_| is_code).and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A name and what the schemes make of it: underscores, dots (written, and read back), values.
    #[track_caller]
    fn check(name: &str, underscores: &str, dots: (&str, &str), values: &str) {
        assert_eq!(escape_name(name, EscapingScheme::AllowUtf8), name);
        assert_eq!(escape_name(name, EscapingScheme::Underscores), underscores);
        assert_eq!(unescape_name(underscores, EscapingScheme::Underscores), underscores);
        assert_eq!(escape_name(name, EscapingScheme::Dots), dots.0);
        assert_eq!(unescape_name(dots.0, EscapingScheme::Dots), dots.1);
        assert_eq!(escape_name(name, EscapingScheme::Values), values);
        assert_eq!(unescape_name(values, EscapingScheme::Values), name);
    }

    #[test]
    fn names_are_escaped_and_read_back() {
        check("", "", ("", ""), "");
        check("plain:name_1", "plain:name_1", ("plain:name__1", "plain:name_1"), "plain:name_1");
        check("my.metric", "my_metric", ("my_dot_metric", "my.metric"), "U__my_2e_metric");
        check("a.b_c", "a_b_c", ("a_dot_b__c", "a.b_c"), "U__a_2e_b__c");
        check("0digit", "_digit", ("__digit", "_digit"), "U___30_digit");
        check("cpu%", "cpu_", ("cpu__", "cpu_"), "U__cpu_25_");
        check("花火", "__", ("____", "__"), "U___82b1__706b_");
        check("a😀", "a_", ("a__", "a_"), "U__a_1f600_");
    }

    #[track_caller]
    fn check_left(name: &str) {
        assert_eq!(unescape_name(name, EscapingScheme::Values), name);
    }

    #[test]
    fn what_is_not_escaped_stays() {
        for name in
            ["plain", "U_a", "U__open_2e", "U__bad_zz_", "U__end_", "U__long_00002e_", "U__half_d800_", "U__+_+2_"]
        {
            check_left(name);
        }
        assert_eq!(unescape_name("U__a_2E_b", EscapingScheme::Values), "a.b");
    }

    #[test]
    fn schemes_have_their_words() {
        for word in ["allow-utf-8", "underscores", "dots", "values"] {
            assert_eq!(EscapingScheme::parse(word).map(EscapingScheme::as_str), Some(word));
        }
        assert_eq!(EscapingScheme::parse("utf8"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn values_can_be_undone(name in "[a-z_.:é花]{0,12}") {
            let escaped = escape_name(&name, EscapingScheme::Values);
            prop_assert!(name.is_empty() || is_plain(&escaped));
            prop_assert_eq!(unescape_name(&escaped, EscapingScheme::Values), name.as_str());
        }
    }
}
