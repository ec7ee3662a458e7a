//! `/api/v1/rules` and `/api/v1/alerts`.

use super::envelope::Success;
use crate::Api;
use crate::error::PromError;
use crate::params::{ParamError, Params};
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use watchfire_alerting::{AlertSnapshot, GroupSnapshot, RuleSnapshot};

#[derive(Debug, Serialize)]
pub(super) struct Rules {
    groups: Vec<GroupSnapshot>,
}

#[derive(Debug, Serialize)]
pub(super) struct Alerts {
    alerts: Vec<AlertSnapshot>,
}

/// `GET /api/v1/rules?type=alert|record&rule_name[]=&rule_group[]=&file[]=`.
pub(super) async fn rules(State(api): State<Arc<Api>>, params: Params) -> Result<Success<Rules>, PromError> {
    let kind = params.get("type").map(str::to_ascii_lowercase);
    if let Some(kind) = kind.as_deref().filter(|kind| !matches!(*kind, "alert" | "record")) {
        let reason = format!("not supported value {kind:?}");
        return Err(ParamError::Invalid { name: "type".into(), reason }.into());
    }
    let wanted =
        |name: &str, value: &str| params.all(name).next().is_none() || params.all(name).any(|one| one == value);
    let mut groups = api.alerting.groups();
    groups.retain(|group| wanted("rule_group[]", &group.name) && wanted("file[]", &group.file));
    for group in &mut groups {
        group.rules.retain(|rule| match rule {
            RuleSnapshot::Alerting { name, .. } => kind.as_deref() != Some("record") && wanted("rule_name[]", name),
            RuleSnapshot::Recording { name, .. } => kind.as_deref() != Some("alert") && wanted("rule_name[]", name),
        });
    }
    groups.retain(|group| !group.rules.is_empty());
    Ok(Success::new(Rules { groups }))
}

/// `GET /api/v1/alerts`: every pending and firing alert.
pub(super) async fn alerts(State(api): State<Arc<Api>>) -> Success<Alerts> {
    Success::new(Alerts { alerts: api.alerting.alerts() })
}
