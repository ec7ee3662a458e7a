//! `/api/v1/rules`, `/api/v1/alerts` and `/api/v1/alertmanagers`.

use super::envelope::Success;
use super::selectors::selectors;
use crate::Api;
use crate::error::PromError;
use crate::params::{ParamError, Params};
use axum::extract::State;
use serde::Serialize;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use watchfire_alerting::{AlertSnapshot, GroupSnapshot, RuleSnapshot};
use watchfire_model::Matcher;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rules {
    groups: Vec<GroupSnapshot>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Alerts {
    alerts: Vec<AlertSnapshot>,
}

/// Alerts are routed in this process: no other is told.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alertmanagers {
    active_alertmanagers: Vec<&'static str>,
    dropped_alertmanagers: Vec<&'static str>,
}

/// What a request asks of the rules.
#[derive(Debug)]
struct Wanted<'a> {
    params: &'a Params,
    kind: Option<String>,
    selectors: Vec<Vec<Matcher>>,
}

/// Which part of the groups is asked for.
#[derive(Debug)]
struct Page<'a> {
    groups_max: usize,
    from: Option<&'a str>,
}

/// `GET /api/v1/rules?type=alert|record&rule_name[]=&rule_group[]=&file[]=&match[]=&exclude_alerts=&group_limit=&group_next_token=`.
pub(super) async fn rules(State(api): State<Arc<Api>>, params: Params) -> Result<Success<Rules>, PromError> {
    let wanted = Wanted::read(&params)?;
    let exclude_alerts = params.flag("exclude_alerts").map_err(|reason| {
        let reason = format!("error converting exclude_alerts: {reason}");
        ParamError::Invalid { name: "exclude_alerts".into(), reason }
    })?;
    let page = Page::read(&params)?;
    let mut groups = api.alerting.groups();
    if let Some(token) = page.from {
        let Some(at) = groups.iter().position(|group| token_of(group) == token) else {
            let reason = format!("invalid group_next_token '{token}'. were rule groups changed?");
            return Err(ParamError::Invalid { name: "group_next_token".into(), reason }.into());
        };
        groups.drain(..at);
    }
    groups.retain_mut(|group| wanted.keep(group));
    if exclude_alerts == Some(true) {
        groups.iter_mut().flat_map(|group| &mut group.rules).for_each(forget_alerts);
    }
    let group_next_token = groups.get(page.groups_max).map(token_of);
    groups.truncate(page.groups_max);
    Ok(Success::new(Rules { groups, group_next_token }))
}

/// `GET /api/v1/alerts`: every pending and firing alert.
pub(super) async fn alerts(State(api): State<Arc<Api>>) -> Success<Alerts> {
    Success::new(Alerts { alerts: api.alerting.alerts() })
}

/// `GET /api/v1/alertmanagers`.
pub(super) async fn alertmanagers() -> Success<Alertmanagers> {
    Success::new(Alertmanagers::default())
}

impl Wanted<'_> {
    fn read(params: &Params) -> Result<Wanted<'_>, PromError> {
        let kind = params.get("type").map(str::to_ascii_lowercase);
        if let Some(kind) = kind.as_deref().filter(|kind| !matches!(*kind, "alert" | "record")) {
            let reason = format!("not supported value {kind:?}");
            return Err(ParamError::Invalid { name: "type".into(), reason }.into());
        }
        Ok(Wanted { params, kind, selectors: selectors(params)? })
    }

    /// Leaves the wanted rules in the group; false where there are none.
    fn keep(&self, group: &mut GroupSnapshot) -> bool {
        if !self.names("rule_group[]", &group.name) || !self.names("file[]", &group.file) {
            return false;
        }
        group.rules.retain(|rule| {
            let (kind, name, labels) = match rule {
                RuleSnapshot::Alerting { name, labels, .. } => ("alert", name, labels),
                RuleSnapshot::Recording { name, labels, .. } => ("record", name, labels),
            };
            let passes = |matchers: &Vec<Matcher>| matchers.iter().all(|matcher| matcher.matches_labels(labels));
            self.kind.as_deref().is_none_or(|wanted| wanted == kind)
                && self.names("rule_name[]", name)
                && (self.selectors.is_empty() || self.selectors.iter().any(passes))
        });
        !group.rules.is_empty()
    }

    /// Whether the parameter is absent or has this value among its own.
    fn names(&self, parameter: &str, value: &str) -> bool {
        self.params.all(parameter).next().is_none() || self.params.all(parameter).any(|one| one == value)
    }
}

impl Page<'_> {
    fn read(params: &Params) -> Result<Page<'_>, ParamError> {
        let wrong = |name: &str, reason: String| ParamError::Invalid { name: name.to_owned(), reason };
        let limit = params.parsed("group_limit", |text| match text.parse::<i64>() {
            Ok(limit) if limit <= 0 => Err("group_limit needs to be greater than 0".to_owned()),
            Ok(limit) => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
            Err(_) => Err(format!(
                "group_limit needs to be a valid number: strconv.ParseInt: parsing {text:?}: invalid syntax"
            )),
        })?;
        let from = params.get("group_next_token");
        if from.is_some() && limit.is_none() {
            let reason = "group_limit needs to be present in order to paginate over the groups".to_owned();
            return Err(wrong("group_next_token", reason));
        }
        Ok(Page { groups_max: limit.unwrap_or(usize::MAX), from })
    }
}

/// Names a group in a page's token.
fn token_of(group: &GroupSnapshot) -> String {
    let mut hasher = DefaultHasher::new();
    (&group.file, &group.name).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn forget_alerts(rule: &mut RuleSnapshot) {
    if let RuleSnapshot::Alerting { alerts, .. } = rule {
        alerts.clear();
    }
}
