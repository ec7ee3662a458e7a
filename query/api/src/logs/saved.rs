//! `/api/watchfire/v1/logs/saved`: queries with parameters under a name, and calls that use them.

mod template;

use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use crate::time_text::rfc3339_ns;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;
use template::expand;
use watchfire_catalog::{Catalog, Kind, Revision};
use watchfire_logquery::{Query, parse_at};
use watchfire_model::{DurationMs, TimeNs};

/// Parameters of one search.
const PARAMETERS_MAX: usize = 32;
/// Values that would change the shape of a query, each in another way, if they were anything but a literal.
const PROBES: [&str; 2] = ["wf\" OR (q:\\ /r | *) $s:'`\n\\\"", "wf /) | \\\" NOT [* TO \"{"];

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedSearch {
    description: String,
    query: String,
    parameters: Vec<Parameter>,
    /// How far back it looks, `1h`.
    range: Option<String>,
}

/// What stands for `$name` in the query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameter {
    name: String,
    /// The value where a request gives none; without it the request must.
    #[serde(default)]
    default: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

/// A search as it is answered.
#[derive(Debug, Serialize)]
pub(super) struct SavedBody {
    name: String,
    #[serde(flatten)]
    search: SavedSearch,
    version: u64,
    /// RFC 3339.
    changed: String,
}

#[derive(Debug, Serialize)]
pub(super) struct SavedListBody {
    saved: Vec<SavedBody>,
}

/// A search as it is sent: what was answered can be sent back with changes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PutBody {
    name: Option<String>,
    #[serde(default)]
    description: String,
    query: String,
    #[serde(default)]
    parameters: Vec<Parameter>,
    range: Option<String>,
    /// The one that was read; 0 where there must be none yet. Without it, whatever is there is replaced.
    version: Option<u64>,
    #[serde(rename = "changed")]
    _changed: Option<String>,
}

/// A query as a request asks for it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) query: Query,
    /// How far back a saved search looks, if it says so.
    pub(super) range_ns: Option<i64>,
}

/// `GET …/logs/saved`: all of them, sorted by name.
pub(super) async fn list(State(api): State<Arc<Api>>) -> Result<Json<SavedListBody>, ApiError> {
    let catalog = Arc::clone(&api.catalog);
    let read = move |_: &_| {
        let saved = catalog.list(Kind::SAVED_SEARCH).into_iter();
        saved.map(|(name, revision)| SavedBody::new(name, &revision)).collect::<Result<Vec<_>, _>>()
    };
    Ok(Json(SavedListBody { saved: api.workers.run(None, read).await?? }))
}

