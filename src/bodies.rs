//! Bodies of requests that bring data in: read within the memory that all of them share.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::header::{CONTENT_LENGTH, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde_json::json;
use std::sync::Arc;
use watchfire_model::{MemoryHold, MemoryPool, OutOfMemory, Refused};

/// A body and its place in the shared memory.
#[derive(Debug)]
pub(crate) struct HeldBody {
    pub(crate) bytes: Bytes,
    pub(crate) hold: MemoryHold,
}

/// Reads bodies within a pool of memory, and counts those that it refuses. Clones share both.
#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    pub(crate) memory: Arc<MemoryPool>,
    refused: Family<[(&'static str, &'static str); 1], Counter>,
}

impl Bodies {
    pub(crate) fn new(memory: Arc<MemoryPool>) -> Bodies {
        Bodies { memory, refused: Family::default() }
    }

    pub(crate) fn register_metrics(&self, registry: &mut Registry) {
        let help = "Bodies of requests refused before they were looked at";
        registry.register("http_refused_bodies", help, self.refused.clone());
    }

    /// Reads a body of at most `max` bytes. What the sender announces is taken from the pool before a byte is read, what
    /// it does not announce as it comes.
    ///
    /// # Errors
    /// The answer to send: 413 beyond `max`, 503 with `Retry-After` while others hold the memory, 400 where the body ends
    /// early.
    pub(crate) async fn read(&self, body: Body, headers: &HeaderMap, max: usize) -> Result<HeldBody, Response> {
        read(body, headers, max, &self.memory).await.map_err(|refusal| {
            self.refused.get_or_create(&[("reason", refusal.label())]).inc();
            refusal.answer()
        })
    }
}

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("a body may have {max} bytes: send it in parts")]
    TooLarge { max: usize },
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    #[error("the body broke off: {0}")]
    Broken(axum::Error),
}

impl Refusal {
    /// The value of the label `reason`.
    fn label(&self) -> &'static str {
        match self {
            Refusal::TooLarge { .. } => "too_large",
            Refusal::Memory(_) => "memory",
            Refusal::Broken(_) => "broken",
        }
    }

    fn answer(&self) -> Response {
        match self {
            Refusal::TooLarge { .. } => answer(StatusCode::PAYLOAD_TOO_LARGE, &self.to_string()),
            Refusal::Memory(_) => busy(&self.to_string()),
            Refusal::Broken(_) => answer(StatusCode::BAD_REQUEST, &self.to_string()),
        }
    }
}

async fn read(body: Body, headers: &HeaderMap, max: usize, pool: &Arc<MemoryPool>) -> Result<HeldBody, Refusal> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|len| len > max as u64) {
        return Err(Refusal::TooLarge { max });
    }
    let mut hold = pool.take(announced.unwrap_or(0))?;
    let mut bytes = BytesMut::with_capacity(announced.map_or(0, |len| len as usize));
    let mut frames = body.into_data_stream();
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(Refusal::Broken)?;
        let len = bytes.len() + frame.len();
        if len > max {
            return Err(Refusal::TooLarge { max });
        }
        if len as u64 > hold.bytes() {
            hold.resize(len as u64)?;
        }
        bytes.extend_from_slice(&frame);
    }
    Ok(HeldBody { bytes: bytes.freeze(), hold })
}

/// 503: nothing is stored, and the sender should come again when the store thinks that it can.
pub(crate) fn refused(refused: &Refused) -> Response {
    let seconds = refused.retry_after().as_secs().max(1).to_string();
    let body = Json(json!({"error": {"message": refused.to_string()}}));
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, seconds)], body).into_response()
}

/// 503: the sender should come again in a second.
pub(crate) fn busy(message: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], Json(json!({"error": {"message": message}})))
        .into_response()
}

fn answer(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"error": {"message": message}}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_model::ByteSize;

    async fn check(body: Body, len: Option<&str>, max: usize, free: u64) -> Result<usize, StatusCode> {
        let pool = MemoryPool::new("request bodies", ByteSize(100));
        let _others = pool.take(100 - free).unwrap();
        let mut headers = HeaderMap::new();
        if let Some(len) = len {
            headers.insert(CONTENT_LENGTH, len.parse().unwrap());
        }
        let read = read(body, &headers, max, &pool).await.map_err(|refusal| refusal.answer().status())?;
        assert_eq!(pool.used(), 100 - free + read.hold.bytes());
        Ok(read.bytes.len())
    }

    #[tokio::test]
    async fn bodies_are_read_within_their_limits() {
        let in_parts = || Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("12345"), Ok("678")]));
        assert_eq!(check(Body::from("12345678"), Some("8"), 8, 8).await, Ok(8));
        assert_eq!(check(Body::from("12345678"), Some("8"), 7, 8).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(check(Body::from("12345678"), Some("8"), 8, 7).await, Err(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(check(in_parts(), None, 8, 8).await, Ok(8));
        assert_eq!(check(in_parts(), None, 7, 8).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(check(in_parts(), None, 8, 7).await, Err(StatusCode::SERVICE_UNAVAILABLE));
        let broken = Body::from_stream(futures_util::stream::iter([Ok("1"), Err(std::io::Error::other("gone"))]));
        assert_eq!(check(broken, None, 8, 8).await, Err(StatusCode::BAD_REQUEST));
        assert_eq!(check(Body::from("12"), Some("99999999999999999999999"), 8, 8).await, Ok(2));
    }
}
