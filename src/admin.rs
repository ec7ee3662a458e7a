//! What an operator asks of a running server beside queries: backups.

use crate::backup::{self, BACKUPS_MAX, Backup, Sources};
use crate::bodies;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;
use watchfire_catalog::Catalog;
use watchfire_logstore::LogStore;
use watchfire_store::Clock;
use watchfire_tsdb::Tsdb;

/// What backups are made of and where they go.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) data: PathBuf,
    pub(crate) backups: PathBuf,
    pub(crate) logs: Arc<LogStore>,
    pub(crate) tsdb: Arc<Tsdb>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) clock: Arc<dyn Clock>,
    /// One backup at a time.
    pub(crate) turn: Semaphore,
}

impl Admin {
    /// Takes a backup, and says where it lies. Blocks; one at a time is up to the caller ([`Admin::turn`]).
    pub(crate) fn back_up(&self) -> anyhow::Result<(Backup, PathBuf)> {
        let count = backup::list(&self.backups).len();
        if count >= BACKUPS_MAX {
            anyhow::bail!("there are {count} backups in {}: delete old ones first", self.backups.display());
        }
        let now = self.clock.now().to_ms();
        let name = Timestamp::from_millisecond(now.0)?.strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
        let sources = Sources { directory: &self.data, logs: &self.logs, tsdb: &self.tsdb, catalog: &self.catalog };
        let backup = backup::create(sources, &self.backups, &name, now.0)?;
        let directory = self.backups.join(&backup.name);
        Ok((backup, directory))
    }
}

/// `/api/watchfire/v1/backups`.
pub(crate) fn routes(admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/api/watchfire/v1/backups", get(list).post(create))
        .route("/api/watchfire/v1/backups/{name}", delete(remove))
        .with_state(admin)
}

async fn list(State(admin): State<Arc<Admin>>) -> Response {
    let listed = tokio::task::spawn_blocking(move || backup::list(&admin.backups)).await;
    listed.map_or_else(|_| internal(), |backups| Json(json!({"backups": backups})).into_response())
}

/// Answers 201 with the backup once all of it is durable.
async fn create(State(admin): State<Arc<Admin>>) -> Response {
    let asked = Arc::clone(&admin);
    let Ok(_turn) = asked.turn.try_acquire() else { return bodies::busy("another backup is being taken") };
    let work = tokio::task::spawn_blocking(move || admin.back_up());
    match work.await {
        Ok(Ok((Backup { name, bytes, objects, created, .. }, directory))) => {
            let body =
                json!({"name": name, "directory": directory, "bytes": bytes, "objects": objects, "created": created});
            (StatusCode::CREATED, Json(body)).into_response()
        }
        Ok(Err(error)) => failed(StatusCode::INTERNAL_SERVER_ERROR, &error),
        Err(_) => internal(),
    }
}

async fn remove(State(admin): State<Arc<Admin>>, Path(name): Path<String>) -> Response {
    match tokio::task::spawn_blocking(move || backup::delete(&admin.backups, &name)).await {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(error)) => failed(StatusCode::NOT_FOUND, &error),
        Err(_) => internal(),
    }
}

fn failed(status: StatusCode, error: &anyhow::Error) -> Response {
    (status, Json(json!({"error": {"message": format!("{error:#}")}}))).into_response()
}

fn internal() -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