/// `GET …/logs/saved/NAME`.
pub(super) async fn get(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Result<Json<SavedBody>, ApiError> {
    let revision = find(&api.catalog, &name)?;
    Ok(Json(SavedBody::new(name, &revision)?))
}

/// `PUT …/logs/saved/NAME`: creates or replaces; 409 when `version` is not the current one.
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<SavedBody>, ApiError> {
    let body: PutBody = serde_json::from_slice(&body)
        .map_err(|error| ApiError::parameter(format!("the body is not a search as JSON: {error}")))?;
    if body.name.as_ref().is_some_and(|inner| *inner != name) {
        return Err(ApiError::parameter("the name in the body is not the one in the address: they must be the same"));
    }
    let (catalog, now) = (Arc::clone(&api.catalog), api.clock.now());
    let write = move |_: &_| -> Result<SavedBody, ApiError> {
        let PutBody { description, query, parameters, range, version, .. } = body;
        let search = SavedSearch { description, query, parameters, range: range.filter(|range| !range.is_empty()) };
        search.check(now)?;
        let revision = catalog.put(Kind::SAVED_SEARCH, &name, &search, version)?;
        SavedBody::new(name, &revision)
    };
    Ok(Json(api.workers.run(None, write).await??))
}

/// `DELETE …/logs/saved/NAME?version=`.
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    params: Params,
) -> Result<StatusCode, ApiError> {
    let version = params.number("version")?.map(|version| version as u64);
    let catalog = Arc::clone(&api.catalog);
    api.workers.run(None, move |_| catalog.delete(Kind::SAVED_SEARCH, &name, version)).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads `query`, or `saved` with its `param.NAME`s; names outside `known` (besides those) are errors.
pub(super) fn read_query(api: &Api, params: &Params, known: &[&str]) -> Result<Asked, ApiError> {
    let is_known =
        |name: &str| matches!(name, "query" | "saved") || name.starts_with(PARAM_PREFIX) || known.contains(&name);
    if let Some(unknown) = params.names().find(|name| !is_known(name)) {
        let names = known.join(", ");
        let message = format!("unknown parameter `{unknown}`, this call knows query, saved, param.NAME, {names}");
        return Err(ApiError::parameter(message));
    }
    let Some(name) = params.get("saved") else {
        if let Some(stray) = params.names().find(|name| name.starts_with(PARAM_PREFIX)) {
            return Err(ApiError::parameter(format!("`{stray}` belongs to a saved search: name it with `saved`")));
        }
        let query = parse_at(params.get("query").unwrap_or_default(), api.clock.now())?;
        return Ok(Asked { query, range_ns: None });
    };
    if params.get("query").is_some() {
        return Err(ApiError::parameter("give either `query` or `saved`"));
    }
    let search: SavedSearch = find(&api.catalog, name)?.read()?;
    let query = search.with_values(params, api.clock.now())?;
    Ok(Asked { query, range_ns: search.range_ns()? })
}

const PARAM_PREFIX: &str = "param.";

fn find(catalog: &Catalog, name: &str) -> Result<Revision, ApiError> {
    let missing = || ApiError::new(StatusCode::NOT_FOUND, format!("there is no saved search `{name}`"));
    catalog.get(Kind::SAVED_SEARCH, name).ok_or_else(missing)
}

impl SavedBody {
    fn new(name: String, revision: &Revision) -> Result<SavedBody, ApiError> {
        let search = revision.read()?;
        Ok(SavedBody { name, search, version: revision.version, changed: rfc3339_ns(revision.changed) })
    }
}

impl SavedSearch {
    /// Refuses what could not be asked later.
    fn check(&self, now: TimeNs) -> Result<(), ApiError> {
        if self.parameters.len() > PARAMETERS_MAX {
            return Err(ApiError::parameter(format!("a search has at most {PARAMETERS_MAX} parameters")));
        }
        let mut names = HashSet::new();
        for Parameter { name, default, .. } in &self.parameters {
            if !template::is_name(name) || !names.insert(name) {
                let message =
                    format!("`{name}` cannot be a parameter's name here: letters, digits and _, each name once");
                return Err(ApiError::parameter(message));
            }
            if default.as_ref().is_some_and(|value| value.len() > template::VALUE_LEN_MAX) {
                return Err(ApiError::parameter(format!("the default of `{name}` is too long")));
            }
        }
        self.range_ns()?;
        self.parse(now, |parameter| Some(parameter.default.as_deref().unwrap_or("1")))?;
        let is_safe = |probed: &Parameter| {
            let shape = |probe| self.shape(now, &probed.name, probe);
            shape(PROBES[0]) == shape(PROBES[1])
        };
        let Some(unsafe_one) = self.parameters.iter().find(|parameter| !is_safe(parameter)) else { return Ok(()) };
        let name = &unsafe_one.name;
        let message =
            format!("`${name}` stands where its value would not be one literal: let it stand alone as a value");
        Err(ApiError::query(message))
    }

    /// The tree of the query with `probe` for one parameter, written down without the probe; `None` where only values of
    /// another sort (numbers) can stand.
    fn shape(&self, now: TimeNs, probed: &str, probe: &'static str) -> Option<String> {
        let value = |parameter: &Parameter| if parameter.name == probed { Some(probe) } else { None };
        let query =
            self.parse(now, |parameter| value(parameter).or(parameter.default.as_deref()).or(Some("1"))).ok()?;
        // Debug output of a tree shows every text in it, and where each ends.
        Some(format!("{:?} {:?}", query.expr, query.pipes).replace(&format!("{probe:?}"), "$"))
    }

    /// The query with a value for each parameter.
    fn parse<'v>(&'v self, now: TimeNs, value: impl Fn(&'v Parameter) -> Option<&'v str>) -> Result<Query, ApiError> {
        let parameter = |name: &str| self.parameters.iter().find(|parameter| parameter.name == name);
        let text = expand(&self.query, |name| value(parameter(name)?))?;
        parse_at(&text, now).map_err(|error| {
            if text == self.query {
                return ApiError::from(error);
            }
            // A position in what it expands to would point beside the mistake.
            ApiError::query(format!("{error}, in `{text}`"))
        })
    }

    /// The query with the values that a request gives, else with the defaults.
    fn with_values(&self, params: &Params, now: TimeNs) -> Result<Query, ApiError> {
        let given = |name: &str| params.given(&format!("{PARAM_PREFIX}{name}"));
        let is_declared = |name: &str| self.parameters.iter().any(|parameter| parameter.name == name);
        let names = params.names().filter_map(|name| name.strip_prefix(PARAM_PREFIX));
        if let Some(unknown) = names.into_iter().find(|name| !is_declared(name)) {
            return Err(ApiError::parameter(format!("the search has no parameter `{unknown}`")));
        }
        let missing = |parameter: &&Parameter| parameter.default.is_none() && given(&parameter.name).is_none();
        if let Some(Parameter { name, .. }) = self.parameters.iter().find(missing) {
            return Err(ApiError::parameter(format!(
                "the search needs a value for `{name}`: give `{PARAM_PREFIX}{name}`"
            )));
        }
        self.parse(now, |parameter| given(&parameter.name).or(parameter.default.as_deref()))
    }

    fn range_ns(&self) -> Result<Option<i64>, ApiError> {
        let Some(range) = &self.range else { return Ok(None) };
        let bad = || ApiError::parameter(format!("`range` is {range:?}, write for example 1h or 7d"));
        let ms = DurationMs::parse(range).map_err(|_| bad())?.0;
        i64::try_from(ms).ok().and_then(|ms| ms.checked_mul(1_000_000)).filter(|ns| *ns > 0).ok_or_else(bad).map(Some)
    }
}

impl From<template::TemplateError> for ApiError {
    fn from(error: template::TemplateError) -> ApiError {
        match error.span() {
            Some(span) => ApiError::query_at(error.to_string(), &span),
            None => ApiError::parameter(error.to_string()),
        }
    }
}
