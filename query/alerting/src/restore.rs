//! Takes over how long alerts had been pending before a restart, from their `ALERTS_FOR_STATE` series.
//! Reference: Prometheus `rules/group.go`, `RestoreForState`.

use crate::alert::{ALERTS_FOR_STATE, Alerts};
use crate::rule::AlertingRule;
use std::collections::HashMap;
use watchfire_model::{
    Labels, METRIC_NAME, Matcher, QueryBudget, Samples, SelectError, SeriesSource, TimeRange, Timestamp, is_stale,
};

/// An outage longer than this forgets how long alerts had been pending.
pub const OUTAGE_TOLERANCE_MS: i64 = 60 * 60 * 1000;
/// After a restart a pending alert waits at least this long, so that data can come in; shorter `for`s wait anew.
pub const GRACE_PERIOD_MS: i64 = 10 * 60 * 1000;

/// What the series said when the process last ran.
#[derive(Debug, Clone, Copy)]
struct Before {
    /// Time of the last sample.
    down_at: Timestamp,
    active_at: Timestamp,
}

/// Moves `active_at` of the rule's alerts back to where they stood before the process went down.
pub(crate) fn restore(
    alerts: &mut Alerts,
    rule: &AlertingRule,
    now: Timestamp,
    source: &dyn SeriesSource,
    budget: &QueryBudget,
) -> Result<(), SelectError> {
    if alerts.active.is_empty() {
        return Ok(());
    }
    let known = read(rule, now, source, budget)?;
    for alert in alerts.active.values_mut() {
        if let Some(active_at) = known.get(&alert.labels).and_then(|before| active_since(*before, rule, now)) {
            alert.active_at = active_at;
        }
    }
    Ok(())
}

/// The new start of an alert that is active again; `None` keeps the present one.
fn active_since(before: Before, rule: &AlertingRule, now: Timestamp) -> Option<Timestamp> {
    let hold_ms = rule.hold.0 as i64;
    let remaining_ms = hold_ms - (before.down_at.0 - before.active_at.0);
    match remaining_ms {
        // It was firing. Unlike Prometheus this holds for a short `for` too: a restart must not resolve it.
        ..=0 => Some(before.active_at),
        _ if hold_ms < GRACE_PERIOD_MS => None,
        1..GRACE_PERIOD_MS => Some(now.plus_ms(GRACE_PERIOD_MS - hold_ms)),
        // The outage does not count as pending.
        _ => Some(before.active_at.plus_ms(now.0 - before.down_at.0)),
    }
}

/// The last sample of each of the rule's series, without those that had ended.
fn read(
    rule: &AlertingRule,
    now: Timestamp,
    source: &dyn SeriesSource,
    budget: &QueryBudget,
) -> Result<HashMap<Labels, Before>, SelectError> {
    let range = TimeRange { start: now.plus_ms(-OUTAGE_TOLERANCE_MS), end: now };
    let matchers = [Matcher::equal(METRIC_NAME, ALERTS_FOR_STATE), Matcher::equal("alertname", rule.name.clone())];
    let mut known = HashMap::new();
    let mut samples = Samples::default();
    for series in source.select(&matchers, range, budget)? {
        samples.clear();
        series.read(range, budget, &mut samples)?;
        budget.return_samples(samples.len() as u64);
        let (Some(&time), Some(&value)) = (samples.times.last(), samples.values.last()) else { continue };
        if !is_stale(value) {
            let active_at = Timestamp((value * 1000.0) as i64);
            known.insert(series.labels().without_name(), Before { down_at: Timestamp(time), active_at });
        }
    }
    Ok(known)
}
