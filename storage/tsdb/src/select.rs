//! Queries: what of head and blocks a selector finds, and how its samples are read.

use crate::Tsdb;
use crate::block::{Block, BlockIndex};
use crate::deletion::deleted_ranges;
use crate::head::Series;
use crate::index::{label_names, label_values, resolve};
use crate::merge::{Merge, ReadError};
use crate::tsdb::Shared;
use hashbrown::HashTable;
use roaring::RoaringBitmap;
use std::collections::BTreeSet;
use std::sync::Arc;
use watchfire_model::{
    Labels, Matcher, QueryBudget, Samples, SelectError, SeriesExemplars, SeriesReader, SeriesSource, TimeRange,
    Timestamp,
};

/// Bytes of memory of one label beside its texts.
const LABEL_BYTES: usize = 2 * size_of::<smol_str::SmolStr>();

/// Series that are taken between two looks at the budget.
const SERIES_PER_CHECK: usize = 1024;

/// The blocks that a query began with, and the indexes of those within its range.
struct View {
    blocks: Arc<Vec<Arc<Block>>>,
    /// In the order of `blocks`; those outside of the range or damaged are left out.
    open: Vec<OpenBlock>,
}

struct OpenBlock {
    block: Arc<Block>,
    index: Arc<BlockIndex>,
}

/// One series found: where its samples are.
struct Found {
    labels: Labels,
    head: Option<Arc<Series>>,
    /// Place in `View::open`, and the series' place in that block.
    blocks: Vec<(u32, u32)>,
}

/// Series found, each label set once.
#[derive(Default)]
struct FoundSet {
    found: Vec<Found>,
    /// Bytes of memory that the budget does not know of yet.
    uncharged: u64,
    /// By hash of labels.
    places: HashTable<(u64, usize)>,
}

struct StoredSeries {
    shared: Arc<Shared>,
    view: Arc<View>,
    found: Found,
    /// Samples before this time are past a retention rule.
    hidden_before: i64,
}

impl SeriesSource for Tsdb {
    fn missing(&self, range: TimeRange) -> Vec<String> {
        self.shared.missing(range)
    }

    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        let shared = &self.shared;
        // The head comes first: what leaves it meanwhile is in a block of the view.
        let mut set = FoundSet::default();
        {
            let index = shared.head.index.read();
            let slots = resolve(matchers, &index.postings, &index.symbols, budget)?;
            for (count, slot) in slots.iter().enumerate() {
                if count % SERIES_PER_CHECK == 0 {
                    set.charge(budget)?;
                }
                let Some(series) = index.slot(slot) else { continue };
                if series.samples().overlaps(range) {
                    let labels = index.labels(series);
                    set.add_head(series.hash, labels, Arc::clone(series));
                }
            }
        }
        let view = shared.view(range, budget)?;
        for (place, open) in (0..).zip(&view.open) {
            let series = resolve(matchers, &open.index.postings, &open.index.symbols, budget)?;
            for (count, number) in series.iter().enumerate() {
                if count % SERIES_PER_CHECK == 0 {
                    set.charge(budget)?;
                }
                set.add_block(place, number, &open.index);
            }
        }
        set.charge(budget)?;
        let mut found = set.found;
        found.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        let view = Arc::new(view);
        let cutoffs = shared.cutoffs();
        let reader = |found: Found| {
            let hidden_before = cutoffs.hidden_before(&found.labels);
            StoredSeries { shared: Arc::clone(shared), view: Arc::clone(&view), found, hidden_before }
        };
        Ok(found.into_iter().map(|found| Box::new(reader(found)) as Box<dyn SeriesReader>).collect())
    }

    fn exemplars(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<SeriesExemplars>, SelectError> {
        Ok(self.shared.exemplars.lock().select(selectors, range, budget)?)
    }

    fn label_names(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        let mut names = BTreeSet::new();
        if self.shared.head_overlaps(range) {
            let index = self.shared.head.index.read();
            let series = union(selectors, |matchers| resolve(matchers, &index.postings, &index.symbols, budget))?;
            label_names(series.as_ref(), &index.postings, &index.symbols, budget, &mut names)?;
        }
        for OpenBlock { index, .. } in &self.shared.view(range, budget)?.open {
            let series = union(selectors, |matchers| resolve(matchers, &index.postings, &index.symbols, budget))?;
            label_names(series.as_ref(), &index.postings, &index.symbols, budget, &mut names)?;
        }
        Ok(names.into_iter().collect())
    }

    fn label_values(
        &self,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &QueryBudget,
    ) -> Result<Vec<String>, SelectError> {
        let mut values = BTreeSet::new();
        if self.shared.head_overlaps(range) {
            let index = self.shared.head.index.read();
            let series = union(selectors, |matchers| resolve(matchers, &index.postings, &index.symbols, budget))?;
            label_values(name, series.as_ref(), &index.postings, &index.symbols, budget, &mut values)?;
        }
        for OpenBlock { index, .. } in &self.shared.view(range, budget)?.open {
            let series = union(selectors, |matchers| resolve(matchers, &index.postings, &index.symbols, budget))?;
            label_values(name, series.as_ref(), &index.postings, &index.symbols, budget, &mut values)?;
        }
        Ok(values.into_iter().collect())
    }
}

