//! The groups of an answer while they grow.

use super::{Accumulator, AggregateSpec, GroupKey};
use crate::{FieldValue, RecordView, TimeNs};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use smol_str::SmolStr;
use std::hash::BuildHasher as _;
use std::sync::Arc;

/// Bytes that a group takes beside its key and accumulators, about: its place in the table, which is half full at worst.
const GROUP_BYTES: usize = 2 * size_of::<(u64, u32)>() + 2;

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
///
/// Keys and accumulators of all groups stand in one list each, group after group: there may be millions of them.
#[derive(Debug, Clone)]
pub struct Groups {
    spec: Arc<AggregateSpec>,
    /// Where each group stands in the lists, with the hash of its key.
    table: HashTable<(u64, u32)>,
    hasher: RandomState,
    /// As many for each group as the specification has keys.
    keys: Vec<KeyPart>,
    /// As many for each group as it has functions.
    accumulators: Vec<Accumulator>,
    bytes: u64,
}

impl Groups {
    pub fn new(spec: Arc<AggregateSpec>) -> Groups {
        let mut groups = Groups {
            spec,
            table: HashTable::new(),
            hasher: RandomState::default(),
            keys: Vec::new(),
            accumulators: Vec::new(),
            bytes: 0,
        };
        if groups.spec.by.is_empty() {
            let hash = groups.hasher.hash_one(&[] as &[KeyPart]);
            groups.insert(hash, Vec::new());
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
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
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

    /// The accumulators of a group, one for each function. The key has as many parts as the specification.
    pub fn group(&mut self, key: Vec<KeyPart>) -> Result<&mut [Accumulator], TooManyGroups> {
        let hash = self.hasher.hash_one(key.as_slice());
        let number = match self.find(hash, &key) {
            Some(number) => number,
            None => self.insert_bounded(hash, key)?,
        };
        Ok(self.accumulators_of(number))
    }

    /// Notes that accumulators handed out by [`Groups::group`] have grown by so many bytes.
    pub fn grow(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Takes over the groups of another part of the same query.
    pub fn merge(&mut self, mut other: Groups) -> Result<(), TooManyGroups> {
        if other.len() > self.len() {
            std::mem::swap(self, &mut other);
        }
        let gathered = other.bytes;
        let before = self.bytes;
        let (n_keys, n_functions) = (self.spec.by.len(), self.spec.functions.len());
        let n_groups = other.len();
        let mut keys = other.keys.into_iter();
        let mut accumulators = other.accumulators.into_iter();
        for _ in 0..n_groups {
            let key = keys.by_ref().take(n_keys).collect();
            for (held, more) in self.group(key)?.iter_mut().zip(accumulators.by_ref().take(n_functions)) {
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
        let all = 0..self.len();
        self.rows_of(all.collect())
    }

    /// So many groups, those with the largest first value where that is a count, in that order; among equal ones and
    /// without a count in order of the keys.
    pub fn most_counted(self, limit: usize) -> Vec<GroupRow> {
        let n_functions = self.spec.functions.len();
        let count = |group: usize| match self.accumulators.get(group * n_functions) {
            Some(Accumulator::Count(count)) if n_functions > 0 => *count,
            _ => 0,
        };
        let order =
            |a: &(u64, usize), b: &(u64, usize)| b.0.cmp(&a.0).then_with(|| self.key_of(a.1).cmp(self.key_of(b.1)));
        let mut groups: Vec<(u64, usize)> = (0..self.len()).map(|group| (count(group), group)).collect();
        if limit < groups.len() {
            groups.select_nth_unstable_by(limit, order);
            groups.truncate(limit);
        }
        groups.sort_unstable_by(order);
        let groups = groups.into_iter().map(|(_, group)| group).collect();
        self.rows_of(groups)
    }

    /// These groups, in this order.
    fn rows_of(mut self, groups: Vec<usize>) -> Vec<GroupRow> {
        let spec = Arc::clone(&self.spec);
        let n_keys = spec.by.len();
        let row = |group: usize| GroupRow {
            key: self.keys[group * n_keys..][..n_keys]
                .iter_mut()
                .map(|part| std::mem::replace(part, KeyPart::Absent))
                .collect(),
            values: self.accumulators[group * spec.functions.len()..][..spec.functions.len()]
                .iter_mut()
                .zip(&spec.functions)
                .map(|(it, what)| std::mem::replace(it, Accumulator::Count(0)).finish(what.function))
                .collect(),
        };
        groups.into_iter().map(row).collect()
    }

    fn key_of(&self, group: usize) -> &[KeyPart] {
        let n_keys = self.spec.by.len();
        &self.keys[group * n_keys..][..n_keys]
    }

    fn accumulators_of(&mut self, group: usize) -> &mut [Accumulator] {
        let n_functions = self.spec.functions.len();
        &mut self.accumulators[group * n_functions..][..n_functions]
    }

    fn find(&self, hash: u64, key: &[KeyPart]) -> Option<usize> {
        let is_key = |(known, group): &(u64, u32)| *known == hash && self.key_of(*group as usize) == key;
        self.table.find(hash, is_key).map(|(_, group)| *group as usize)
    }

    fn insert_bounded(&mut self, hash: u64, key: Vec<KeyPart>) -> Result<usize, TooManyGroups> {
        // Numbers of groups are kept in 32 bits.
        let max = self.spec.groups_max.min(u32::MAX as usize);
        if self.len() >= max {
            return Err(TooManyGroups { max });
        }
        Ok(self.insert(hash, key))
    }

    fn insert(&mut self, hash: u64, key: Vec<KeyPart>) -> usize {
        let group = self.table.len();
        self.bytes += (GROUP_BYTES
            + key.iter().map(KeyPart::bytes).sum::<usize>()
            + size_of::<Accumulator>() * self.spec.functions.len()) as u64;
        self.keys.extend(key);
        self.accumulators.extend(self.spec.accumulators());
        self.table.insert_unique(hash, (hash, group as u32), |(hash, _)| *hash);
        group
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
        let text = if let KeyPart::Text(text) = self { text.as_str() } else { "" };
        // Short texts are held in place.
        size_of::<KeyPart>() + if text.len() > 23 { text.len() } else { 0 }
    }
}
