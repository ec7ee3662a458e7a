//! A series as the text formats write it.

use super::line::is_plain_name;

/// Writes a name, a suffix to it, and labels behind what `text` holds; [`super::read_series`] reads it.
pub(crate) fn write_series<'a>(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
) {
    let mut separator = '{';
    if is_plain_name(name, true) {
        text.push_str(name);
        text.push_str(suffix);
    } else {
        text.push_str("{\"");
        push_escaped(text, name);
        text.push_str(suffix);
        text.push('"');
        separator = ',';
    }
    for (name, value) in labels {
        text.push(separator);
        separator = ',';
        if is_plain_name(name, false) {
            text.push_str(name);
        } else {
            text.push('"');
            push_escaped(text, name);
            text.push('"');
        }
        text.push_str("=\"");
        push_escaped(text, value);
        text.push('"');
    }
    if separator == ',' {
        text.push('}');
    }
}

fn push_escaped(text: &mut String, plain: &str) {
    let mut rest = plain;
    while let Some(at) = memchr::memchr3(b'\\', b'"', b'\n', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        text.push_str(match rest.as_bytes()[at] {
            b'\n' => "\\n",
            b'"' => "\\\"",
            _ => "\\\\",
        });
        rest = &rest[at + 1..];
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::read_series;
    use proptest::prelude::*;

    #[track_caller]
    fn check(name: &str, labels: &[(&str, &str)], want: &str) {
        let mut text = String::new();
        write_series(&mut text, name, "_x", labels.iter().copied());
        assert_eq!(text, want);
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        check("a", &[], "a_x");
        check("a", &[("b", "1"), ("c.d", "q\"\\\n")], r#"a_x{b="1","c.d"="q\"\\\n"}"#);
        check("a.b", &[], r#"{"a.b_x"}"#);
        check("a:b", &[("c:d", "é")], r#"a:b_x{"c:d"="é"}"#);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read(name in ".{1,6}", label in ".{1,6}", value in ".{0,6}") {
            let mut text = String::new();
            write_series(&mut text, &name, "", [(label.as_str(), value.as_str())].into_iter());
            let mut labels = Vec::new();
            let read = read_series(&text, &mut labels).unwrap();
            prop_assert_eq!(read.unescape(), name);
            prop_assert_eq!(labels[0].name.unescape(), label);
            prop_assert_eq!(labels[0].value.unescape(), value);
        }
    }
}
