//! What a query does with the records it found, step by step; independent of how it was written.

mod math;
mod print;
mod stats;
mod template;

pub use math::{MathExpr, MathFunction, MathOperator};
pub(crate) use stats::VALUES_DEFAULT;
pub use stats::{Bucket, StatsFunction, StatsKey, StatsPipe, StatsResult};
pub use template::{Template, TemplatePart};

use crate::Expr;
use smol_str::SmolStr;

/// The count of `top`, as a column.
pub(crate) const HITS: &str = "hits";

/// One step behind a `|`.
#[derive(Debug, Clone, PartialEq)]
pub enum Pipe {
    /// Groups and computes; what follows sees one row per group.
    Stats(StatsPipe),
    /// Keeps these fields only.
    Fields(Vec<SmolStr>),
    /// Removes these fields.
    Drop(Vec<SmolStr>),
    /// Gives fields other names, one after the other; a field that had the name before is gone.
    Rename(Vec<(SmolStr, SmolStr)>),
    Sort {
        by: Vec<SortKey>,
        /// Rows that are kept, the first ones.
        limit: Option<usize>,
    },
    /// The first rows only (the newest records, where nothing sorts before).
    Limit(usize),
    /// Without the first rows.
    Offset(usize),
    /// The most frequent values of the fields, with their count as `hits`.
    Top {
        limit: usize,
        by: Vec<SmolStr>,
    },
    /// Each combination of values once.
    Uniq {
        by: Vec<SmolStr>,
        limit: Option<usize>,
    },
    Filter(Expr),
    /// Cuts fields out of a text; nothing is set where it does not fit.
    Extract {
        template: Template,
        from: SmolStr,
    },
    /// The named groups of a regular expression become fields.
    ExtractRegexp {
        expression: String,
        from: SmolStr,
    },
    UnpackJson {
        from: SmolStr,
        prefix: SmolStr,
    },
    UnpackLogfmt {
        from: SmolStr,
        prefix: SmolStr,
    },
    Replace {
        old: String,
        new: String,
        at: SmolStr,
    },
    /// `$1` and `$name` in `new` stand for what the groups found.
    ReplaceRegexp {
        expression: String,
        new: String,
        at: SmolStr,
    },
    /// Puts a text together from fields.
    Format {
        template: Template,
        to: SmolStr,
    },
    /// Computes; the result is missing where an operand is missing or no number, or it is not finite.
    Math {
        expr: MathExpr,
        to: SmolStr,
    },
    /// So many records before and after each one found, of the same container. Stands first.
    Context {
        before: usize,
        after: usize,
    },
    /// Numbers within a text become `<N>`, so that lines of one kind become equal.
    CollapseNums {
        at: SmolStr,
    },
    /// One of so many records, chosen by the number of arrival: the same ones each time.
    Sample(u64),
}

/// What rows are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    pub field: SmolStr,
    pub is_descending: bool,
}
