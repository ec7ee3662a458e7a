//! Which series have which labels.

use super::posting::Posting;
use super::symbols::{Pair, Symbol};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use roaring::RoaringBitmap;

/// Symbols are small numbers given out by ourselves, so a quick hash is safe.
pub(crate) type SymbolMap<V> = HashMap<Symbol, V, foldhash::fast::FixedState>;

/// All postings of a head or block.
#[derive(Debug, Default)]
pub(crate) struct Postings {
    all: RoaringBitmap,
    names: SymbolMap<Values>,
}

/// Postings of one label name.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// Series that have the label at all.
    present: RoaringBitmap,
    by_value: SymbolMap<Posting>,
}

impl Postings {
    pub(crate) fn insert(&mut self, id: u32, pairs: &[Pair]) {
        self.all.insert(id);
        for pair in pairs {
            let values = self.names.entry(pair.name).or_default();
            values.present.insert(id);
            match values.by_value.entry(pair.value) {
                Entry::Occupied(mut posting) => posting.get_mut().insert(id),
                Entry::Vacant(vacant) => {
                    vacant.insert(Posting::One(id));
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, id: u32, pairs: &[Pair]) {
        self.all.remove(id);
        for pair in pairs {
            let Some(values) = self.names.get_mut(&pair.name) else { continue };
            values.present.remove(id);
            if let Some(rest) = values.by_value.remove(&pair.value).and_then(|posting| posting.without(id)) {
                values.by_value.insert(pair.value, rest);
            }
            if values.by_value.is_empty() {
                self.names.remove(&pair.name);
            }
        }
    }

    /// Adds the posting of one label as a block holds it.
    pub(crate) fn load(&mut self, pair: Pair, posting: Posting) {
        let values = self.names.entry(pair.name).or_default();
        posting.add_to(&mut values.present);
        values.by_value.insert(pair.value, posting);
    }

    /// Says that series `0..count` exist.
    pub(crate) fn load_all(&mut self, count: u32) {
        self.all.insert_range(0..count);
    }

    pub(crate) fn all(&self) -> &RoaringBitmap {
        &self.all
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = (Symbol, &Values)> {
        self.names.iter().map(|(name, values)| (*name, values))
    }

    pub(crate) fn values(&self, name: Symbol) -> Option<&Values> {
        self.names.get(&name)
    }

    /// Memory, approximately.
    pub(crate) fn size(&self) -> usize {
        let values = |values: &Values| {
            let postings = values.by_value.values().map(Posting::size).sum::<usize>();
            values.present.serialized_size() + values.by_value.allocation_size() + postings
        };
        self.names.values().map(values).sum::<usize>() + self.all.serialized_size() + self.names.allocation_size()
    }
}

impl Values {
    pub(crate) fn present(&self) -> &RoaringBitmap {
        &self.present
    }

    pub(crate) fn get(&self, value: Symbol) -> Option<&Posting> {
        self.by_value.get(&value)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_value.len()
    }

    /// In no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Symbol, &Posting)> {
        self.by_value.iter().map(|(value, posting)| (*value, posting))
    }
}
