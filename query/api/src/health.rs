//! `/-/healthy` and `/-/ready`, as Prometheus has them.

use crate::Api;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::StatusCode;
use std::sync::Arc;
use watchfire_model::ByteSize;

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/-/healthy", get(async || "Watchfire is Healthy.\n")).route("/-/ready", get(ready))
}

/// 503 while a store still reads its write-ahead log: data is taken in and blocks are answered from, but answers lack
/// the newest of what was there before. The text says how much.
async fn ready(State(api): State<Arc<Api>>) -> (StatusCode, String) {
    let logs = api.logs.status();
    let logs_left = logs.replay.map(|replay| (replay.bytes_done, replay.bytes_total));
    let metrics_left = api.tsdb.status().replay.map(|replay| (replay.bytes_done, replay.bytes_total));
    let mut missing: Vec<String> = Vec::new();
    for (what, left) in [("logs", logs_left), ("metrics", metrics_left)] {
        if let Some((done, total)) = left {
            missing.push(format!(
                "{what}: {} of {} of the write-ahead log are read\n",
                ByteSize(done).rounded(),
                ByteSize(total).rounded()
            ));
        }
    }
    if let Some(failure) = logs.failure {
        missing.push(format!("logs: nothing is taken in: {failure}\n"));
    }
    if missing.is_empty() {
        return (StatusCode::OK, "Watchfire is Ready.\n".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("Watchfire is not ready.\n{}", missing.concat()))
}
