//! `POST /gelf` on the HTTP port: GELF in a body, with an answer that can be believed.

use crate::bodies::{self, HeldBody};
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;
use watchfire_api::Hold;
use watchfire_gelf::{Fault, HttpBatch, HttpInput};
use watchfire_model::{LogRecord, MemoryPool, RecordSink};
use watchfire_store::Clock;

/// Faults that an answer spells out.
const FAULTS_SHOWN: usize = 10;

/// What the route needs.
#[derive(Clone)]
pub(crate) struct GelfHttp {
    pub(crate) input: Arc<HttpInput>,
    pub(crate) sink: Arc<dyn RecordSink>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Shared by all bodies.
    pub(crate) memory: Arc<MemoryPool>,
    /// Bodies are decoded so many at a time, as each may grow to the limit of its decompression.
    pub(crate) decoding: Arc<Semaphore>,
}

/// The route; both spellings are in use.
pub(crate) fn routes(gelf: GelfHttp) -> Router {
    Router::new().route("/gelf", post(receive)).route("/gelf/", post(receive)).with_state(gelf)
}

/// Answers 202 once everything that parses is durable (with a body only if something did not parse), 400 with the
/// reason when nothing parses, 503 when nothing can be stored now.
async fn receive(
    State(gelf): State<GelfHttp>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    // Some log handlers (graypy's) send and hang up without waiting: their records are stored all the same.
    Extension(_to_the_end): Extension<Hold>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let HeldBody { bytes, mut hold } = match bodies::read(body, &headers, gelf.input.body_max(), &gelf.memory).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let Ok(turn) = Arc::clone(&gelf.decoding).acquire_owned().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let work = tokio::task::spawn_blocking(move || {
        let HttpBatch { records, mut faults, .. } =
            gelf.input.decode(encoding.as_deref(), &bytes, peer.ip(), gelf.clock.now());
        drop(turn);
        drop(bytes);
        // Repairs are counted, but a message that was repaired is stored.
        faults.retain(|fault| fault.reason.is_loss());
        let count = records.len();
        let held = hold.resize(records.iter().map(memory_of).sum());
        let result = match held {
            _ if records.is_empty() => Ok(()),
            Ok(()) => gelf.sink.store(records).map_err(|refused| refused.to_string()),
            Err(full) => Err(full.to_string()),
        };
        match result {
            Ok(()) => gelf.input.stored(count),
            Err(_) => gelf.input.refused(count),
        }
        (count, faults, result)
    });
    let Ok((stored, faults, result)) = work.await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    match result {
        Err(refused) => bodies::busy(&refused),
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

/// Bytes that a record takes until the store has it, estimated.
fn memory_of(record: &LogRecord) -> u64 {
    const FIELD_BYTES: usize = 96;
    (size_of::<LogRecord>() + record.message.len() + record.fields.len() * FIELD_BYTES) as u64
}

/// The first faults: which message of the body, counted from 0, and why.
fn describe(faults: &[Fault]) -> Vec<serde_json::Value> {
    let shown = faults.iter().take(FAULTS_SHOWN);
    shown.map(|fault| json!({"message": fault.index, "reason": fault.reason.text()})).collect()
}