/// The series that any of the selectors finds; none where there are no selectors, which means all.
fn union<E>(
    selectors: &[Vec<Matcher>],
    resolve: impl Fn(&[Matcher]) -> Result<RoaringBitmap, E>,
) -> Result<Option<RoaringBitmap>, E> {
    let mut all = None;
    for matchers in selectors {
        *all.get_or_insert_default() |= resolve(matchers)?;
    }
    Ok(all)
}

impl Shared {
    fn head_overlaps(&self, range: TimeRange) -> bool {
        self.head.times().is_some_and(|(_, max)| range.start.0 <= max)
    }

    fn view(&self, range: TimeRange, budget: &QueryBudget) -> Result<View, SelectError> {
        let blocks = self.blocks();
        let mut open = Vec::new();
        for block in blocks.iter().filter(|block| block.meta.range().overlaps(range)) {
            if let Some(index) = self.undamaged(block, block.index(&self.caches, budget))? {
                open.push(OpenBlock { block: Arc::clone(block), index });
            }
        }
        Ok(View { blocks, open })
    }

    /// A part of a block, unless it is damaged: queries go on without it, and the block is named in the status.
    fn undamaged<T>(&self, block: &Block, read: Result<T, ReadError>) -> Result<Option<T>, SelectError> {
        match read {
            Ok(part) => Ok(Some(part)),
            Err(ReadError::Budget(exhausted)) => Err(exhausted.into()),
            Err(error) => {
                self.note_damage(block, &error);
                match error {
                    ReadError::Storage(error) if !block.is_damaged() => Err(SelectError::Storage(error.to_string())),
                    _ => Ok(None),
                }
            }
        }
    }
}

impl Found {
    /// Bytes of memory until the query ends, about.
    fn size(&self) -> u64 {
        let label_texts: usize = self.labels.iter().map(|label| label.name.len() + label.value.len()).sum();
        (size_of::<StoredSeries>() + self.labels.len() * LABEL_BYTES + label_texts) as u64
    }
}

impl FoundSet {
    /// Takes what was added since the last call from the query's memory; it is given back when the query ends.
    fn charge(&mut self, budget: &QueryBudget) -> Result<(), SelectError> {
        budget.take_memory(std::mem::take(&mut self.uncharged))?;
        Ok(())
    }

    fn add_head(&mut self, hash: u64, labels: Labels, series: Arc<Series>) {
        // The head holds each label set once.
        self.insert(hash, Found { labels, head: Some(series), blocks: Vec::new() });
    }

