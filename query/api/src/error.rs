//! Errors in the two forms that our clients expect: Prometheus' envelope, and our own with a position.

use crate::params::ParamError;
use crate::refusal::Refusal;
use crate::suggestion::suggestion;
use crate::workers::WorkerError;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use std::ops::Range;
use watchfire_catalog::CatalogError;
use watchfire_logquery::{QueryError, RunError};
use watchfire_logstore::LogStoreError;
use watchfire_model::{Exhausted, LogSourceError, SelectError};
use watchfire_promql::{EvalError, ParseError};

/// Prometheus' `errorType` (`web/api/v1/api.go`), each with its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PromErrorKind {
    BadData,
    Execution,
    Canceled,
    Timeout,
    Internal,
    NotFound,
    Unavailable,
}

/// An error on Prometheus' paths.
#[derive(Debug)]
pub(crate) struct PromError {
    kind: PromErrorKind,
    message: String,
    refusal: Option<Refusal>,
}

impl PromError {
    pub(crate) fn bad_data(message: impl Into<String>) -> PromError {
        PromError { kind: PromErrorKind::BadData, message: message.into(), refusal: Some(Refusal::parameter) }
    }

    /// What does not exist here.
    pub(crate) fn not_found(message: impl Into<String>) -> PromError {
        PromError { kind: PromErrorKind::NotFound, message: message.into(), refusal: None }
    }

    /// What is switched off, or cannot be done at the moment.
    pub(crate) fn unavailable(message: impl Into<String>) -> PromError {
        PromError { kind: PromErrorKind::Unavailable, message: message.into(), refusal: None }
    }

    /// A failure of ours.
    pub(crate) fn internal(message: impl Into<String>) -> PromError {
        PromError { kind: PromErrorKind::Internal, message: message.into(), refusal: None }
    }

    /// What the error says, and where it says so.
    pub(crate) fn parts(self) -> (PromErrorKind, String) {
        (self.kind, self.message)
    }

    /// A PromQL text that does not parse, where upstream names no parameter.
    pub(crate) fn unparsed(error: &ParseError) -> PromError {
        PromError { refusal: Some(Refusal::query), ..PromError::bad_data(error.to_string()) }
    }

    /// A PromQL text in parameter `name` that does not parse.
    pub(crate) fn bad_query(name: &str, error: &ParseError) -> PromError {
        let message = format!("invalid parameter {name:?}: {error}");
        PromError { kind: PromErrorKind::BadData, message, refusal: Some(Refusal::query) }
    }
}

impl IntoResponse for PromError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Envelope {
            status: &'static str,
            error_type: PromErrorKind,
            error: String,
        }
        let status = match self.kind {
            PromErrorKind::BadData => StatusCode::BAD_REQUEST,
            PromErrorKind::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            PromErrorKind::Canceled | PromErrorKind::Timeout | PromErrorKind::Unavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            PromErrorKind::NotFound => StatusCode::NOT_FOUND,
            PromErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let body = Json(Envelope { status: "error", error_type: self.kind, error: self.message });
        refused(self.refusal, (status, body).into_response())
    }
}

/// Lets the response say to [`crate::refusal::count_refusals`] why there is no answer.
fn refused(refusal: Option<Refusal>, mut response: Response) -> Response {
    if let Some(refusal) = refusal {
        response.extensions_mut().insert(refusal);
    }
    response
}

impl From<ParamError> for PromError {
    fn from(error: ParamError) -> PromError {
        PromError::bad_data(error.to_string())
    }
}

impl From<WorkerError> for PromError {
    fn from(error: WorkerError) -> PromError {
        let kind = match error {
            WorkerError::Busy => PromErrorKind::Unavailable,
            WorkerError::TimedOut(_) => PromErrorKind::Timeout,
            WorkerError::Panicked => PromErrorKind::Internal,
        };
        let message = match error {
            WorkerError::TimedOut(_) => "query timed out in expression evaluation".to_owned(),
            error => error.to_string(),
        };
        PromError { kind, message, refusal: error.refusal() }
    }
}

impl From<SelectError> for PromError {
    fn from(error: SelectError) -> PromError {
        let kind = match &error {
            SelectError::Budget(Exhausted::Cancelled) => PromErrorKind::Canceled,
            SelectError::Budget(Exhausted::Samples { .. } | Exhausted::Memory { .. } | Exhausted::SharedMemory(_)) => {
                PromErrorKind::Execution
            }
            SelectError::Refused(_) => PromErrorKind::Execution,
            SelectError::Storage(_) => PromErrorKind::Internal,
        };
        let refusal = if let SelectError::Budget(exhausted) = &error { Refusal::of(exhausted) } else { None };
        PromError { kind, message: error.to_string(), refusal }
    }
}

