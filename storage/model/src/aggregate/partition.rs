//! A part of the groups of an answer, chosen by the hash of their keys: parts of several threads merge one by one.

use super::Accumulator;
use hashbrown::HashTable;
use std::sync::LazyLock;

/// Parts that groups are divided into. A part of millions of groups still fits into the cache of a core.
pub(super) const PARTITIONS: usize = 64;
/// Bytes that a group takes beside its key and accumulators, about: its place in the table, which is half full at worst.
pub(super) const GROUP_BYTES: usize = 2 * size_of::<(u64, u32)>() + 2 + size_of::<usize>();

/// One for all, so that what one thread has hashed need not be hashed again by another; random, as no sender shall know it.
static HASHER: LazyLock<foldhash::fast::RandomState> = LazyLock::new(foldhash::fast::RandomState::default);

/// Groups of one part. Keys and accumulators stand in one list each, group after group: there may be millions of them.
#[derive(Debug, Clone, Default)]
pub struct GroupPartition {
    /// Where each group stands in the lists, with the hash of its key.
    table: HashTable<(u64, u32)>,
    /// Encoded, see `key::encode`.
    keys: Vec<u8>,
    /// Where the key of each group ends.
    ends: Vec<usize>,
    /// As many for each group as there are functions.
    pub(super) accumulators: Vec<Accumulator>,
}

/// Of an encoded key.
pub(super) fn hash(key: &[u8]) -> u64 {
    use std::hash::BuildHasher as _;
    HASHER.hash_one(key)
}

/// In which part a key belongs. The table uses the lowest and the highest bits of the hash.
pub(super) fn number(hash: u64) -> usize {
    (hash >> 40) as usize % PARTITIONS
}

impl GroupPartition {
    /// Groups in it.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The encoded key of a group below [`GroupPartition::len`].
    pub(super) fn key(&self, group: usize) -> &[u8] {
        key_of(&self.keys, &self.ends, group)
    }

    /// The number of the group with this key, if there is one.
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        let is_key = |(known, group): &(u64, u32)| *known == hash && self.key(*group as usize) == key;
        self.table.find(hash, is_key).map(|(_, group)| *group as usize)
    }

    /// Adds a group that is not there; its number. There are at most `u32::MAX`.
    pub(super) fn insert(&mut self, hash: u64, key: &[u8], fresh: &[Accumulator]) -> usize {
        let group = self.begin(hash, key);
        self.accumulators.extend_from_slice(fresh);
        group
    }

    fn begin(&mut self, hash: u64, key: &[u8]) -> usize {
        let group = self.ends.len();
        self.keys.extend_from_slice(key);
        self.ends.push(self.keys.len());
        self.table.insert_unique(hash, (hash, group as u32), |(hash, _)| *hash);
        group
    }

    /// The groups of the same part of several threads' groups. `n_functions`: accumulators of each group.
    pub fn merge_all(parts: Vec<GroupPartition>, n_functions: usize) -> GroupPartition {
        let merge = |mut one: GroupPartition, other| {
            one.merge(other, n_functions);
            one
        };
        parts.into_iter().reduce(merge).unwrap_or_default()
    }

    /// Takes over the groups of the same part of another thread's groups. `n_functions`: accumulators of each group.
    pub(super) fn merge(&mut self, mut other: GroupPartition, n_functions: usize) {
        if other.len() > self.len() {
            std::mem::swap(self, &mut other);
        }
        let GroupPartition { table, keys, ends, accumulators } = other;
        let mut hashes = vec![0; ends.len()];
        for (hash, group) in table {
            hashes[group as usize] = hash;
        }
        let mut accumulators = accumulators.into_iter();
        for (group, hash) in hashes.into_iter().enumerate() {
            let key = key_of(&keys, &ends, group);
            let more = accumulators.by_ref().take(n_functions);
            if let Some(group) = self.find(hash, key) {
                let held = &mut self.accumulators[group * n_functions..][..n_functions];
                held.iter_mut().zip(more).for_each(|(held, more)| held.merge(more));
            } else {
                self.begin(hash, key);
                self.accumulators.extend(more);
            }
        }
    }
}

/// The order of two groups, each given by its part and number, is that of their keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The first bytes of the key behind its kind, and that: mostly they decide.
    front: u64,
    kind: u8,
    pub(super) part: u32,
    pub(super) group: u32,
}

impl Place {
    pub(super) fn new(parts: &[GroupPartition], part: usize, group: usize) -> Place {
        let (kind, key) = parts[part].key(group).split_first().map_or((0, &[] as &[u8]), |(kind, key)| (*kind, key));
        let mut front = [0; size_of::<u64>()];
        let len = key.len().min(front.len());
        front[..len].copy_from_slice(&key[..len]);
        Place { front: u64::from_be_bytes(front), kind, part: part as u32, group: group as u32 }
    }

    pub(super) fn key(self, parts: &[GroupPartition]) -> &[u8] {
        parts[self.part as usize].key(self.group as usize)
    }

    pub(super) fn cmp(self, other: Place, parts: &[GroupPartition]) -> std::cmp::Ordering {
        let by_front = (self.kind, self.front).cmp(&(other.kind, other.front));
        by_front.then_with(|| self.key(parts).cmp(other.key(parts)))
    }
}

fn key_of<'k>(keys: &'k [u8], ends: &[usize], group: usize) -> &'k [u8] {
    let start = group.checked_sub(1).map_or(0, |before| ends[before]);
    &keys[start..ends[group]]
}
