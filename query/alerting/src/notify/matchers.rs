//! Alertmanager's matchers as text: `severity="page"`, `{team=~"a|b", "dotted.name"!=x}`.
//! Syntax: <https://prometheus.io/docs/alerting/latest/configuration/#matcher>, both the classic and the UTF-8 one.

use watchfire_model::{MatchOp, Matcher};

/// Reads the matchers of one string: one, or several with commas between them and braces around them.
pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, String> {
    let trimmed = text.trim();
    let (inner, braces) = match trimmed.strip_prefix('{') {
        Some(rest) => match rest.strip_suffix('}') {
            Some(inner) => (inner, true),
            None => return Err(format!("`{text}`: `}}` is missing at the end")),
        },
        None => (trimmed, false),
    };
    let mut rest = inner.trim();
    let mut matchers = Vec::new();
    while !rest.is_empty() {
        let (matcher, tail) = one(rest).map_err(|problem| format!("`{text}`: {problem}"))?;
        matchers.push(matcher);
        rest = tail;
    }
    if matchers.is_empty() && !braces {
        return Err("a matcher is empty, write for example severity=\"page\"".to_owned());
    }
    Ok(matchers)
}

fn one(text: &str) -> Result<(Matcher, &str), String> {
    let (name, rest) = if let Some(quoted) = text.strip_prefix('"') {
        unquote(quoted)?
    } else {
        let end = text.find(is_reserved).unwrap_or(text.len());
        (text[..end].to_owned(), &text[end..])
    };
    if name.is_empty() {
        return Err("the name of a label is missing".to_owned());
    }
    let rest = rest.trim_start();
    let ops = [("=~", MatchOp::Regex), ("!~", MatchOp::NotRegex), ("!=", MatchOp::NotEqual), ("=", MatchOp::Equal)];
    let found = ops.iter().find_map(|(sign, op)| Some((*op, rest.strip_prefix(sign)?)));
    let Some((op, rest)) = found else {
        return Err(format!("one of = != =~ !~ is missing behind `{name}`"));
    };
    let rest = rest.trim_start();
    let (value, rest) = if let Some(quoted) = rest.strip_prefix('"') {
        unquote(quoted)?
    } else {
        let end = rest.find(',').unwrap_or(rest.len());
        let value = rest[..end].trim_end();
        if value.contains('"') {
            return Err(format!("the value of `{name}` has a quote inside, quote all of it"));
        }
        (value.to_owned(), &rest[end..])
    };
    let matcher = Matcher::new(name, op, value).map_err(|error| error.to_string())?;
    let rest = rest.trim_start();
    match rest.strip_prefix(',') {
        Some(tail) => Ok((matcher, tail.trim_start())),
        None if rest.is_empty() => Ok((matcher, rest)),
        None => Err(format!("a comma is missing before `{rest}`")),
    }
}

/// The text up to the closing quote, and what stands behind it.
fn unquote(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[index + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                Some((_, other)) => value.extend(['\\', other]),
                None => break,
            },
            other => value.push(other),
        }
    }
    Err("a closing quote is missing".to_owned())
}

/// Alertmanager's print of matchers, which stands in the `groupKey` of webhooks. They must be sorted.
pub(super) fn print(matchers: &[Matcher]) -> String {
    let printed: Vec<String> = matchers.iter().map(print_one).collect();
    format!("{{{}}}", printed.join(","))
}

fn print_one(matcher: &Matcher) -> String {
    let (name, op, value) = (matcher.name().as_str(), matcher.op().as_str(), matcher.value().as_str());
    if name.contains(is_reserved) {
        return format!("{name:?}{op}{value:?}");
    }
    let escaped = value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
    format!("{name}{op}\"{escaped}\"")
}

/// Characters that a name holds only in quotes.
fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<&str, &str>) {
        let got = parse(text).map(|matchers| print(&matchers));
        assert_eq!(got, want.map(str::to_owned).map_err(str::to_owned), "{text}");
    }

    #[test]
    fn both_syntaxes_are_read_and_printed() {
        check("severity=page", Ok("{severity=\"page\"}"));
        check("severity = \"page\"", Ok("{severity=\"page\"}"));
        check(" service=~\"foo1|foo2, baz\" ", Ok("{service=~\"foo1|foo2, baz\"}"));
        check("{a=\"b\", c!=d,}", Ok("{a=\"b\",c!=\"d\"}"));
        check("a!=\"x\\\"y\\\\\"", Ok("{a!=\"x\\\"y\\\\\"}"));
        check("\"dotted name\"=x", Ok("{\"dotted name\"=\"x\"}"));
        check("a=", Ok("{a=\"\"}"));
        check("{}", Ok("{}"));
        check("größe=1", Ok("{größe=\"1\"}"));
        check("", Err("a matcher is empty, write for example severity=\"page\""));
        check("severity", Err("`severity`: one of = != =~ !~ is missing behind `severity`"));
        check("=x", Err("`=x`: the name of a label is missing"));
        check("{a=b", Err("`{a=b`: `}` is missing at the end"));
        check("a=\"b\" c=d", Err("`a=\"b\" c=d`: a comma is missing before `c=d`"));
        check("a=\"b", Err("`a=\"b`: a closing quote is missing"));
        assert!(parse("a=~\"(\"").is_err());
    }
}
