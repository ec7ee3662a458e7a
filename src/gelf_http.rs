//! `POST /gelf` on the HTTP port: GELF in a body, with an answer that can be believed.

use crate::bodies::{self, Bodies, HeldBody};
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use watchfire_api::Hold;
use watchfire_gelf::{Fault, HttpInput, HttpOutcome};
use watchfire_model::{Ledger, LogRecord, MemoryHold, Receipt, RecordSink, Refused};
use watchfire_store::Clock;

/// Faults that an answer spells out.
const FAULTS_SHOWN: usize = 10;

/// What the route needs.
#[derive(Clone)]
pub(crate) struct GelfHttp {
    pub(crate) input: Arc<HttpInput>,
    pub(crate) sink: Arc<dyn RecordSink>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) bodies: Bodies,
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
    let HeldBody { bytes, hold } = match gelf.bodies.read(body, &headers, gelf.input.body_max()).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let Ok(turn) = Arc::clone(&gelf.decoding).acquire_owned().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let work = tokio::task::spawn_blocking(move || {
        let sink = Decoded { sink: &*gelf.sink, body: bytes.len(), held: Mutex::new((Some(turn), hold)) };
        gelf.input.receive(&sink, encoding.as_deref(), &bytes, peer.ip(), gelf.clock.now())
    });
    let Ok(HttpOutcome { n_records, mut faults, result }) = work.await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // Repairs are counted, but a message that was repaired is stored.
    faults.retain(|fault| fault.reason.is_loss());
    match result {
        Err(refused) => bodies::refused(&refused),
        Ok(()) if faults.is_empty() && n_records > 0 => StatusCode::ACCEPTED.into_response(),
        Ok(()) if n_records > 0 => {
            let body = json!({"stored": n_records, "refused": faults.len(), "faults": describe(&faults)});
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Ok(()) => {
            let reason = faults.first().map_or("the body holds no message", |fault| fault.reason.text());
            let body = json!({"error": {"message": reason}, "stored": 0, "refused": faults.len(), "faults": describe(&faults)});
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

/// The sink as a decoded body meets it: its turn of decoding is over, and its records take the place of its bytes in the
/// memory of all bodies.
struct Decoded<'a> {
    sink: &'a dyn RecordSink,
    /// Bytes of the body, which stays until the answer.
    body: usize,
    held: Mutex<(Option<OwnedSemaphorePermit>, MemoryHold)>,
}

impl RecordSink for Decoded<'_> {
    fn offer(&self, records: Vec<LogRecord>, receipt: Arc<dyn Receipt>) {
        self.sink.offer(records, receipt);
    }

    fn store(&self, records: Vec<LogRecord>) -> Result<(), Refused> {
        {
            let (turn, hold) = &mut *self.held.lock();
            drop(turn.take());
            let bytes: u64 = records.iter().map(memory_of).sum();
            hold.resize(bytes + self.body as u64).map_err(|_| Refused::Busy)?;
        }
        self.sink.store(records)
    }

    fn ledger(&self) -> &Arc<Ledger> {
        self.sink.ledger()
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
