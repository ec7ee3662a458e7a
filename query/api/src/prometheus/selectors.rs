//! The parameters that choose series: `match[]`, `start` and `end`.

use crate::error::PromError;
use crate::params::Params;
use watchfire_model::{Matcher, TimeRange, Timestamp};
use watchfire_promql::{Expr, ExprKind, Modifiers};

/// The selectors in `match[]`, each a plain vector selector.
pub(super) fn selectors(params: &Params) -> Result<Vec<Vec<Matcher>>, PromError> {
    params.all("match[]").map(selector).collect()
}

fn selector(text: &str) -> Result<Vec<Matcher>, PromError> {
    match watchfire_promql::parse(text) {
        Ok(Expr { kind: ExprKind::Vector(selector), .. }) if selector.modifiers == Modifiers::default() => {
            Ok(selector.matchers)
        }
        Ok(_) => Err(PromError::bad_data(format!("invalid parameter \"match[]\": `{text}` is not a series selector"))),
        Err(error) if error.message.contains("at least one non-empty matcher") => {
            Err(PromError::bad_data("match[] must contain at least one non-empty matcher"))
        }
        Err(error) => Err(PromError::bad_query("match[]", &error)),
    }
}

/// Where only one end is given, the other is open. `None` for a range that ends before it starts, in which nothing lies.
pub(super) fn range(params: &Params) -> Result<Option<TimeRange>, PromError> {
    let start = params.time("start")?.unwrap_or(Timestamp::MIN);
    let end = params.time("end")?.unwrap_or(Timestamp::MAX);
    Ok((start <= end).then_some(TimeRange { start, end }))
}
