//! The groups of an answer while they grow.

use super::{Accumulator, AggregateSpec, GroupKey};
use crate::{FieldValue, RecordView, TimeNs};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes that a group takes beside its texts, about.
const GROUP_BYTES: usize = 96;

/// One part of what tells a group apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyPart {
    /// Records without the field.
    Absent,
    Text(SmolStr),
    /// The start of a time bucket.
    Time(TimeNs),
}

/// More groups than the plan allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the query makes more than {max} groups: group by fewer fields, or filter first")]
pub struct TooManyGroups {
    pub max: usize,
}

/// A group and its computed values, in the order of the specification.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupRow {
    pub key: Vec<KeyPart>,
    /// `None` where there was nothing to compute from.
    pub values: Vec<Option<FieldValue>>,
}

/// Every group so far. Parts gathered by several threads merge into what one would have gathered.
#[derive(Debug, Clone)]
pub struct Groups {
    spec: Arc<AggregateSpec>,
    found: HashMap<Vec<KeyPart>, Vec<Accumulator>>,
    bytes: u64,
}

impl Groups {
    pub fn new(spec: Arc<AggregateSpec>) -> Groups {
        let mut groups = Groups { spec, found: HashMap::new(), bytes: 0 };
        if groups.spec.by.is_empty() {
            groups.found.insert(Vec::new(), groups.spec.accumulators());
        }
        groups
    }

    pub fn spec(&self) -> &AggregateSpec {
        &self.spec
    }

    /// Memory that the groups take, estimated.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn len(&self) -> usize {
        self.found.len()
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Adds one record that passes the filter: what grouping means. `arrival` breaks ties between equal times.
    pub fn add(&mut self, arrival: u64, record: &impl RecordView) -> Result<(), TooManyGroups> {
        let time = record.event_time();
        let key = self.spec.by.iter().map(|key| match key {
            GroupKey::Field(name) => {
                record.value(name).map_or(KeyPart::Absent, |value| KeyPart::Text(value.into_text()))
            }
            GroupKey::Time(buckets) => time.map_or(KeyPart::Absent, |time| KeyPart::Time(buckets.bucket(time))),
        });
        let key = key.collect();
        let spec = Arc::clone(&self.spec);
        let accumulators = self.group(key)?;
        let mut grown = 0;
        for (aggregate, accumulator) in spec.functions.iter().zip(accumulators) {
            if aggregate.only.as_ref().is_some_and(|only| !only.matches(record)) {
                continue;
            }
            match &aggregate.field {
                None => accumulator.count(1),
                Some(name) => {
                    if let Some(value) = record.value(name) {
                        grown += accumulator.value(&value, time.unwrap_or_default(), arrival);
                    }
                }
            }
        }
        self.grow(grown as u64);
        Ok(())
    }

    /// The accumulators of a group, one for each function.
    pub fn group(&mut self, key: Vec<KeyPart>) -> Result<&mut [Accumulator], TooManyGroups> {
        let max = self.spec.groups_max;
        let count = self.found.len();
        match self.found.entry(key) {
            std::collections::hash_map::Entry::Occupied(found) => Ok(found.into_mut()),
            std::collections::hash_map::Entry::Vacant(place) => {
                if count >= max {
                    return Err(TooManyGroups { max });
                }
                self.bytes += (GROUP_BYTES + place.key().iter().map(KeyPart::bytes).sum::<usize>()) as u64
                    + (size_of::<Accumulator>() * self.spec.functions.len()) as u64;
                Ok(place.insert(self.spec.accumulators()))
            }
        }
    }

    /// Notes that accumulators handed out by [`Groups::group`] have grown by so many bytes.
    pub fn grow(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Takes over the groups of another part of the same query.
    pub fn merge(&mut self, other: Groups) -> Result<(), TooManyGroups> {
        let gathered = other.bytes;
        let before = self.bytes;
        for (key, accumulators) in other.found {
            for (held, more) in self.group(key)?.iter_mut().zip(accumulators) {
                held.merge(more);
            }
        }
        // What both had in common is counted twice: the safe side.
        self.bytes = before + gathered;
        Ok(())
    }

    /// Every group with its values, in order of the keys.
    pub fn finish(self) -> Vec<GroupRow> {
        let mut rows = self.into_rows();
        rows.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        rows
    }

    /// Every group with its values, in no order: for who sorts by something else.
    pub fn into_rows(self) -> Vec<GroupRow> {
        let functions = &self.spec.functions;
        let row = |(key, accumulators): (Vec<KeyPart>, Vec<Accumulator>)| GroupRow {
            key,
            values: accumulators.into_iter().zip(functions).map(|(it, what)| it.finish(what.function)).collect(),
        };
        self.found.into_iter().map(row).collect()
    }
}

impl AggregateSpec {
    /// What a new group begins with.
    pub fn accumulators(&self) -> Vec<Accumulator> {
        self.functions.iter().map(|it| Accumulator::new(it.function, it.field.is_some())).collect()
    }
}

impl KeyPart {
    fn bytes(&self) -> usize {
        size_of::<KeyPart>() + if let KeyPart::Text(text) = self { text.len() } else { 0 }
    }
}