impl From<EvalError> for PromError {
    fn from(error: EvalError) -> PromError {
        let kind = match &error {
            EvalError::Exhausted(Exhausted::Cancelled) => PromErrorKind::Canceled,
            EvalError::Parse(_) => PromErrorKind::BadData,
            EvalError::Storage(_) => PromErrorKind::Internal,
            _ => PromErrorKind::Execution,
        };
        let refusal = if let EvalError::Exhausted(exhausted) = &error { Refusal::of(exhausted) } else { None };
        PromError { kind, message: error.to_string(), refusal }
    }
}

/// An error on our own paths: `{"error":{"message","start","end","suggestion"}}`, `start` and `end` being byte offsets in
/// the query text where the mistake has a place, `suggestion` what to put there instead.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    refusal: Option<Refusal>,
}

#[derive(Debug, Default, Serialize)]
struct ErrorBody {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError { status, body: ErrorBody { message: message.into(), ..ErrorBody::default() }, refusal: None }
    }

    /// A parameter that is wrong.
    pub(crate) fn parameter(message: impl Into<String>) -> ApiError {
        ApiError { refusal: Some(Refusal::parameter), ..ApiError::new(StatusCode::BAD_REQUEST, message) }
    }

    /// A body that cannot be taken.
    pub(crate) fn body(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError { refusal: Some(Refusal::parameter), ..ApiError::new(status, message) }
    }

    /// Too many of something at once.
    pub(crate) fn busy(message: impl Into<String>) -> ApiError {
        ApiError { refusal: Some(Refusal::busy), ..ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message) }
    }

    /// A query of a kind that this call does not answer.
    pub(crate) fn query(message: impl Into<String>) -> ApiError {
        ApiError { refusal: Some(Refusal::query), ..ApiError::new(StatusCode::BAD_REQUEST, message) }
    }

    /// The same, with its place in the query's text.
    pub(crate) fn query_at(message: impl Into<String>, span: &Range<usize>) -> ApiError {
        let mut error = ApiError::query(message);
        (error.body.start, error.body.end) = (Some(span.start), Some(span.end));
        error
    }

    /// The error as it stands in an answer that has begun already: `{"error":{…}}`.
    pub(crate) fn to_json(&self) -> String {
        let envelope = Envelope { error: &self.body };
        serde_json::to_string(&envelope).expect("an error's body has string keys and serializes without error")
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: &'a ErrorBody,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        refused(self.refusal, (self.status, Json(Envelope { error: &self.body })).into_response())
    }
}

impl From<ParamError> for ApiError {
    fn from(error: ParamError) -> ApiError {
        ApiError::parameter(error.to_string())
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> ApiError {
        let (start, end) = (Some(error.span.start), Some(error.span.end));
        let body = ErrorBody { message: error.to_string(), start, end, suggestion: suggestion(&error) };
        ApiError { status: StatusCode::BAD_REQUEST, body, refusal: Some(Refusal::query) }
    }
}

impl From<WorkerError> for ApiError {
    fn from(error: WorkerError) -> ApiError {
        let status = match error {
            WorkerError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            WorkerError::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            WorkerError::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        };
        ApiError { refusal: error.refusal(), ..ApiError::new(status, error.to_string()) }
    }
}

impl From<LogStoreError> for ApiError {
    fn from(error: LogStoreError) -> ApiError {
        let status = match &error {
            LogStoreError::Exhausted(exhausted) => return (*exhausted).into(),
            LogStoreError::Limit { .. } | LogStoreError::Step | LogStoreError::TooManyBuckets { .. } => {
                StatusCode::BAD_REQUEST
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        ApiError::new(status, error.to_string())
    }
}

impl From<Exhausted> for ApiError {
    fn from(error: Exhausted) -> ApiError {
        let refusal = Refusal::of(&error);
        ApiError { refusal, ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()) }
    }
}

impl From<LogSourceError> for ApiError {
    fn from(error: LogSourceError) -> ApiError {
        match error {
            LogSourceError::Exhausted(exhausted) => exhausted.into(),
            LogSourceError::TooManyGroups(_) => {
                let refusal = Some(Refusal::groups);
                ApiError { refusal, ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()) }
            }
            LogSourceError::Failed(_) => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}

impl From<RunError> for ApiError {
    fn from(error: RunError) -> ApiError {
        match error {
            RunError::Source(error) => error.into(),
            error => ApiError::query(error.to_string()),
        }
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> ApiError {
        let status = match &error {
            CatalogError::Name { .. } => StatusCode::BAD_REQUEST,
            CatalogError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            CatalogError::TooMany { .. } | CatalogError::Conflict { .. } => StatusCode::CONFLICT,
            CatalogError::NotFound { .. } => StatusCode::NOT_FOUND,
            CatalogError::Full { .. } | CatalogError::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
            CatalogError::Json(_) | CatalogError::Storage(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        ApiError::new(status, error.to_string())
    }
}
