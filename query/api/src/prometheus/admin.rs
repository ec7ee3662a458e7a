//! `/api/v1/admin/tsdb/*`: deletion and snapshots, for those who switch them on (`http.admin_api`).

use super::envelope::Success;
use super::selectors::{range, selectors};
use crate::Api;
use crate::error::PromError;
use crate::params::{ParamError, Params};
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use watchfire_tsdb::TsdbError;

#[derive(Debug, Serialize)]
pub(super) struct Snapshot {
    /// Of the backup, `GET /api/watchfire/v1/backups` lists it.
    name: String,
}

/// `POST|PUT /api/v1/admin/tsdb/delete_series?match[]=&start=&end=`: durable once it is answered.
pub(super) async fn delete_series(State(api): State<Arc<Api>>, params: Params) -> Result<StatusCode, PromError> {
    enabled(&api)?;
    if params.all("match[]").next().is_none() {
        return Err(ParamError::Missing { name: "match[]" }.into());
    }
    let selectors = selectors(&params)?;
    let Some(range) = range(&params)? else { return Ok(StatusCode::NO_CONTENT) };
    let tsdb = Arc::clone(&api.tsdb);
    blocking(move || tsdb.delete_series(&selectors, range).map(|_| ())).await
}

/// `POST|PUT /api/v1/admin/tsdb/clean_tombstones`: takes what was deleted off the disk.
pub(super) async fn clean_tombstones(State(api): State<Arc<Api>>) -> Result<StatusCode, PromError> {
    enabled(&api)?;
    let tsdb = Arc::clone(&api.tsdb);
    blocking(move || tsdb.clean_tombstones()).await
}

/// `POST|PUT /api/v1/admin/tsdb/snapshot?skip_head=`: a backup of everything; the head is always in it.
pub(super) async fn snapshot(State(api): State<Arc<Api>>, params: Params) -> Result<Success<Snapshot>, PromError> {
    enabled(&api)?;
    let wrong = |_| PromError::bad_data("invalid parameter \"skip_head\": unable to parse boolean");
    params.flag("skip_head").map_err(wrong)?;
    let host = Arc::clone(&api.host);
    let taken = tokio::task::spawn_blocking(move || host.snapshot()).await;
    let name = taken.map_err(|_| PromError::internal(STOPPED))?.map_err(PromError::internal)?;
    Ok(Success::new(Snapshot { name }))
}

const STOPPED: &str = "the work stopped on an internal error, which the log shows";

fn enabled(api: &Api) -> Result<(), PromError> {
    if api.host.has_admin_api() { Ok(()) } else { Err(PromError::unavailable("admin APIs disabled")) }
}

/// Runs to its end even if the client leaves.
async fn blocking(work: impl FnOnce() -> Result<(), TsdbError> + Send + 'static) -> Result<StatusCode, PromError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| PromError::internal(STOPPED))?;
    done.map_err(|error| PromError::internal(error.to_string()))?;
    Ok(StatusCode::NO_CONTENT)
}
