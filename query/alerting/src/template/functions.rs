//! The functions of templates: Go's own (`text/template/funcs.go`) and Prometheus' (`template/template.go`).

mod humanize;
mod printf;

use super::number::shortest;
use super::{TemplateData, TemplateError};
use regex::{Regex, RegexBuilder};
use std::cmp::Ordering;
use watchfire_model::{DurationMs, Labels};

/// Bytes that one compiled expression may take.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// A value that a template computes with.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Labels(Labels),
    /// The root: `.Labels`, `.Value`, `.ExternalLabels`, `.ExternalURL`.
    Data,
}

impl Value {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::Labels(_) => "map",
            Value::Data => "rule",
        }
    }

    /// Whether `if` takes it for true: not zero, not empty.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Labels(labels) => !labels.is_empty(),
            Value::Data => true,
        }
    }

    /// As `{{ value }}` prints it.
    pub(super) fn printed(&self) -> String {
        match self {
            Value::Nil => "<no value>".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => shortest(*value),
            Value::Text(text) => text.clone(),
            Value::Labels(labels) => {
                let pairs: Vec<String> = labels.iter().map(|label| format!("{}:{}", label.name, label.value)).collect();
                format!("map[{}]", pairs.join(" "))
            }
            Value::Data => "{}".to_owned(),
        }
    }

    /// Numbers, and text that is one, as the humanizing functions take them.
    fn number(&self) -> Result<f64, TemplateError> {
        match self {
            Value::Int(value) => Ok(*value as f64),
            Value::Float(value) => Ok(*value),
            Value::Text(text) => {
                text.trim_start_matches('+').parse().or_else(|_| failed(format!("`{text}` is not a number")))
            }
            other => failed(format!("cannot turn a {} into a number", other.kind())),
        }
    }

    fn text(&self) -> Result<&str, TemplateError> {
        match self {
            Value::Text(text) => Ok(text),
            other => failed(format!("text expected, found a {}", other.kind())),
        }
    }
}

macro_rules! functions {
    ($($variant:ident $name:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function {
            $($variant,)*
        }

        impl Function {
            pub(super) fn named(name: &str) -> Option<Function> {
                match name {
                    $($name => Some(Function::$variant),)*
                    _ => None,
                }
            }

            fn name(self) -> &'static str {
                match self {
                    $(Function::$variant => $name,)*
                }
            }
        }
    };
}

functions! {
    And "and",
    Or "or",
    Not "not",
    Eq "eq",
    Ne "ne",
    Lt "lt",
    Le "le",
    Gt "gt",
    Ge "ge",
    Len "len",
    Index "index",
    Print "print",
    Println "println",
    Printf "printf",
    Urlquery "urlquery",
    Humanize "humanize",
    Humanize1024 "humanize1024",
    HumanizeDuration "humanizeDuration",
    HumanizePercentage "humanizePercentage",
    HumanizeTimestamp "humanizeTimestamp",
    Title "title",
    ToUpper "toUpper",
    ToLower "toLower",
    StripPort "stripPort",
    StripDomain "stripDomain",
    Match "match",
    ReReplaceAll "reReplaceAll",
    GraphLink "graphLink",
    TableLink "tableLink",
    ParseDuration "parseDuration",
    UrlQueryEscape "urlQueryEscape",
    SafeHtml "safeHtml",
    ExternalUrl "externalURL",
    PathPrefix "pathPrefix",
}

/// The value of `and`/`or` where this argument decides it, so that later arguments are not evaluated.
pub(super) fn short_circuit(function: Function, argument: &Value) -> Option<Value> {
    match function {
        Function::And if !argument.is_true() => Some(argument.clone()),
        Function::Or if argument.is_true() => Some(argument.clone()),
        _ => None,
    }
}

impl Function {
    pub(super) fn call(self, arguments: &[Value], data: &TemplateData<'_>) -> Result<Value, TemplateError> {
        self.apply(arguments, data).map_err(|error| match error {
            TemplateError::Render { what } => TemplateError::Render { what: format!("{}: {what}", self.name()) },
            other => other,
        })
    }

