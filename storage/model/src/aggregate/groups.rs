//! The groups of an answer while they grow.

use super::partition::{self, GROUP_BYTES, GroupPartition, PARTITIONS, Place};
use super::{Accumulator, AggregateSpec, KeyPart, key};
use crate::{FieldValue, RecordView};
use std::cmp::Ordering;
use std::sync::Arc;

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
    /// By the hash of their keys.
    parts: Vec<GroupPartition>,
    /// What a new group begins with.
    fresh: Vec<Accumulator>,
    len: usize,
    bytes: u64,
    /// A key while it is looked up.
    scratch: Vec<u8>,
}

impl Groups {
    pub fn new(spec: Arc<AggregateSpec>) -> Groups {
        let mut groups = Groups::of_nothing(spec);
        if groups.spec.by.is_empty() {
            groups.insert(partition::hash(&[]), &[]);
        }
        groups
    }

    fn of_nothing(spec: Arc<AggregateSpec>) -> Groups {
        let fresh = spec.accumulators();
        let parts = vec![GroupPartition::default(); PARTITIONS];
        Groups { spec, parts, fresh, len: 0, bytes: 0, scratch: Vec::new() }
    }

    pub fn spec(&self) -> &Arc<AggregateSpec> {
        &self.spec
    }

    /// Memory that the groups take, estimated.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds one record that passes the filter: what grouping means. `arrival` breaks ties between equal times.
    pub fn add(&mut self, arrival: u64, record: &impl RecordView) -> Result<(), TooManyGroups> {
        let time = record.event_time();
        let spec = Arc::clone(&self.spec);
        let mut encoded = std::mem::take(&mut self.scratch);
        encoded.clear();
        key::encode_record(&spec.by, record, &mut encoded);
        let accumulators = self.encoded_group(partition::hash(&encoded), &encoded)?;
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
        self.scratch = encoded;
        self.grow(grown as u64);
        Ok(())
    }

    /// The accumulators of a group, one for each function. The key has as many parts as the specification.
    pub fn group(&mut self, key: &[KeyPart]) -> Result<&mut [Accumulator], TooManyGroups> {
        let mut encoded = std::mem::take(&mut self.scratch);
        encoded.clear();
        for part in key {
            key::encode(part.as_ref(), &mut encoded);
        }
        let hash = partition::hash(&encoded);
        let found = self.number_of(hash, &encoded);
        self.scratch = encoded;
        let group = found?;
        Ok(self.accumulators_of(partition::number(hash), group))
    }

    /// The same by the encoded key and its hash.
    pub(super) fn encoded_group(&mut self, hash: u64, key: &[u8]) -> Result<&mut [Accumulator], TooManyGroups> {
        let group = self.number_of(hash, key)?;
        Ok(self.accumulators_of(partition::number(hash), group))
    }

