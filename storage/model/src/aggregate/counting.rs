//! Counting records by their keys, for specifications that look at nothing else in a record.

use super::partition::{self, PARTITIONS};
use super::{Groups, KeyPartRef, TooManyGroups, key};
use crate::RecordView;

/// Keys of a part wait until there are as many as groups in it, at least so many: then they are looked up together, while the
/// part's table is in the cache.
const WAITING_MIN: usize = 256;

/// Counts into groups. What is counted shows in them once [`Counting::finish`] is called.
#[derive(Debug)]
pub struct Counting {
    groups: Groups,
    /// For each part of the groups.
    waiting: Vec<Waiting>,
    /// Of what waits.
    bytes: u64,
    /// A key while it is encoded.
    scratch: Vec<u8>,
}

/// Keys with counts, to be looked up.
#[derive(Debug, Default)]
struct Waiting {
    /// Encoded, one behind the other.
    keys: Vec<u8>,
    entries: Vec<Entry>,
    /// Entries that are looked up together.
    entries_max: usize,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    /// Where the key ends.
    end: usize,
    count: u64,
}

impl Counting {
    pub fn new(groups: Groups) -> Counting {
        let waiting = || Waiting { entries_max: WAITING_MIN, ..Waiting::default() };
        Counting { groups, waiting: (0..PARTITIONS).map(|_| waiting()).collect(), bytes: 0, scratch: Vec::new() }
    }

    /// Memory that the groups and what waits take, estimated.
    pub fn bytes(&self) -> u64 {
        self.groups.bytes() + self.bytes
    }

    /// The groups, without what waits.
    pub fn groups_mut(&mut self) -> &mut Groups {
        &mut self.groups
    }

    /// Counts `n` records of the group with this key, which has as many parts as the specification.
    pub fn count<'k>(&mut self, key: impl Iterator<Item = KeyPartRef<'k>>, n: u64) -> Result<(), TooManyGroups> {
        self.scratch.clear();
        key.for_each(|part| key::encode(part, &mut self.scratch));
        self.count_encoded(n)
    }

    /// Counts one record, as [`Groups::add`] does.
    pub fn add(&mut self, record: &impl RecordView) -> Result<(), TooManyGroups> {
        self.scratch.clear();
        key::encode_record(&self.groups.spec().by, record, &mut self.scratch);
        self.count_encoded(1)
    }

    fn count_encoded(&mut self, n: u64) -> Result<(), TooManyGroups> {
        let hash = partition::hash(&self.scratch);
        let part = partition::number(hash);
        let waiting = &mut self.waiting[part];
        waiting.keys.extend_from_slice(&self.scratch);
        waiting.entries.push(Entry { hash, end: waiting.keys.len(), count: n });
        self.bytes += (self.scratch.len() + size_of::<Entry>()) as u64;
        if waiting.entries.len() >= waiting.entries_max { self.look_up(part) } else { Ok(()) }
    }

    /// The groups with everything that was counted.
    pub fn finish(mut self) -> Result<Groups, TooManyGroups> {
        (0..PARTITIONS).try_for_each(|part| self.look_up(part))?;
        Ok(self.groups)
    }

    fn look_up(&mut self, part: usize) -> Result<(), TooManyGroups> {
        let waiting = &mut self.waiting[part];
        let mut start = 0;
        for Entry { hash, end, count } in &waiting.entries {
            for accumulator in self.groups.encoded_group(*hash, &waiting.keys[start..*end])? {
                accumulator.count(*count);
            }
            start = *end;
        }
        self.bytes -= (waiting.keys.len() + waiting.entries.len() * size_of::<Entry>()) as u64;
        waiting.keys.clear();
        waiting.entries.clear();
        waiting.entries_max = self.groups.len_of(part).max(WAITING_MIN);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Aggregate, AggregateFunction, AggregateSpec, GroupKey, GroupPartition, KeyPart};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn spec(groups_max: usize) -> Arc<AggregateSpec> {
        let count = Aggregate { function: AggregateFunction::Count, field: None, only: None };
        Arc::new(AggregateSpec { by: vec![GroupKey::Field("id".into())], functions: vec![count], groups_max })
    }

    fn key(id: u32) -> KeyPart {
        if id == 0 { KeyPart::Absent } else { KeyPart::Text(format!("{}", id * id % 977).into()) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn counting_in_parts_equals_counting_at_once(ids in proptest::collection::vec(0u32..3000, 0..4000), threads in 1usize..4) {
            let mut one = Groups::new(spec(usize::MAX));
            let mut several: Vec<Counting> = (0..threads).map(|_| Counting::new(Groups::new(spec(usize::MAX)))).collect();
            for (at, id) in ids.iter().enumerate() {
                one.group(&[key(*id)]).unwrap()[0].count(1);
                several[at % threads].count([key(*id).as_ref()].into_iter(), 1).unwrap();
            }
            let several: Vec<Groups> = several.into_iter().map(|counting| counting.finish().unwrap()).collect();
            let mut merged = several[0].clone();
            for more in &several[1..] {
                merged.merge(more.clone()).unwrap();
            }
            let apart = Groups::apart(several).into_iter().map(|parts| GroupPartition::merge_all(parts, 1)).collect();
            let together = Groups::of_parts(spec(usize::MAX), apart, 0).unwrap();
            let want = one.finish();
            prop_assert_eq!(together.len(), want.len());
            prop_assert_eq!(together.finish(), want.clone());
            prop_assert_eq!(merged.finish(), want);
        }
    }

    #[test]
    fn groups_are_bounded() {
        let mut counting = Counting::new(Groups::new(spec(2)));
        let mut count = |id| counting.count([key(id).as_ref()].into_iter(), 1);
        (0..2).for_each(|id| count(id).unwrap());
        let refused = (2..9).map(&mut count).find_map(Result::err);
        assert_eq!(refused.or_else(|| counting.finish().err()), Some(TooManyGroups { max: 2 }));
        let mut counting = Counting::new(Groups::new(spec(2)));
        let refused =
            (0..100_000).map(|id| counting.count([key(id % 30).as_ref()].into_iter(), 1)).find_map(Result::err);
        assert_eq!(refused, Some(TooManyGroups { max: 2 }));
    }

    #[test]
    fn what_waits_is_counted_as_memory() {
        let mut counting = Counting::new(Groups::new(spec(usize::MAX)));
        let before = counting.bytes();
        counting.count([KeyPartRef::Text("some key")].into_iter(), 1).unwrap();
        assert!(counting.bytes() > before);
        for _ in 0..10_000 {
            counting.count([KeyPartRef::Text("some key")].into_iter(), 1).unwrap();
        }
        assert!(counting.bytes() < before + 100_000);
    }
}
