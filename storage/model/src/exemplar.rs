//! Exemplars: single measurements kept beside the series that sums them up.

use crate::{Labels, Timestamp};

/// A measurement that stands for others; its labels usually name a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    pub labels: Labels,
    pub value: f64,
    pub time: Timestamp,
}

/// Exemplars of one series, in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesExemplars {
    /// Those of the series.
    pub labels: Labels,
    pub exemplars: Vec<Exemplar>,
}

impl Exemplar {
    /// Names and values of an exemplar's labels together have at most so many Unicode characters (OpenMetrics 1.0,
    /// "Exemplars").
    pub const LABELS_CHARS_MAX: usize = 128;

    /// Whether the labels are short enough to be kept.
    pub fn is_short(&self) -> bool {
        let chars = |text: &str| text.chars().count();
        self.labels.iter().map(|label| chars(&label.name) + chars(&label.value)).sum::<usize>()
            <= Exemplar::LABELS_CHARS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_counted_in_characters() {
        let with =
            |value: String| Exemplar { labels: Labels::from_pairs([("trace", value)]), value: 1.0, time: Timestamp(0) };
        assert!(with("ä".repeat(123)).is_short());
        assert!(!with("ä".repeat(124)).is_short());
    }
}
