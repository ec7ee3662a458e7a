//! The series that have one label value.

use roaring::RoaringBitmap;

/// Numbers of series, each once. Most values belong to one series or a few, for which a bitmap would be wasteful.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Posting {
    One(u32),
    /// Sorted, at most [`FEW_MAX`].
    Few(Vec<u32>),
    Many(Box<RoaringBitmap>),
}

/// A bitmap takes about as much memory as so many plain numbers.
const FEW_MAX: usize = 32;

impl Posting {
    pub(crate) fn from_bitmap(bitmap: RoaringBitmap) -> Posting {
        match bitmap.len() {
            1 => Posting::One(bitmap.min().unwrap_or(0)),
            len if len <= FEW_MAX as u64 => Posting::Few(bitmap.iter().collect()),
            _ => Posting::Many(Box::new(bitmap)),
        }
    }

    pub(crate) fn insert(&mut self, id: u32) {
        match self {
            Posting::One(other) if *other == id => {}
            Posting::One(other) => *self = Posting::Few(vec![id.min(*other), id.max(*other)]),
            Posting::Few(ids) => match ids.binary_search(&id) {
                Ok(_) => {}
                Err(index) if ids.len() < FEW_MAX => ids.insert(index, id),
                Err(_) => {
                    let mut bitmap: RoaringBitmap = ids.iter().copied().collect();
                    bitmap.insert(id);
                    *self = Posting::Many(Box::new(bitmap));
                }
            },
            Posting::Many(bitmap) => {
                bitmap.insert(id);
            }
        }
    }

    /// Removes a series; `None` when it was the last.
    pub(crate) fn without(self, id: u32) -> Option<Posting> {
        match self {
            Posting::One(other) => (other != id).then_some(self),
            Posting::Few(mut ids) => {
                ids.retain(|&other| other != id);
                if let [last] = ids[..] { Some(Posting::One(last)) } else { Some(Posting::Few(ids)) }
            }
            Posting::Many(mut bitmap) => {
                bitmap.remove(id);
                if bitmap.len() > FEW_MAX as u64 / 2 {
                    Some(Posting::Many(bitmap))
                } else {
                    Some(Posting::from_bitmap(*bitmap))
                }
            }
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Posting::One(_) => 1,
            Posting::Few(ids) => ids.len() as u64,
            Posting::Many(bitmap) => bitmap.len(),
        }
    }

    pub(crate) fn add_to(&self, set: &mut RoaringBitmap) {
        match self {
            Posting::One(id) => {
                set.insert(*id);
            }
            Posting::Few(ids) => set.extend(ids.iter().copied()),
            Posting::Many(bitmap) => *set |= &**bitmap,
        }
    }

    pub(crate) fn remove_from(&self, set: &mut RoaringBitmap) {
        match self {
            Posting::One(id) => {
                set.remove(*id);
            }
            Posting::Few(ids) => {
                for id in ids {
                    set.remove(*id);
                }
            }
            Posting::Many(bitmap) => *set -= &**bitmap,
        }
    }

    pub(crate) fn intersects(&self, set: &RoaringBitmap) -> bool {
        match self {
            Posting::One(id) => set.contains(*id),
            Posting::Few(ids) => ids.iter().any(|&id| set.contains(id)),
            Posting::Many(bitmap) => !bitmap.is_disjoint(set),
        }
    }

    /// Memory beyond the value itself, approximately.
    pub(crate) fn size(&self) -> usize {
        match self {
            Posting::One(_) => 0,
            Posting::Few(ids) => ids.capacity() * 4 + 16,
            Posting::Many(bitmap) => bitmap.serialized_size() + 64,
        }
    }
}
