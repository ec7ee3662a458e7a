//! `/api/watchfire/v1/logs/tail`: records as they arrive, as Server-Sent Events.

use super::RecordBody;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use http::StatusCode;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use watchfire_logstore::{Tail, TailEvent};
use watchfire_model::LogFilter;

/// Readers at once; further ones are refused.
pub const TAILS_MAX: usize = 100;

/// One reader's way through the batches.
struct Reader {
    tail: Tail,
    filter: LogFilter,
    stopping: CancellationToken,
    _place: OwnedSemaphorePermit,
}

/// `GET …/logs/tail?query=`: event `records` carries an array of records, `lost` how many this reader was too slow for.
/// Ends when the server stops.
pub(super) async fn tail(
    State(api): State<Arc<Api>>,
    params: Params,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    if let Some(unknown) = params.names().find(|name| *name != "query") {
        let message = format!("unknown parameter `{unknown}`, this call knows query");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, message));
    }
    let filter = watchfire_logquery::parse(params.get("query").unwrap_or_default())?.filter;
    let full =
        |_| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, format!("{TAILS_MAX} live tails run already, end one"));
    let place = Arc::clone(&api.tails).try_acquire_owned().map_err(full)?;
    let reader = Reader { tail: api.logs.tail(), filter, stopping: api.stopping.clone(), _place: place };
    let events = futures_util::stream::unfold(reader, async |mut reader| Some((Ok(reader.next().await?), reader)));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

impl Reader {
    /// The next event with something in it, or `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let event = tokio::select! {
                () = self.stopping.cancelled() => return None,
                event = self.tail.next() => event,
            };
            match event {
                TailEvent::Closed => return None,
                TailEvent::Lost(records) => {
                    return Some(Event::default().event("lost").data(format!("{{\"records\":{records}}}")));
                }
                TailEvent::Records(records) => {
                    let matching = records.iter().filter(|stored| self.filter.matches(&stored.record));
                    let bodies: Vec<RecordBody> = matching.cloned().map(RecordBody::from).collect();
                    if bodies.is_empty() {
                        continue;
                    }
                    let json = serde_json::to_string(&bodies).expect("records have string keys and finite numbers");
                    return Some(Event::default().event("records").data(json));
                }
            }
        }
    }
}
