//! Names and types of all functions: Prometheus 3.14, `promql/parser/functions.go`.

use crate::ast::ValueType;
use ValueType::{Matrix, Scalar, String, Vector};

/// What a function takes and returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    pub name: &'static str,
    /// The last type also holds for repeated arguments.
    pub args: &'static [ValueType],
    pub repeats: Repeats,
    pub returns: ValueType,
    /// Behind a feature flag in Prometheus; always on here.
    pub experimental: bool,
}

/// How often the last argument may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    Once,
    /// From none to this many times.
    UpTo(usize),
    AnyNumber,
}

/// The function called `name`.
pub(crate) fn signature(name: &str) -> Option<&'static Signature> {
    let index = SIGNATURES.binary_search_by(|signature| signature.name.cmp(name)).ok()?;
    Some(&SIGNATURES[index])
}

const fn stable(name: &'static str, args: &'static [ValueType], returns: ValueType) -> Signature {
    Signature { name, args, repeats: Repeats::Once, returns, experimental: false }
}

const fn experimental(name: &'static str, args: &'static [ValueType], returns: ValueType) -> Signature {
    Signature { name, args, repeats: Repeats::Once, returns, experimental: true }
}

const fn repeated(repeats: Repeats, signature: Signature) -> Signature {
    let Signature { name, args, returns, experimental, .. } = signature;
    Signature { name, args, repeats, returns, experimental }
}

/// An instant-vector function whose argument defaults to the evaluation time.
const fn calendar(name: &'static str) -> Signature {
    repeated(Repeats::UpTo(1), stable(name, &[Vector], Vector))
}

/// Sorted by name.
pub(super) static SIGNATURES: [Signature; 90] = [
    stable("abs", &[Vector], Vector),
    stable("absent", &[Vector], Vector),
    stable("absent_over_time", &[Matrix], Vector),
    stable("acos", &[Vector], Vector),
    stable("acosh", &[Vector], Vector),
    stable("asin", &[Vector], Vector),
    stable("asinh", &[Vector], Vector),
    stable("atan", &[Vector], Vector),
    stable("atanh", &[Vector], Vector),
    stable("avg_over_time", &[Matrix], Vector),
    stable("ceil", &[Vector], Vector),
    stable("changes", &[Matrix], Vector),
    stable("clamp", &[Vector, Scalar, Scalar], Vector),
    stable("clamp_max", &[Vector, Scalar], Vector),
    stable("clamp_min", &[Vector, Scalar], Vector),
    stable("cos", &[Vector], Vector),
    stable("cosh", &[Vector], Vector),
    stable("count_over_time", &[Matrix], Vector),
    calendar("day_of_month"),
    calendar("day_of_week"),
    calendar("day_of_year"),
    calendar("days_in_month"),
    stable("deg", &[Vector], Vector),
    stable("delta", &[Matrix], Vector),
    stable("deriv", &[Matrix], Vector),
    experimental("double_exponential_smoothing", &[Matrix, Scalar, Scalar], Vector),
    experimental("end", &[], Scalar),
    stable("exp", &[Vector], Vector),
    stable("first_over_time", &[Matrix], Vector),
    stable("floor", &[Vector], Vector),
    stable("histogram_avg", &[Vector], Vector),
    stable("histogram_count", &[Vector], Vector),
    stable("histogram_fraction", &[Scalar, Scalar, Vector], Vector),
    stable("histogram_quantile", &[Scalar, Vector], Vector),
    repeated(Repeats::UpTo(9), experimental("histogram_quantiles", &[Vector, String, Scalar, Scalar], Vector)),
    stable("histogram_stddev", &[Vector], Vector),
    stable("histogram_stdvar", &[Vector], Vector),
    stable("histogram_sum", &[Vector], Vector),
    calendar("hour"),
    stable("idelta", &[Matrix], Vector),
    stable("increase", &[Matrix], Vector),
    repeated(Repeats::UpTo(1), experimental("info", &[Vector, Vector], Vector)),
    stable("irate", &[Matrix], Vector),
    repeated(Repeats::AnyNumber, stable("label_join", &[Vector, String, String, String], Vector)),
    stable("label_replace", &[Vector, String, String, String, String], Vector),
    stable("last_over_time", &[Matrix], Vector),
    stable("ln", &[Vector], Vector),
    stable("log10", &[Vector], Vector),
    stable("log2", &[Vector], Vector),
    experimental("mad_over_time", &[Matrix], Vector),
    experimental("max_of", &[Scalar, Scalar], Scalar),
    stable("max_over_time", &[Matrix], Vector),
    experimental("min_of", &[Scalar, Scalar], Scalar),
    stable("min_over_time", &[Matrix], Vector),
    calendar("minute"),
    calendar("month"),
    stable("pi", &[], Scalar),
    stable("predict_linear", &[Matrix, Scalar], Vector),
    stable("present_over_time", &[Matrix], Vector),
    stable("quantile_over_time", &[Scalar, Matrix], Vector),
    stable("rad", &[Vector], Vector),
    experimental("range", &[], Scalar),
    stable("rate", &[Matrix], Vector),
    stable("resets", &[Matrix], Vector),
    repeated(Repeats::UpTo(1), stable("round", &[Vector, Scalar], Vector)),
    stable("scalar", &[Vector], Scalar),
    stable("sgn", &[Vector], Vector),
    stable("sin", &[Vector], Vector),
    stable("sinh", &[Vector], Vector),
    stable("sort", &[Vector], Vector),
    repeated(Repeats::AnyNumber, experimental("sort_by_label", &[Vector, String], Vector)),
    repeated(Repeats::AnyNumber, experimental("sort_by_label_desc", &[Vector, String], Vector)),
    stable("sort_desc", &[Vector], Vector),
    stable("sqrt", &[Vector], Vector),
    experimental("start", &[], Scalar),
    experimental("start_timestamp", &[Vector], Vector),
    stable("stddev_over_time", &[Matrix], Vector),
    stable("stdvar_over_time", &[Matrix], Vector),
    experimental("step", &[], Scalar),
    stable("sum_over_time", &[Matrix], Vector),
    stable("tan", &[Vector], Vector),
    stable("tanh", &[Vector], Vector),
    stable("time", &[], Scalar),
    stable("timestamp", &[Vector], Vector),
    experimental("ts_of_first_over_time", &[Matrix], Vector),
    experimental("ts_of_last_over_time", &[Matrix], Vector),
    experimental("ts_of_max_over_time", &[Matrix], Vector),
    experimental("ts_of_min_over_time", &[Matrix], Vector),
    stable("vector", &[Scalar], Vector),
    calendar("year"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_finds_every_function() {
        assert!(SIGNATURES.is_sorted_by(|a, b| a.name < b.name));
        assert!(SIGNATURES.iter().all(|known| signature(known.name) == Some(known)));
        assert_eq!(signature("holt_winters"), None);
        assert_eq!(SIGNATURES.iter().filter(|known| known.experimental).count(), 17);
    }
}
