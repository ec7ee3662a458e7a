//! `POST /gelf` on the HTTP port: GELF in a body, with an answer that can be believed.

use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use http::header::{CONTENT_ENCODING, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use watchfire_api::Hold;
use watchfire_gelf::{Fault, HttpBatch, HttpInput};
use watchfire_model::{RecordSink, Refused};
use watchfire_store::Clock;

/// Faults that an answer spells out.
const FAULTS_SHOWN: usize = 10;

/// What the route needs.
#[derive(Clone)]
pub(crate) struct GelfHttp {
    pub(crate) input: Arc<HttpInput>,
    pub(crate) sink: Arc<dyn RecordSink>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The route; both spellings are in use.
pub(crate) fn routes(gelf: GelfHttp) -> Router {
    let body_max = gelf.input.body_max();
    Router::new()
        .route("/gelf", post(receive))
        .route("/gelf/", post(receive))
        .layer(DefaultBodyLimit::max(body_max))
        .with_state(gelf)
}

/// Answers 202 once everything that parses is durable (with a body only if something did not parse), 400 with the
/// reason when nothing parses, 503 when nothing can be stored now.
async fn receive(
    State(gelf): State<GelfHttp>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    // Some log handlers (graypy's) send and hang up without waiting: their records are stored all the same.
    Extension(_to_the_end): Extension<Hold>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let work = tokio::task::spawn_blocking(move || {
        let HttpBatch { records, mut faults, .. } =
            gelf.input.decode(encoding.as_deref(), &body, peer.ip(), gelf.clock.now());
        // Repairs are counted, but a message that was repaired is stored.
        faults.retain(|fault| fault.reason.is_loss());
        let count = records.len();
        let result = if records.is_empty() { Ok(()) } else { gelf.sink.store(records) };
        match result {
            Ok(()) => gelf.input.stored(count),
            Err(_) => gelf.input.refused(count),
        }
        (count, faults, result)
    });
    let Ok((stored, faults, result)) = work.await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    match result {
        Err(refused) => refuse(&refused),
        Ok(()) if faults.is_empty() && stored > 0 => StatusCode::ACCEPTED.into_response(),
        Ok(()) if stored > 0 => {
            let body = json!({"stored": stored, "refused": faults.len(), "faults": describe(&faults)});
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Ok(()) => {
            let reason = faults.first().map_or("the body holds no message", |fault| fault.reason.text());
            let body = json!({"error": {"message": reason}, "stored": 0, "refused": faults.len(), "faults": describe(&faults)});
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

fn refuse(refused: &Refused) -> Response {
    let body = Json(json!({"error": {"message": refused.to_string()}}));
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], body).into_response()
}

/// The first faults: which message of the body, counted from 0, and why.
fn describe(faults: &[Fault]) -> Vec<serde_json::Value> {
    let shown = faults.iter().take(FAULTS_SHOWN);
    shown.map(|fault| json!({"message": fault.index, "reason": fault.reason.text()})).collect()
}
