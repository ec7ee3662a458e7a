//! `/api/v1/search/*`: names and values that fit a few typed letters, as lines of JSON.
//! Contract: Prometheus 3.14, `web/api/v1/search.go`.

mod score;

use self::score::{Algorithm, Pattern};
use super::selectors::selectors;
use crate::Api;
use crate::error::PromError;
use crate::params::Params;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use watchfire_model::{METRIC_NAME, Matcher, MetricMetadata, TimeRange, Timestamp};

/// Results where the request does not say how many.
const LIMIT: usize = 100;
/// Results in a line where the request does not say.
const BATCH: usize = 100;
/// How far back is looked where the request does not say, in milliseconds.
const RANGE_MS: i64 = 3_600_000;
/// Texts to search for in one request.
const SEARCHES_MAX: usize = 64;

/// What is searched.
#[derive(Debug, Clone)]
enum Subject {
    LabelNames,
    /// Of this label.
    LabelValues(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
    /// The best first.
    Score,
}

/// A request, read.
#[derive(Debug)]
struct Search {
    subject: Subject,
    selectors: Vec<Vec<Matcher>>,
    range: Option<TimeRange>,
    patterns: Vec<Pattern>,
    order: Order,
    include_score: bool,
    limit: usize,
    batch: usize,
}

#[derive(Debug, Serialize)]
struct Found<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(flatten)]
    metadata: Option<Known<'a>>,
}

#[derive(Debug, Serialize)]
struct Known<'a> {
    #[serde(flatten)]
    metadata: &'a MetricMetadata,
}

#[derive(Debug, Serialize)]
struct Batch<'a> {
    results: &'a [Found<'a>],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

#[derive(Debug, Serialize)]
struct Trailer {
    status: &'static str,
    has_more: bool,
}

/// `GET|POST /api/v1/search/metric_names?search[]=&include_metadata=…`.
pub(super) async fn metric_names(State(api): State<Arc<Api>>, params: Params) -> Result<Response, PromError> {
    let include_metadata = switch(&params, "include_metadata", false)?;
    let search = Search::read(&api, &params, "metric_names", Subject::LabelValues(METRIC_NAME.to_owned()))?;
    answer(api, search, include_metadata).await
}

/// `GET|POST /api/v1/search/label_names?search[]=…`.
pub(super) async fn label_names(State(api): State<Arc<Api>>, params: Params) -> Result<Response, PromError> {
    let search = Search::read(&api, &params, "label_names", Subject::LabelNames)?;
    answer(api, search, false).await
}

/// `GET|POST /api/v1/search/label_values?label=&search[]=…`.
pub(super) async fn label_values(State(api): State<Arc<Api>>, params: Params) -> Result<Response, PromError> {
    let label = params.get("label").ok_or_else(|| PromError::bad_data("missing required parameter \"label\""))?;
    let search = Search::read(&api, &params, "label_values", Subject::LabelValues(label.to_owned()))?;
    answer(api, search, false).await
}

async fn answer(api: Arc<Api>, search: Search, include_metadata: bool) -> Result<Response, PromError> {
    let known: BTreeMap<String, Vec<MetricMetadata>> =
        if include_metadata { api.tsdb.metadata().into_iter().collect() } else { BTreeMap::new() };
    let series = api.source();
    let work = move |budget: &watchfire_model::QueryBudget| {
        let Some(range) = search.range else { return Ok(search.lines(Vec::new(), &known, &[])) };
        let names = match &search.subject {
            Subject::LabelNames => series.label_names(&search.selectors, range, budget)?,
            Subject::LabelValues(label) => series.label_values(label, &search.selectors, range, budget)?,
        };
        Ok::<_, PromError>(search.lines(names, &known, &series.missing(range)))
    };
    let lines = api.workers.run(None, work).await??;
    Ok(([(CONTENT_TYPE, "application/x-ndjson; charset=utf-8")], Body::from(Bytes::from(lines))).into_response())
}

