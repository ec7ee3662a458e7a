//! What Watchfire says of itself: `/api/watchfire/v1/status` and `/api/watchfire/v1/inputs`.

use crate::Api;
use crate::time_text::rfc3339_ns;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use std::sync::Arc;
use watchfire_alerting::AlertState;
use watchfire_model::status::{InputStatus, Notice};

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/api/watchfire/v1/status", get(status)).route("/api/watchfire/v1/inputs", get(inputs))
}

/// The addresses in use; `None` where an input is off.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Listening {
    pub http: String,
    pub gelf_udp: Option<String>,
    pub gelf_tcp: Option<String>,
}

#[derive(Debug, Serialize)]
struct StatusBody {
    version: &'static str,
    /// RFC 3339.
    started: String,
    notices: Vec<Notice>,
    /// Alerts that fire now.
    firing: usize,
    /// Log messages lost or refused since the start, over all inputs.
    losses: u64,
    listen: Listening,
}

#[derive(Debug, Serialize)]
struct InputsBody {
    inputs: Vec<InputStatus>,
}

async fn status(State(api): State<Arc<Api>>) -> Json<StatusBody> {
    let losses = api.status.inputs().iter().flat_map(|input| &input.losses).map(|loss| loss.count).sum();
    Json(StatusBody {
        version: api.version,
        started: rfc3339_ns(api.started),
        notices: api.status.notices(),
        firing: api.alerting.alerts().iter().filter(|alert| alert.state == AlertState::Firing).count(),
        losses,
        listen: api.listening.clone(),
    })
}

async fn inputs(State(api): State<Arc<Api>>) -> Json<InputsBody> {
    Json(InputsBody { inputs: api.status.inputs() })
}
