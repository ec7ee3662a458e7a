//! What expositions say of metric families, bounded in every direction.

use std::collections::BTreeMap;
use watchfire_model::MetricMetadata;

/// Metrics of which metadata is kept.
const METRICS_MAX: usize = 100_000;

/// Different descriptions kept of one metric: targets disagree while a new version is rolled out.
const VARIANTS_MAX: usize = 4;

/// Bytes kept of a help text.
const HELP_LEN_MAX: usize = 1024;

/// Bytes of a metric's name or unit; longer ones are not noted.
const NAME_LEN_MAX: usize = 1024;

/// Descriptions by metric; of each metric the one noted last comes last.
#[derive(Debug, Default)]
pub(crate) struct MetadataTable {
    metrics: BTreeMap<String, Vec<MetricMetadata>>,
}

impl MetadataTable {
    /// Notes a description; returns it as it is kept when it is news.
    pub(crate) fn set(&mut self, metric: &str, mut metadata: MetricMetadata) -> Option<MetricMetadata> {
        if metric.len() > NAME_LEN_MAX || metadata.unit.len() > NAME_LEN_MAX {
            return None;
        }
        truncate(&mut metadata.help);
        if let Some(variants) = self.metrics.get_mut(metric) {
            if variants.contains(&metadata) {
                return None;
            }
            if variants.len() >= VARIANTS_MAX {
                variants.remove(0);
            }
            variants.push(metadata.clone());
        } else if self.metrics.len() < METRICS_MAX {
            self.metrics.insert(metric.to_owned(), vec![metadata.clone()]);
        } else {
            return None;
        }
        Some(metadata)
    }

    /// Sorted by metric.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[MetricMetadata])> {
        self.metrics.iter().map(|(metric, variants)| (metric.as_str(), &variants[..]))
    }
}

fn truncate(help: &mut String) {
    if help.len() > HELP_LEN_MAX {
        help.truncate(help.floor_char_boundary(HELP_LEN_MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_kept_once_and_bounded() {
        let mut table = MetadataTable::default();
        let described = |help: &str| MetricMetadata { help: help.into(), ..MetricMetadata::default() };
        assert!(table.set("up", described("a")).is_some());
        assert!(table.set("up", described("a")).is_none(), "known already");
        for help in ["b", "c", "d", "e"] {
            assert!(table.set("up", described(help)).is_some());
        }
        let helps = |table: &MetadataTable| {
            table.iter().flat_map(|(_, all)| all).map(|one| one.help.clone()).collect::<Vec<_>>()
        };
        assert_eq!(helps(&table), ["b", "c", "d", "e"]);
        let kept = table.set("long", described(&"ä".repeat(HELP_LEN_MAX))).expect("news");
        assert_eq!(kept.help.len(), HELP_LEN_MAX);
        assert!(table.set(&"m".repeat(NAME_LEN_MAX + 1), described("")).is_none());
    }
}