    fn add_block(&mut self, place: u32, number: u32, index: &BlockIndex) {
        let hash = index.hash(number);
        let found = &self.found;
        let same = |(other, at): &(u64, usize)| *other == hash && index.has_labels(number, &found[*at].labels);
        if let Some(&(_, at)) = self.places.find(hash, same) {
            self.found[at].blocks.push((place, number));
            self.uncharged += size_of::<(u32, u32)>() as u64;
        } else {
            self.insert(hash, Found { labels: index.labels(number), head: None, blocks: vec![(place, number)] });
        }
    }

    fn insert(&mut self, hash: u64, found: Found) {
        self.places.insert_unique(hash, (hash, self.found.len()), |(hash, _)| *hash);
        self.uncharged += found.size();
        self.found.push(found);
    }
}

impl SeriesReader for StoredSeries {
    fn labels(&self) -> &Labels {
        &self.found.labels
    }

    /// Blocks come before the head, as they were written before. Should blocks have come meanwhile, into which the head
    /// may have let samples go, everything is read again.
    fn read(&self, range: TimeRange, budget: &QueryBudget, into: &mut Samples) -> Result<(), SelectError> {
        let base = into.len();
        let range = TimeRange { start: range.start.max(Timestamp(self.hidden_before)), ..range };
        if range.start > range.end {
            return Ok(());
        }
        loop {
            let blocks = self.shared.blocks();
            let mut merge = Merge::new(range, budget, into);
            if Arc::ptr_eq(&blocks, &self.view.blocks) {
                for &(place, number) in &self.found.blocks {
                    let OpenBlock { block, index } = &self.view.open[place as usize];
                    self.read_block(block, index, number, range, budget, &mut merge)?;
                }
            } else {
                self.read_changed(&blocks, range, budget, &mut merge)?;
            }
            if let Some(series) = &self.found.head {
                read_head(series, &mut merge)?;
            }
            if self.found.head.is_none() || Arc::ptr_eq(&blocks, &self.shared.blocks()) {
                return Ok(());
            }
            budget.return_samples(into.weight_from(base));
            into.truncate(base);
        }
    }
}

impl StoredSeries {
    /// Reads from blocks that are not those of the view: finds the series by its labels where a block is new.
    fn read_changed(
        &self,
        blocks: &[Arc<Block>],
        range: TimeRange,
        budget: &QueryBudget,
        merge: &mut Merge<'_>,
    ) -> Result<(), SelectError> {
        for block in blocks.iter().filter(|block| block.meta.range().overlaps(range)) {
            if self.view.blocks.iter().any(|known| Arc::ptr_eq(known, block)) {
                let is_it = |(place, _): &&(u32, u32)| Arc::ptr_eq(&self.view.open[*place as usize].block, block);
                if let Some(&(place, number)) = self.found.blocks.iter().find(is_it) {
                    let index = &self.view.open[place as usize].index;
                    self.read_block(block, index, number, range, budget, merge)?;
                }
            } else if let Some(index) = self.shared.undamaged(block, block.index(&self.shared.caches, budget))?
                && let Some(number) = index.find(&self.found.labels)
            {
                self.read_block(block, &index, number, range, budget, merge)?;
            }
        }
        Ok(())
    }

    fn read_block(
        &self,
        block: &Block,
        index: &BlockIndex,
        number: u32,
        range: TimeRange,
        budget: &QueryBudget,
        merge: &mut Merge<'_>,
    ) -> Result<(), SelectError> {
        if block.meta.range().overlaps(range) {
            if !block.meta.tombstones.is_empty() {
                let deletions = self.shared.deletions();
                merge.set_deleted(deleted_ranges(&deletions, &block.meta, &self.found.labels));
            }
            let read = block.read(number, index, &self.shared.caches, budget, merge);
            merge.set_deleted(Vec::new());
            self.shared.undamaged(block, read)?;
        }
        Ok(())
    }
}

fn read_head(series: &Series, merge: &mut Merge<'_>) -> Result<(), SelectError> {
    series.samples().read(merge).map_err(|error| match error {
        ReadError::Budget(exhausted) => exhausted.into(),
        other => SelectError::Storage(other.to_string()),
    })
}
