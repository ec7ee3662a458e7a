//! Gathers what a page says of each metric family.

use crate::exposition::{MetadataFact, MetadataLine, Text};
use std::hash::BuildHasher;
use watchfire_model::{MetricKind, MetricMetadata};

/// What a page says of one family.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct FamilyMetadata<'a> {
    pub(crate) metric: Text<'a>,
    kind: MetricKind,
    help: Option<Text<'a>>,
    unit: &'a str,
}

impl FamilyMetadata<'_> {
    /// Tells equal metadata from other without keeping it.
    pub(crate) fn fingerprint(self) -> u64 {
        foldhash::quality::FixedState::default().hash_one(self)
    }

    /// The form in which the store keeps it.
    pub(crate) fn to_stored(self) -> MetricMetadata {
        let help = self.help.map_or(String::new(), |help| help.unescape().into_owned());
        MetricMetadata { kind: self.kind, help, unit: self.unit.to_owned() }
    }
}

/// Gathers the metadata lines of a family, which follow each other.
#[derive(Debug, Default)]
pub(crate) struct MetadataCollector<'a> {
    family: Option<FamilyMetadata<'a>>,
}

impl<'a> MetadataCollector<'a> {
    /// Takes a line; returns the family before when the line begins another.
    pub(crate) fn take_line(&mut self, line: MetadataLine<'a>) -> Option<FamilyMetadata<'a>> {
        let finished = self.family.take_if(|family| family.metric != line.metric);
        let family = self.family.get_or_insert(FamilyMetadata {
            metric: line.metric,
            kind: MetricKind::Unknown,
            help: None,
            unit: "",
        });
        match line.fact {
            MetadataFact::Kind(kind) => family.kind = kind,
            MetadataFact::Help(help) => family.help = Some(help),
            MetadataFact::Unit(unit) => family.unit = unit,
        }
        finished
    }
    /// The last family of the page.
    pub(crate) fn finish(self) -> Option<FamilyMetadata<'a>> {
        self.family
    }
}
