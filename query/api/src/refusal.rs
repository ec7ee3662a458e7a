//! Queries that get no answer, counted by why, in one place for every call.

use crate::Api;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use watchfire_model::Exhausted;

/// Why a query got no answer. An error's response carries it to [`count_refusals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the values of the label")]
pub(crate) enum Refusal {
    /// Too many queries, exports or live tails at once.
    busy,
    /// The text of the query cannot be understood.
    query,
    /// Another parameter cannot be understood.
    parameter,
    /// It would hold more memory than one query may, or than is left of what all may.
    memory,
    /// It would look at more samples than one query may.
    samples,
    /// It would make more groups than one query may.
    groups,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    reason: Refusal,
}

/// Refused queries. Clones share the counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusals(Family<Labels, Counter>);

impl Refusal {
    /// Of a query that ran out of something; `None` for one that was called off.
    pub(crate) fn of(exhausted: &Exhausted) -> Option<Refusal> {
        match exhausted {
            Exhausted::Cancelled => None,
            Exhausted::Samples { .. } => Some(Refusal::samples),
            Exhausted::Memory { .. } | Exhausted::SharedMemory(_) => Some(Refusal::memory),
        }
    }
}

impl Refusals {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("api_refused_queries", "Queries that got no answer, by reason", self.0.clone());
    }

    #[cfg(test)]
    pub(crate) fn count(&self, reason: Refusal) -> u64 {
        self.0.get_or_create(&Labels { reason }).get()
    }
}

/// Counts the responses that say why a query was refused.
pub(crate) async fn count_refusals(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if let Some(reason) = response.extensions().get::<Refusal>() {
        api.workers.refusals().0.get_or_create(&Labels { reason: *reason }).inc();
    }
    response
}