impl Search {
    fn read(api: &Api, params: &Params, call: &str, subject: Subject) -> Result<Search, PromError> {
        let now = api.clock.now().to_ms();
        let start = params.time("start")?.unwrap_or(Timestamp(now.0.saturating_sub(RANGE_MS)));
        let end = params.time("end")?.unwrap_or(now);
        let searches: Vec<&str> = params.all("search[]").collect();
        if searches.len() > SEARCHES_MAX {
            return Err(PromError::bad_data(format!("more than {SEARCHES_MAX} search[] parameters")));
        }
        let threshold = whole(params, "fuzz_threshold", "must be 0-100")?.unwrap_or(0);
        if threshold > 100 {
            return Err(PromError::bad_data(format!("invalid fuzz_threshold \"{threshold}\": must be 0-100")));
        }
        let algorithm = match params.get("fuzz_alg") {
            None | Some("subsequence") => Algorithm::Subsequence,
            Some("jarowinkler") => Algorithm::JaroWinkler,
            Some(other) => {
                let text = format!("unsupported fuzz_alg {other:?}: must be one of [subsequence jarowinkler]");
                return Err(PromError::bad_data(text));
            }
        };
        let case_sensitive = switch(params, "case_sensitive", true)?;
        let pattern = |text: &&str| Pattern::new(text, algorithm, threshold as f64 / 100.0, case_sensitive);
        let non_negative = "must be non-negative integer";
        Ok(Search {
            subject,
            selectors: selectors(params)?,
            range: (start <= end).then_some(TimeRange { start, end }),
            patterns: searches.iter().map(pattern).collect(),
            order: order(params, call, searches.is_empty())?,
            include_score: switch(params, "include_score", false)?,
            limit: whole(params, "limit", non_negative)?.filter(|limit| *limit > 0).unwrap_or(LIMIT),
            batch: whole(params, "batch_size", non_negative)?.filter(|size| *size > 0).unwrap_or(BATCH),
        })
    }

    /// The best of what any of the patterns says; `None` where none of them fits.
    fn score(&self, name: &str) -> Option<f64> {
        if self.patterns.is_empty() {
            return Some(1.0);
        }
        self.patterns.iter().filter_map(|pattern| pattern.score(name)).max_by(f64::total_cmp)
    }

    /// The whole answer: lines with results, and one that says how it ended.
    fn lines(&self, names: Vec<String>, known: &BTreeMap<String, Vec<MetricMetadata>>, missing: &[String]) -> Vec<u8> {
        let mut found: Vec<(String, f64)> =
            names.into_iter().filter_map(|name| self.score(&name).map(|score| (name, score))).collect();
        match self.order {
            Order::Ascending => {} // as they come
            Order::Descending => found.reverse(),
            Order::Score => found.sort_by(|a, b| match b.1.total_cmp(&a.1) {
                Ordering::Equal => a.0.cmp(&b.0),
                unequal => unequal,
            }),
        }
        let has_more = found.len() > self.limit;
        found.truncate(self.limit);
        let results: Vec<Found<'_>> = found
            .iter()
            .map(|(name, score)| Found {
                name,
                score: self.include_score.then_some(*score),
                metadata: known.get(name).and_then(|all| all.last()).map(|metadata| Known { metadata }),
            })
            .collect();
        let mut lines = Vec::new();
        let mut batches = results.chunks(self.batch);
        put(&mut lines, &Batch { results: batches.next().unwrap_or_default(), warnings: missing });
        for results in batches {
            put(&mut lines, &Batch { results, warnings: &[] });
        }
        put(&mut lines, &Trailer { status: "success", has_more });
        lines
    }
}

fn put(lines: &mut Vec<u8>, line: &impl Serialize) {
    serde_json::to_writer(&mut *lines, line).expect("results have string keys and serialize without error");
    lines.push(b'\n');
}

fn order(params: &Params, call: &str, is_without_search: bool) -> Result<Order, PromError> {
    let refuse = |text: String| Err(PromError::bad_data(text));
    match (params.get("sort_by"), params.get("sort_dir")) {
        (None, Some(_)) => refuse("sort_dir is only valid when sort_by is set".to_owned()),
        (Some("score"), Some(_)) => refuse("sort_dir is not supported for sort_by=score".to_owned()),
        (Some("score"), None) if is_without_search => refuse("sort_by=score requires search[] to be set".to_owned()),
        (Some("score"), None) => Ok(Order::Score),
        (None, None) | (Some("alpha"), None | Some("asc")) => Ok(Order::Ascending),
        (Some("alpha"), Some("dsc")) => Ok(Order::Descending),
        (Some("alpha"), Some(other)) => refuse(format!("invalid sort_dir {other:?}: must be \"asc\" or \"dsc\"")),
        (Some(other), _) => refuse(format!("invalid sort_by {other:?} for {call}: must be \"alpha\" or \"score\"")),
    }
}

fn switch(params: &Params, name: &str, default: bool) -> Result<bool, PromError> {
    let value = params.flag(name);
    let given = params.get(name).unwrap_or_default();
    let value = value.map_err(|_| PromError::bad_data(format!("invalid {name} {given:?}: must be boolean")))?;
    Ok(value.unwrap_or(default))
}

fn whole(params: &Params, name: &str, must: &str) -> Result<Option<usize>, PromError> {
    let value = params.get(name).map(|text| text.parse().map_err(|_| format!("invalid {name} {text:?}: {must}")));
    value.transpose().map_err(PromError::bad_data)
}
