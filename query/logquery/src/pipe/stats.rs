//! Grouping and computing.

use crate::Expr;
use smol_str::SmolStr;

/// `stats by (…) …`: at least one result, no two columns of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsPipe {
    pub by: Vec<StatsKey>,
    pub results: Vec<StatsResult>,
}

/// What tells groups apart; a column of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatsKey {
    Field(SmolStr),
    /// The start of the interval that the event time lies in.
    Time(Bucket),
}

/// Intervals of event time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// At least 1. Weeks begin on Mondays, everything else at the epoch (with a zone: at its midnight).
    pub step_ns: i64,
    /// Moves every start.
    pub offset_ns: i64,
    /// IANA name of a time zone, whose days count; UTC without one.
    pub zone: Option<SmolStr>,
}

/// One computed column.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsResult {
    pub function: StatsFunction,
    /// Only `count` and `rate` may do without.
    pub field: Option<SmolStr>,
    /// Only records that pass this as well take part.
    pub only: Option<Expr>,
    /// The column's name.
    pub name: SmolStr,
}

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StatsFunction {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    /// 0 to 1, by nearest rank.
    Quantile(f64),
    CountUniq,
    /// The different values, sorted, so many at most.
    Values(usize),
    First,
    Last,
    /// Records, or the field's sum, per second of the bucket, or of the whole range of time without one.
    Rate,
}

/// Values that `values(field)` lists at most where the query says no number.
pub(crate) const VALUES_DEFAULT: usize = 100;

impl StatsResult {
    /// The result with the name that it has without `as`.
    pub fn unnamed(function: StatsFunction, field: Option<SmolStr>) -> StatsResult {
        let mut result = StatsResult { function, field, only: None, name: SmolStr::default() };
        result.name = result.default_name();
        result
    }

    /// The call itself: `count()`, `p95(took)`.
    pub(crate) fn default_name(&self) -> SmolStr {
        let field = self.field.as_deref().unwrap_or_default();
        match self.function {
            StatsFunction::Quantile(share) => percent(share).map_or_else(
                || smol_str::format_smolstr!("quantile({share}, {field})"),
                |percent| smol_str::format_smolstr!("p{percent}({field})"),
            ),
            function => smol_str::format_smolstr!("{}({field})", function.name()),
        }
    }
}

/// The whole percent of a share that `p50` and its kind write.
pub(crate) fn percent(share: f64) -> Option<u8> {
    (0..=99).find(|percent| f64::from(*percent) / 100.0 == share)
}

impl StatsFunction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            StatsFunction::Count => "count",
            StatsFunction::Sum => "sum",
            StatsFunction::Avg => "avg",
            StatsFunction::Min => "min",
            StatsFunction::Max => "max",
            StatsFunction::Quantile(_) => "quantile",
            StatsFunction::CountUniq => "count_uniq",
            StatsFunction::Values(_) => "values",
            StatsFunction::First => "first",
            StatsFunction::Last => "last",
            StatsFunction::Rate => "rate",
        }
    }
}
