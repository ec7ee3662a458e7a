//! `/api/v1/notifications`: what an operator should know now.

use super::envelope::Success;
use crate::Api;
use crate::time_text::rfc3339_ns;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use watchfire_model::status::Notice;

/// How often a live listener's notices are looked at.
const LOOK_PERIOD: Duration = Duration::from_secs(2);

/// Prometheus' `Notification`.
#[derive(Debug, Serialize)]
pub(super) struct Notification {
    text: String,
    /// RFC 3339: conditions are looked at anew for each answer, so this is its time.
    date: String,
    active: bool,
}

/// `GET /api/v1/notifications`.
pub(super) async fn notifications(State(api): State<Arc<Api>>) -> Success<Vec<Notification>> {
    Success::new(api.status.notices().into_iter().map(|notice| notification(&api, notice, true)).collect())
}

/// `GET /api/v1/notifications/live`: Server-Sent Events, one for each notice there is, and one whenever one comes or goes.
/// Ends when the server stops.
pub(super) async fn live(State(api): State<Arc<Api>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let state = (api, Vec::<Notice>::new(), VecDeque::<Notification>::new(), tokio::time::interval(LOOK_PERIOD));
    let events = stream::unfold(state, async |(api, mut told, mut waiting, mut ticks)| {
        while waiting.is_empty() {
            tokio::select! {
                () = api.stopping.cancelled() => return None,
                _ = ticks.tick() => {}
            }
            let now = api.status.notices();
            let gone = told.iter().filter(|notice| !now.contains(notice));
            waiting.extend(gone.map(|notice| notification(&api, notice.clone(), false)));
            let new = now.iter().filter(|notice| !told.contains(notice));
            waiting.extend(new.map(|notice| notification(&api, notice.clone(), true)));
            told = now;
        }
        let next = waiting.pop_front()?;
        Some((next, (api, told, waiting, ticks)))
    });
    let event = |one: Notification| {
        Ok(Event::default().json_data(one).expect("a notification has string keys and serializes without error"))
    };
    Sse::new(events.map(event)).keep_alive(KeepAlive::default())
}

fn notification(api: &Api, notice: Notice, active: bool) -> Notification {
    Notification { text: notice.text, date: rfc3339_ns(api.clock.now()), active }
}
