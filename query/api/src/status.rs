//! What Watchfire says of itself: `/api/watchfire/v1/status` and `/api/watchfire/v1/inputs`.

use crate::Api;
use crate::time_text::rfc3339_ns;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use std::sync::Arc;
use watchfire_alerting::AlertState;
use watchfire_model::status::{ContainerCounts, ContainerStatus, ContainersStatus, InputStatus, Loss, Notice};

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/watchfire/v1/status", get(status))
        .route("/api/watchfire/v1/inputs", get(inputs))
        .route("/api/watchfire/v1/containers", get(containers))
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

/// How complete the logs are, container by container, the least complete first.
async fn containers(State(api): State<Arc<Api>>) -> Json<ContainersBody> {
    let ContainersStatus { containers, known, forgotten, total, unshared_losses } = api.status.containers();
    let containers = containers.into_iter().map(ContainerBody::from).collect();
    Json(ContainersBody { containers, tracked: known, forgotten, total: total.into(), unshared_losses })
}

#[derive(Debug, Serialize)]
struct ContainersBody {
    containers: Vec<ContainerBody>,
    /// Containers that are kept apart.
    tracked: usize,
    /// Containers that had to make room: they count in `total` only.
    forgotten: u64,
    total: CountsBody,
    unshared_losses: f64,
}

#[derive(Debug, Serialize)]
struct ContainerBody {
    container: String,
    host: String,
    #[serde(flatten)]
    counts: CountsBody,
    /// Unix milliseconds.
    first_received: i64,
    last_received: i64,
}

#[derive(Debug, Serialize)]
struct CountsBody {
    received: u64,
    stored: u64,
    refused: u64,
    waiting: u64,
    losses: Vec<Loss>,
    shared_losses: f64,
    /// Percent.
    completeness: Option<f64>,
}

impl From<ContainerCounts> for CountsBody {
    fn from(counts: ContainerCounts) -> CountsBody {
        let ContainerCounts { received, stored, refused, waiting, losses, shared_losses, completeness_percent } =
            counts;
        CountsBody { received, stored, refused, waiting, losses, shared_losses, completeness: completeness_percent }
    }
}

impl From<ContainerStatus> for ContainerBody {
    fn from(status: ContainerStatus) -> ContainerBody {
        ContainerBody {
            container: status.container,
            host: status.host,
            counts: status.counts.into(),
            first_received: status.first_seen.0,
            last_received: status.last_seen.0,
        }
    }
}

async fn inputs(State(api): State<Arc<Api>>) -> Json<InputsBody> {
    Json(InputsBody { inputs: api.status.inputs() })
}
