//! `GET /federate?match[]=`: the newest sample of each selected series as a page to scrape.
//! Contract: <https://prometheus.io/docs/prometheus/latest/federation/>; Prometheus 3.14, `web/federate.go`.

use super::number::write_shortest;
use super::selectors::selectors;
use crate::Api;
use crate::error::PromError;
use crate::params::Params;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use watchfire_model::{
    EscapingScheme, Exhausted, Labels, METRIC_NAME, QueryBudget, Samples, SelectError, SeriesReader, TimeRange,
    Timestamp, escape_name, is_stale,
};

/// The newest sample of one series.
#[derive(Debug)]
struct Newest {
    labels: Labels,
    time: i64,
    value: f64,
}

/// The page, and what it takes of the query's memory.
struct Page<'b> {
    text: String,
    taken: usize,
    scheme: EscapingScheme,
    /// What a series gets that lacks it.
    external: Labels,
    budget: &'b QueryBudget,
}

/// The text format has no native histograms: their series are left out. `match[]` is a selector that a sample within the
/// lookback passes.
pub(super) async fn federate(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, PromError> {
    let scheme = scheme(headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default());
    let selectors = selectors(&params)?;
    let end = api.clock.now().to_ms();
    let lookback = i64::try_from(api.lookback.0).unwrap_or(i64::MAX);
    let range = TimeRange { start: Timestamp(end.0.saturating_sub(lookback).saturating_add(1)), end };
    let external = api.host.external_labels();
    let series = api.source();
    let work = move |budget: &QueryBudget| {
        let mut found = BTreeMap::new();
        for matchers in &selectors {
            for reader in series.select(matchers, range, budget)? {
                if let Some(newest) = newest(&*reader, range, budget)? {
                    let name = newest.labels.get_or_empty(METRIC_NAME).to_owned();
                    found.insert((name, newest.labels.clone()), newest);
                }
            }
        }
        let mut page = Page { text: String::new(), taken: 0, scheme, external, budget };
        let mut family = None;
        for ((name, _), newest) in found {
            page.put(&newest, family.as_ref() != Some(&name))?;
            family = Some(name);
        }
        Ok::<_, SelectError>(page.text)
    };
    let text = api.workers.run(None, work).await??;
    let content_type = format!("text/plain; version=0.0.4; charset=utf-8; escaping={}", scheme.as_str());
    Ok(([(CONTENT_TYPE, content_type)], text).into_response())
}

/// What the client says of names beyond the letters of old; underscores, as upstream, where it says nothing.
fn scheme(accept: &str) -> EscapingScheme {
    let mut words = accept.split([';', ',']).filter_map(|part| part.trim().strip_prefix("escaping="));
    words.find_map(EscapingScheme::parse).unwrap_or(EscapingScheme::Underscores)
}

fn newest(reader: &dyn SeriesReader, range: TimeRange, budget: &QueryBudget) -> Result<Option<Newest>, SelectError> {
    let mut samples = Samples::default();
    reader.read(range, budget, &mut samples)?;
    budget.return_samples(samples.weight_from(0));
    let Some(last) = samples.len().checked_sub(1) else { return Ok(None) };
    let is_histogram = samples.histograms.get(last).is_some_and(Option::is_some);
    let (time, value) = (samples.times[last], samples.values[last]);
    let labels = reader.labels().clone();
    Ok((!is_histogram && !is_stale(value)).then_some(Newest { labels, time, value }))
}

impl Page<'_> {
    fn put(&mut self, sample: &Newest, is_first: bool) -> Result<(), Exhausted> {
        let name = sample.labels.get_or_empty(METRIC_NAME);
        let name = escape_name(name, self.scheme);
        let is_quoted = !name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':'))
            || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'));
        let text = &mut self.text;
        if is_first {
            text.push_str("# TYPE ");
            if is_quoted {
                quote(text, &name);
            } else {
                text.push_str(&name);
            }
            text.push_str(" untyped\n");
        }
        let mut between = '{';
        if is_quoted {
            text.push('{');
            quote(text, &name);
            between = ',';
        } else {
            text.push_str(&name);
        }
        let own = sample.labels.iter().filter(|label| label.name != METRIC_NAME);
        // A series without an instance says so: the scraper's own must not take its place.
        let instance = self.external.get("instance").is_none().then_some(("instance", ""));
        let external = self.external.iter().map(|label| (label.name.as_str(), label.value.as_str()));
        let further: BTreeMap<&str, &str> = external.chain(instance).collect();
        let further = further.into_iter().filter(|(name, _)| sample.labels.get(name).is_none());
        let labels = own.map(|label| (label.name.as_str(), label.value.as_str())).chain(further);
        for (label, value) in labels {
            text.push(between);
            between = ',';
            let label = escape_name(label, self.scheme);
            if label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                text.push_str(&label);
            } else {
                quote(text, &label);
            }
            text.push('=');
            quote(text, value);
        }
        text.push_str(if between == ',' { "} " } else { " " });
        write_shortest(text, sample.value);
        let _ = writeln!(text, " {}", sample.time);
        let more = self.text.capacity().saturating_sub(self.taken);
        self.taken += more;
        self.budget.take_memory(more as u64)
    }
}

/// In double quotes, as the text format escapes them.
fn quote(text: &mut String, value: &str) {
    text.push('"');
    for char in value.chars() {
        match char {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            char => text.push(char),
        }
    }
    text.push('"');
}
