//! What happens to a query, for those who wonder why it takes its time.

use super::names::Needed;
use super::plan::{Plan, Start};
use super::{RunError, RunRequest};
use crate::{Pipe, Query};
use serde::Serialize;
use watchfire_model::{FieldSelection, ScanOrder, TimeNs, TimeRangeNs};

/// One step of running a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// `search`, `group`, `scan`, `context`, `row`, `hold` or `cut`.
    pub stage: &'static str,
    /// In words.
    pub detail: String,
}

/// What is left to the store, which fields it reads, and what the pipes behind it do.
pub fn explain(query: &Query) -> Vec<Stage> {
    let mut stages = vec![Stage { stage: "search", detail: search_text(query) }];
    let range = TimeRangeNs { start: TimeNs(0), end: TimeNs(1) };
    let plan: Result<Plan, RunError> = Plan::new(query, &RunRequest::new(range, TimeNs(0)));
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            stages.push(Stage { stage: "error", detail: error.to_string() });
            return stages;
        }
    };
    stages.push(match &plan.start {
        Start::Aggregate(_) => {
            let index = query.pipes.len() - plan.rest.len() - 1;
            let pipes: Vec<String> =
                query.rest().iter().take(index + 1 - covered(query)).map(Pipe::to_string).collect();
            Stage {
                stage: "group",
                detail: format!("in the store, from columns and statistics: {}", pipes.join(" | ")),
            }
        }
        Start::Scan { order, fields } => {
            let order = if *order == ScanOrder::Any { "in any order" } else { "newest first" };
            Stage { stage: "scan", detail: format!("records {order}, reading {}", fields_text(fields)) }
        }
        Start::Context(context) => Stage {
            stage: "context",
            detail: format!(
                "the hits, then their containers' records, oldest first, reading {}",
                fields_text(&Needed::selection(context.fields.clone()))
            ),
        },
    });
    stages.extend(plan.rest.iter().map(|pipe| Stage {
        stage: match pipe {
            Pipe::Stats(_) | Pipe::Top { .. } | Pipe::Uniq { .. } | Pipe::Sort { .. } => "hold",
            Pipe::Limit(_) | Pipe::Offset(_) => "cut",
            _ => "row",
        },
        detail: pipe.to_string(),
    }));
    stages
}

/// How many pipes the filter covers.
fn covered(query: &Query) -> usize {
    query.pipes.len() - query.rest().len()
}

fn search_text(query: &Query) -> String {
    let filters = query.pipes.iter().take(covered(query));
    filters.fold(query.expr.to_string(), |text, pipe| format!("{text} | {pipe}"))
}

fn fields_text(fields: &FieldSelection) -> String {
    match fields {
        FieldSelection::All => "all fields".to_owned(),
        FieldSelection::Only(names) if names.is_empty() => "no fields".to_owned(),
        FieldSelection::Only(names) => names.iter().map(smol_str::SmolStr::as_str).collect::<Vec<_>>().join(", "),
    }
}
