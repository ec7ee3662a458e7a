//! Errors in the two forms that our clients expect: Prometheus' envelope, and our own with a position.

use crate::params::ParamError;
use crate::workers::WorkerError;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use watchfire_logquery::QueryError;
use watchfire_logstore::LogStoreError;
use watchfire_model::{Exhausted, SelectError};
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
    Unavailable,
}

/// An error on Prometheus' paths.
#[derive(Debug)]
pub(crate) struct PromError {
    kind: PromErrorKind,
    message: String,
}

impl PromError {
    pub(crate) fn bad_data(message: impl Into<String>) -> PromError {
        PromError { kind: PromErrorKind::BadData, message: message.into() }
    }

    /// A PromQL text in parameter `name` that does not parse.
    pub(crate) fn bad_query(name: &str, error: &ParseError) -> PromError {
        PromError::bad_data(format!("invalid parameter {name:?}: {error}"))
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
            PromErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(Envelope { status: "error", error_type: self.kind, error: self.message })).into_response()
    }
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
        PromError { kind, message: error.to_string() }
    }
}

impl From<SelectError> for PromError {
    fn from(error: SelectError) -> PromError {
        let kind = match &error {
            SelectError::Budget(Exhausted::Cancelled) => PromErrorKind::Canceled,
            SelectError::Budget(Exhausted::Samples { .. } | Exhausted::Memory { .. } | Exhausted::SharedMemory(_)) => {
                PromErrorKind::Execution
            }
            SelectError::Storage(_) => PromErrorKind::Internal,
        };
        PromError { kind, message: error.to_string() }
    }
}

impl From<EvalError> for PromError {
    fn from(error: EvalError) -> PromError {
        let kind = match &error {
            EvalError::Exhausted(Exhausted::Cancelled) => PromErrorKind::Canceled,
            EvalError::Storage(_) => PromErrorKind::Internal,
            _ => PromErrorKind::Execution,
        };
        PromError { kind, message: error.to_string() }
    }
}

/// An error on our own paths: `{"error":{"message","start","end"}}`, `start` and `end` being byte offsets in the
/// query text where the mistake has a place.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<usize>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError { status, body: ErrorBody { message: message.into(), start: None, end: None } }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Envelope {
            error: ErrorBody,
        }
        (self.status, Json(Envelope { error: self.body })).into_response()
    }
}

impl From<ParamError> for ApiError {
    fn from(error: ParamError) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> ApiError {
        let body = ErrorBody { message: error.to_string(), start: Some(error.span.start), end: Some(error.span.end) };
        ApiError { status: StatusCode::BAD_REQUEST, body }
    }
}

impl From<WorkerError> for ApiError {
    fn from(error: WorkerError) -> ApiError {
        let status = match error {
            WorkerError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            WorkerError::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            WorkerError::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        };
        ApiError::new(status, error.to_string())
    }
}

impl From<LogStoreError> for ApiError {
    fn from(error: LogStoreError) -> ApiError {
        let status = match &error {
            LogStoreError::Exhausted(_) => StatusCode::UNPROCESSABLE_ENTITY,
            LogStoreError::Limit { .. } | LogStoreError::Step | LogStoreError::TooManyBuckets { .. } => {
                StatusCode::BAD_REQUEST
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        ApiError::new(status, error.to_string())
    }
}
