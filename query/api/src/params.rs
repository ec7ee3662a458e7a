//! Request parameters as Prometheus' clients send them: in the URL, or as a form in the body, or both.

use crate::error::{ApiError, PromError};
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use jiff::Timestamp as Instant;
use watchfire_model::{DurationMs, TimeNs, Timestamp};

/// Bytes that a form may have; a query text is limited further by its parser.
pub(crate) const FORM_BYTES_MAX: usize = 1 << 20;

/// The parameters of a request in order; a name may repeat (`match[]`). Those of the body come before those of the URL.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

/// A parameter that is missing or cannot be read. The wording is Prometheus' (`web/api/v1/api.go`, `invalidParamError`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParamError {
    #[error("invalid parameter {name:?}: {reason}")]
    Invalid { name: String, reason: String },
    #[error("unknown parameter `{name}`, this call knows {known}")]
    Unknown { name: String, known: String },
    #[error("no {name} parameter provided")]
    Missing { name: &'static str },
    /// In words of its own.
    #[error("{0}")]
    Other(String),
}

impl Params {
    /// The first value of `name` that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The first value of `name`, empty or not.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Refuses names that the call does not know: a misspelt one would change the answer without a word.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ParamError> {
        let unknown = self.names().find(|name| !known.contains(name));
        let error = |name: &str| ParamError::Unknown { name: name.to_owned(), known: known.join(", ") };
        unknown.map_or(Ok(()), |name| Err(error(name)))
    }

    /// Every name, as often as it was given.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// A time in milliseconds: Unix seconds with decimals, or RFC 3339.
    pub(crate) fn time(&self, name: &str) -> Result<Option<Timestamp>, ParamError> {
        self.parsed(name, |text| parse_time_ns(text).map(TimeNs::to_ms))
    }

    /// The same in nanoseconds.
    pub(crate) fn time_ns(&self, name: &str) -> Result<Option<TimeNs>, ParamError> {
        self.parsed(name, parse_time_ns)
    }

    /// A duration in milliseconds: seconds with decimals, or Prometheus' notation.
    pub(crate) fn duration_ms(&self, name: &str) -> Result<Option<i64>, ParamError> {
        self.parsed(name, parse_duration_ms)
    }

    /// A limit in Prometheus' way: `None` for 0 and where it is absent.
    pub(crate) fn limit(&self, name: &str) -> Result<Option<usize>, ParamError> {
        let parse = |text: &str| match text.parse::<i64>() {
            Ok(limit) if limit < 0 => Err("limit must be non-negative".to_owned()),
            Ok(limit) => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
            Err(_) => Err(format!("strconv.Atoi: parsing {text:?}: invalid syntax")),
        };
        Ok(self.parsed(name, parse)?.filter(|limit| *limit > 0))
    }

    /// A switch, in the words that Prometheus takes for one.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        let parse = |text: &str| match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
        };
        self.get(name).map(parse).transpose()
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>, ParamError> {
        self.parsed(name, |text| text.parse().map_err(|_| format!("`{text}` is not a whole number")))
    }

    pub(crate) fn parsed<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ParamError> {
        let value = self.get(name).map(parse).transpose();
        value.map_err(|reason| ParamError::Invalid { name: name.to_owned(), reason })
    }
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Params, Response> {
        let mut pairs = Vec::new();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let content_type =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_form = content_type.starts_with("application/x-www-form-urlencoded");
        if request.method() == Method::POST && is_form {
            let is_upstreams = request.uri().path().starts_with("/api/v1/");
            let body = Bytes::from_request(request, state).await;
            let body = body.map_err(|rejection| {
                let text = rejection.body_text();
                if is_upstreams {
                    return PromError::bad_data(format!("error parsing form values: {text}")).into_response();
                }
                ApiError::body(rejection.status(), text).into_response()
            })?;
            pairs.extend(form_urlencoded::parse(&body).into_owned());
        }
        pairs.extend(form_urlencoded::parse(query.as_bytes()).into_owned());
        Ok(Params(pairs))
    }
}

/// Reads Unix seconds (decimals up to nanoseconds are exact) or RFC 3339.
pub(crate) fn parse_time_ns(text: &str) -> Result<TimeNs, String> {
    let error = || format!("cannot parse {text:?} to a valid timestamp");
    if let Some(exact) = decimal_seconds_ns(text) {
        return Ok(TimeNs(exact));
    }
    if let Ok(seconds) = text.parse::<f64>() {
        let ns = seconds * 1e9;
        return if ns.abs() < i64::MAX as f64 { Ok(TimeNs(ns.round() as i64)) } else { Err(error()) };
    }
    let instant: Instant = text.parse().map_err(|_| error())?;
    i64::try_from(instant.as_nanosecond()).map(TimeNs).map_err(|_| error())
}

/// `1795046400.123` without going through floating point.
fn decimal_seconds_ns(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let fraction_ns: i64 = format!("{fraction:0<9}").parse().ok()?;
    let ns = whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(fraction_ns)?;
    Some(if negative { -ns } else { ns })
}

fn parse_duration_ms(text: &str) -> Result<i64, String> {
    let error = || format!("cannot parse {text:?} to a valid duration");
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = seconds * 1000.0;
        return if ms.abs() < i64::MAX as f64 { Ok(ms as i64) } else { Err(error()) };
    }
    DurationMs::parse(text).map(|duration| duration.0 as i64).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_time(text: &str, want: Option<i64>) {
        assert_eq!(parse_time_ns(text).ok().map(|time| time.0), want, "{text}");
    }

    #[test]
    fn times_are_seconds_or_rfc_3339() {
        check_time("1", Some(1_000_000_000));
        check_time("1795046400.123", Some(1_795_046_400_123_000_000));
        check_time("1795046400.123456789", Some(1_795_046_400_123_456_789));
        check_time("-1.5", Some(-1_500_000_000));
        check_time("1.4e9", Some(1_400_000_000_000_000_000));
        check_time("2015-07-01T20:10:51.781Z", Some(1_435_781_451_781_000_000));
        check_time("2015-07-01T22:10:51+02:00", Some(1_435_781_451_000_000_000));
        check_time("yesterday", None);
        check_time("1e400", None);
        check_time("NaN", None);
        check_time("", None);
    }

    fn params(query: &str) -> Params {
        Params(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    #[test]
    fn limits_and_switches_are_read_as_prometheus_reads_them() {
        let limit = |query| params(query).limit("limit").map_err(|error| error.to_string());
        assert_eq!(limit(""), Ok(None));
        assert_eq!(limit("limit=0"), Ok(None));
        assert_eq!(limit("limit=7"), Ok(Some(7)));
        assert_eq!(limit("limit=-1"), Err("invalid parameter \"limit\": limit must be non-negative".to_owned()));
        let wrong = "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax".to_owned();
        assert_eq!(limit("limit=x"), Err(wrong));
        let flag = |query| params(query).flag("on");
        assert_eq!((flag(""), flag("on=T"), flag("on=0")), (Ok(None), Ok(Some(true)), Ok(Some(false))));
        assert!(flag("on=yes").is_err());
    }

    #[track_caller]
    fn check_duration(text: &str, want: Option<i64>) {
        assert_eq!(parse_duration_ms(text).ok(), want, "{text}");
    }

    #[test]
    fn durations_are_seconds_or_prometheus_notation() {
        check_duration("15", Some(15_000));
        check_duration("0.5", Some(500));
        check_duration("1m30s", Some(90_000));
        check_duration("-5", Some(-5_000));
        check_duration("five", None);
    }
}
