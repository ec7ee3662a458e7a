//! The live tail as Server-Sent Events.

use super::reader::TailPart;
use super::subscribe;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use std::convert::Infallible;
use std::sync::Arc;

/// `GET …/logs/tail?query=`: event `records` carries an array of records, `lost` how many this reader was too slow for.
/// Ends when the server stops.
pub(in super::super) async fn tail(
    State(api): State<Arc<Api>>,
    params: Params,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let reader = subscribe(&api, params).await?;
    let events = futures_util::stream::unfold(reader, async |mut reader| {
        let event = match reader.next().await? {
            TailPart::Records(records) => Event::default().event("records").data(records),
            TailPart::Lost(records) => Event::default().event("lost").data(format!("{{\"records\":{records}}}")),
        };
        Some((Ok(event), reader))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}
