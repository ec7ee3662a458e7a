//! The order in which the parts of a filter are held against a record in memory: what is cheap comes first.

use watchfire_model::{HOST_FIELD, LEVEL_FIELD, LogFilter, MESSAGE_FIELD, STREAM_FIELD};

/// The same filter with its parts reordered.
pub(super) fn cheap_first(filter: &LogFilter) -> LogFilter {
    let sorted = |parts: &[LogFilter]| {
        let mut parts: Vec<LogFilter> = parts.iter().map(cheap_first).collect();
        parts.sort_by_cached_key(cost);
        parts
    };
    match filter {
        LogFilter::And(parts) => LogFilter::And(sorted(parts)),
        LogFilter::Or(parts) => LogFilter::Or(sorted(parts)),
        LogFilter::Not(part) => LogFilter::Not(Box::new(cheap_first(part))),
        other => other.clone(),
    }
}

/// Rough order of what a look costs.
fn cost(filter: &LogFilter) -> u8 {
    match filter {
        LogFilter::All | LogFilter::Time(_) => 0,
        LogFilter::Field { name, .. }
        | LogFilter::Range { name, .. }
        | LogFilter::Exists { name }
        | LogFilter::Test { name, .. } => match name.as_str() {
            LEVEL_FIELD | HOST_FIELD | STREAM_FIELD => 1,
            MESSAGE_FIELD => 3,
            _ => 2,
        },
        LogFilter::Any(_) => 4,
        LogFilter::Not(part) => cost(part),
        LogFilter::And(parts) | LogFilter::Or(parts) => parts.iter().map(cost).max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_model::FieldPattern;

    #[test]
    fn messages_are_read_last() {
        let field = |name: &str| LogFilter::Field { name: name.into(), pattern: FieldPattern::text("x") };
        let any = || LogFilter::Any(FieldPattern::text("x"));
        let not = |part| LogFilter::Not(Box::new(part));
        let filter = LogFilter::And(vec![
            any(),
            field("message"),
            LogFilter::Or(vec![any(), field("a")]),
            field("a"),
            field("level"),
        ]);
        let want = LogFilter::And(vec![
            field("level"),
            field("a"),
            field("message"),
            any(),
            LogFilter::Or(vec![field("a"), any()]),
        ]);
        assert_eq!(cheap_first(&filter), want);
        assert_eq!(cheap_first(&not(filter)), not(want));
    }
}
