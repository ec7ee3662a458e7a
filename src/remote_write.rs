//! `POST /api/v1/write`: Prometheus' remote write, versions 1.0 and 2.0, at the path that Prometheus itself receives it.

use crate::bodies::{Bodies, HeldBody};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::error::Error;
use std::sync::Arc;
use watchfire_api::Hold;
use watchfire_push::{Receiver, WriteError, Written};

/// The headers in which version 2.0 says what is stored.
const WRITTEN_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-prometheus-remote-write-samples-written"),
    HeaderName::from_static("x-prometheus-remote-write-histograms-written"),
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written"),
];

/// What the route needs.
#[derive(Debug, Clone)]
pub(crate) struct RemoteWrite {
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) bodies: Bodies,
}

pub(crate) fn routes(write: RemoteWrite) -> Router {
    Router::new().route("/api/v1/write", post(receive)).with_state(write)
}

/// Answers 204 once every sample is durable, 400 when some will never be taken, 503 when the sender should come again.
async fn receive(
    State(write): State<RemoteWrite>,
    // A sender that hangs up has its samples stored all the same.
    Extension(_to_the_end): Extension<Hold>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let HeldBody { bytes, hold } = match write.bodies.read(body, &headers, write.receiver.body_max()).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (content_type, encoding) = (text(CONTENT_TYPE), text(CONTENT_ENCODING));
    let work = tokio::task::spawn_blocking(move || {
        let result = write.receiver.write(&bytes, content_type.as_deref(), encoding.as_deref());
        drop(hold);
        result
    });
    match work.await {
        Ok(Ok(written)) => answer(StatusCode::NO_CONTENT, written, String::new()),
        Ok(Err(error)) => refuse(&error),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refuse(error: &WriteError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    let mut response = answer(status, error.written(), text + "\n");
    if let Some(pause) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(pause.as_secs()));
    }
    response
}

fn answer(status: StatusCode, written: Written, text: String) -> Response {
    let mut response = (status, text).into_response();
    let counts = [written.samples, written.histograms, written.exemplars];
    for (name, count) in WRITTEN_HEADERS.into_iter().zip(counts) {
        response.headers_mut().insert(name, HeaderValue::from(count));
    }
    response
}
