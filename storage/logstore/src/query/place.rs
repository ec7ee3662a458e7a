//! Where records may be, ordered by how early in the answer they could come.

use super::answer::Snapshot;
use super::rank::Rank;
use super::session::{Planned, Unit};
use std::collections::BinaryHeap;
use std::sync::Arc;
use watchfire_logblock::block::Block;
use watchfire_model::ScanOrder;

/// Something to look into, or to look at.
#[derive(Debug)]
pub(super) struct Place {
    /// No record in it comes before.
    pub(super) first: Rank,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// Not opened yet.
    Block(Arc<Block>),
    Unit(Unit),
}

/// The place with the earliest record first.
pub(super) type Places = BinaryHeap<Place>;

/// Everything that a query may have to look at.
pub(super) fn places(snapshot: Snapshot, order: ScanOrder) -> Places {
    let block =
        |block: Arc<Block>| Place { first: Rank::first_of(order, block.meta.times()), what: What::Block(block) };
    let chunks = snapshot.chunks.into_iter().map(|chunk| Place::unit(Unit::Chunk(chunk), order));
    snapshot.blocks.into_iter().map(block).chain(chunks).collect()
}

/// The granules of a block that was opened.
pub(super) fn granules(planned: &Arc<Planned>, order: ScanOrder) -> impl Iterator<Item = Place> {
    planned.granules.iter().map(move |granule| Place::unit(Unit::Granule(Arc::clone(planned), *granule), order))
}

impl Place {
    fn unit(unit: Unit, order: ScanOrder) -> Place {
        Place { first: Rank::first_of(order, unit.times()), what: What::Unit(unit) }
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Place) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Place) -> std::cmp::Ordering {
        self.first.cmp(&other.first)
    }
}