    fn apply(self, arguments: &[Value], data: &TemplateData<'_>) -> Result<Value, TemplateError> {
        let text = |text: String| Ok(Value::Text(text));
        match (self, arguments) {
            (Function::And | Function::Or, [.., last]) => Ok(last.clone()),
            (Function::Not, [value]) => Ok(Value::Bool(!value.is_true())),
            (Function::Eq, [first, rest @ ..]) if !rest.is_empty() => any_equal(first, rest),
            (Function::Ne, [a, b]) => Ok(Value::Bool(compare(a, b)? != Some(Ordering::Equal))),
            (Function::Lt, [a, b]) => Ok(Value::Bool(compare(a, b)? == Some(Ordering::Less))),
            (Function::Le, [a, b]) => Ok(Value::Bool(compare(a, b)?.is_some_and(Ordering::is_le))),
            (Function::Gt, [a, b]) => Ok(Value::Bool(compare(a, b)? == Some(Ordering::Greater))),
            (Function::Ge, [a, b]) => Ok(Value::Bool(compare(a, b)?.is_some_and(Ordering::is_ge))),
            (Function::Len, [value]) => len(value),
            (Function::Index, [Value::Labels(labels), Value::Text(name)]) => text(labels.get_or_empty(name).to_owned()),
            (Function::Print, values) => text(printf::print(values)),
            (Function::Println, values) => text(printf::println(values)),
            (Function::Printf, [Value::Text(format), values @ ..]) => text(printf::printf(format, values)),
            (Function::Urlquery, values) => text(query_escape(&printf::print(values))),
            (Function::Humanize, [value]) => text(humanize::decimal(value.number()?)),
            (Function::Humanize1024, [value]) => text(humanize::binary(value.number()?)),
            (Function::HumanizeDuration, [value]) => text(humanize::duration(value.number()?)),
            (Function::HumanizePercentage, [value]) => text(humanize::percentage(value.number()?)),
            (Function::HumanizeTimestamp, [value]) => text(humanize::timestamp(value.number()?)?),
            (Function::Title, [value]) => text(title(value.text()?)),
            (Function::ToUpper, [value]) => text(value.text()?.to_uppercase()),
            (Function::ToLower, [value]) => text(value.text()?.to_lowercase()),
            (Function::StripPort, [value]) => text(strip_port(value.text()?).to_owned()),
            (Function::StripDomain, [value]) => text(strip_domain(value.text()?)),
            (Function::Match, [pattern, value]) => Ok(Value::Bool(regex(pattern.text()?)?.is_match(value.text()?))),
            (Function::ReReplaceAll, [pattern, replacement, value]) => {
                text(regex(pattern.text()?)?.replace_all(value.text()?, replacement.text()?).into_owned())
            }
            (Function::GraphLink, [value]) => text(link(value.text()?, 0)),
            (Function::TableLink, [value]) => text(link(value.text()?, 1)),
            (Function::ParseDuration, [value]) => match DurationMs::parse(value.text()?) {
                Ok(duration) => Ok(Value::Float(duration.as_seconds())),
                Err(error) => failed(error.to_string()),
            },
            (Function::UrlQueryEscape, [value]) => text(query_escape(value.text()?)),
            (Function::SafeHtml, [value]) => text(value.text()?.to_owned()),
            (Function::ExternalUrl, []) => text(data.external_url.to_owned()),
            (Function::PathPrefix, []) => text(path(data.external_url).to_owned()),
            (_, arguments) => {
                let kinds: Vec<&str> = arguments.iter().map(Value::kind).collect();
                failed(format!("cannot be called with ({})", kinds.join(", ")))
            }
        }
    }
}

fn any_equal(first: &Value, rest: &[Value]) -> Result<Value, TemplateError> {
    for other in rest {
        if compare(first, other)? == Some(Ordering::Equal) {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

/// `None` where one side is NaN. Whole numbers and fractions compare by value, where Go refuses to.
fn compare(a: &Value, b: &Value) -> Result<Option<Ordering>, TemplateError> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(b))),
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => Ok(a.number()?.partial_cmp(&b.number()?)),
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        (Value::Bool(a), Value::Bool(b)) => Ok(Some(a.cmp(b))),
        (Value::Nil, Value::Nil) => Ok(Some(Ordering::Equal)),
        (a, b) => failed(format!("cannot compare a {} with a {}", a.kind(), b.kind())),
    }
}

fn len(value: &Value) -> Result<Value, TemplateError> {
    let len = match value {
        Value::Text(text) => text.len(),
        Value::Labels(labels) => labels.len(),
        other => return failed(format!("a {} has no length", other.kind())),
    };
    Ok(Value::Int(len as i64))
}

fn regex(pattern: &str) -> Result<Regex, TemplateError> {
    let built = RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build();
    built.or_else(|_| failed(format!("`{pattern}` is not a valid regular expression")))
}

/// Upper-cases the first letter of every word.
fn title(text: &str) -> String {
    let mut inside = false;
    text.chars()
        .flat_map(|c| {
            let first = !std::mem::replace(&mut inside, c.is_alphanumeric() || matches!(c, '_' | '\''));
            let upper = first.then(|| c.to_uppercase());
            upper.into_iter().flatten().chain((!first).then_some(c))
        })
        .collect()
}

/// `host:port` without the port; brackets of an IPv6 address go with it.
fn strip_port(address: &str) -> &str {
    if let Some(inner) = address.strip_prefix('[') {
        return inner.split_once("]:").map_or(address, |(host, _)| host);
    }
    match address.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        _ => address,
    }
}

/// The first part of a host name, with its port; addresses stay as they are.
fn strip_domain(address: &str) -> String {
    let host = strip_port(address);
    if host.parse::<std::net::IpAddr>().is_ok() {
        return address.to_owned();
    }
    let first = host.split('.').next().unwrap_or(host);
    match address.strip_prefix(host).filter(|port| port.starts_with(':')) {
        Some(port) => format!("{first}{port}"),
        None => first.to_owned(),
    }
}

/// The page's path for an expression; `tab` 0 is the graph, 1 the table (Prometheus `util/strutil`).
fn link(expression: &str, tab: u8) -> String {
    format!("/graph?g0.expr={}&g0.tab={tab}", query_escape(expression))
}

/// Go's `url.QueryEscape`: blanks become `+`, all but letters, digits and `-_.~` become percent codes.
pub(crate) fn query_escape(text: &str) -> String {
    const KEPT: percent_encoding::AsciiSet =
        percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');
    percent_encoding::utf8_percent_encode(text, &KEPT).to_string().replace(' ', "+")
}

fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |slash| &rest[slash..])
}

fn failed<T>(what: String) -> Result<T, TemplateError> {
    Err(TemplateError::Render { what })
}