    /// Notes that accumulators handed out by [`Groups::group`] have grown by so many bytes.
    pub fn grow(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Takes over the groups of another part of the same query.
    pub fn merge(&mut self, other: Groups) -> Result<(), TooManyGroups> {
        let n_functions = self.spec.functions.len();
        // What both had in common is counted twice: the safe side.
        self.bytes += other.bytes;
        for (part, more) in self.parts.iter_mut().zip(other.parts) {
            part.merge(more, n_functions);
        }
        self.count_groups()
    }

    /// What several threads have gathered, part by part: the same part of each of `all` stands together, to be merged by
    /// [`GroupPartition::merge_all`] on whatever thread is free. `all` is not empty.
    pub fn apart(all: Vec<Groups>) -> Vec<Vec<GroupPartition>> {
        let mut parts: Vec<Vec<GroupPartition>> = (0..PARTITIONS).map(|_| Vec::with_capacity(all.len())).collect();
        for groups in all {
            for (together, part) in parts.iter_mut().zip(groups.parts) {
                together.push(part);
            }
        }
        parts
    }

    /// The groups of merged parts, in the order of [`Groups::apart`]. `bytes`: memory that they take.
    pub fn of_parts(spec: Arc<AggregateSpec>, parts: Vec<GroupPartition>, bytes: u64) -> Result<Groups, TooManyGroups> {
        let mut groups = Groups { parts, bytes, ..Groups::of_nothing(spec) };
        groups.count_groups()?;
        Ok(groups)
    }

    /// Every group with its values, in order of the keys.
    pub fn finish(self) -> Vec<GroupRow> {
        let mut places = self.places();
        places.sort_unstable_by(|a, b| a.cmp(*b, &self.parts));
        self.rows_of(places)
    }

    /// Every group with its values, in no order: for who sorts by something else.
    pub fn into_rows(self) -> Vec<GroupRow> {
        let places = self.places();
        self.rows_of(places)
    }

    /// So many groups, those with the largest first value where that is a count, in that order; among equal ones and
    /// without a count in order of the keys.
    pub fn most_counted(self, limit: usize) -> Vec<GroupRow> {
        /// Groups beyond `limit` that are held before the smallest are let go.
        const SPARE: usize = 4096;
        let n_functions = self.spec.functions.len();
        let order = |a: &(u64, Place), b: &(u64, Place)| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1, &self.parts));
        let mut most: Vec<(u64, Place)> = Vec::new();
        let mut least = 0;
        for (number, part) in self.parts.iter().enumerate() {
            for group in 0..part.len() {
                let count = match part.accumulators.get(group * n_functions) {
                    Some(Accumulator::Count(count)) if n_functions > 0 => *count,
                    _ => 0,
                };
                if count < least {
                    continue;
                }
                most.push((count, Place::new(&self.parts, number, group)));
                if most.len() > limit.saturating_add(SPARE) {
                    let (_, last, _) = most.select_nth_unstable_by(limit, order);
                    least = last.0;
                    most.truncate(limit);
                }
            }
        }
        most.sort_unstable_by(order);
        most.truncate(limit);
        let places = most.into_iter().map(|(_, place)| place).collect();
        self.rows_of(places)
    }

    fn places(&self) -> Vec<Place> {
        let numbered = self.parts.iter().enumerate();
        numbered
            .flat_map(|(number, part)| (0..part.len()).map(move |group| (number, group)))
            .map(|(number, group)| Place::new(&self.parts, number, group))
            .collect()
    }

    /// These groups, in this order.
    fn rows_of(mut self, places: Vec<Place>) -> Vec<GroupRow> {
        let spec = Arc::clone(&self.spec);
        let row = |place: Place| GroupRow {
            key: key::decode(place.key(&self.parts)),
            values: self
                .accumulators_of(place.part as usize, place.group as usize)
                .iter_mut()
                .zip(&spec.functions)
                .map(|(it, what)| std::mem::replace(it, Accumulator::Count(0)).finish(what.function))
                .collect(),
        };
        places.into_iter().map(row).collect()
    }

    /// Groups in this part.
    pub(super) fn len_of(&self, part: usize) -> usize {
        self.parts[part].len()
    }

    fn accumulators_of(&mut self, part: usize, group: usize) -> &mut [Accumulator] {
        let n_functions = self.fresh.len();
        &mut self.parts[part].accumulators[group * n_functions..][..n_functions]
    }

    fn number_of(&mut self, hash: u64, key: &[u8]) -> Result<usize, TooManyGroups> {
        if let Some(group) = self.parts[partition::number(hash)].find(hash, key) {
            return Ok(group);
        }
        let max = self.groups_max();
        if self.len >= max {
            return Err(TooManyGroups { max });
        }
        Ok(self.insert(hash, key))
    }

    fn insert(&mut self, hash: u64, key: &[u8]) -> usize {
        self.bytes += (GROUP_BYTES + key.len() + size_of::<Accumulator>() * self.fresh.len()) as u64;
        self.len += 1;
        self.parts[partition::number(hash)].insert(hash, key, &self.fresh)
    }

    /// Numbers of groups are kept in 32 bits.
    fn groups_max(&self) -> usize {
        self.spec.groups_max.min(u32::MAX as usize)
    }

    fn count_groups(&mut self) -> Result<(), TooManyGroups> {
        self.len = self.parts.iter().map(GroupPartition::len).sum();
        let max = self.groups_max();
        match self.len.cmp(&max) {
            Ordering::Greater => Err(TooManyGroups { max }),
            Ordering::Less | Ordering::Equal => Ok(()),
        }
    }
}

impl AggregateSpec {
    /// What a new group begins with.
    pub fn accumulators(&self) -> Vec<Accumulator> {
        self.functions.iter().map(|it| Accumulator::new(it.function, it.field.is_some())).collect()
    }
}
