//! Blocks read side by side, series by series in order of labels.

use crate::block::{Block, BlockScan};
use crate::deletion::{Deletion, deleted_ranges};
use crate::index::{Pair, SymbolTable, to_labels};
use crate::merge::{Merge, ReadError};
use smol_str::SmolStr;
use std::sync::Arc;
use watchfire_model::{Labels, QueryBudget, Samples, TimeRange};

/// Several blocks on their way into one.
#[derive(Debug)]
pub(super) struct Inputs {
    /// In the order in which they were written: of two samples with one time the later block's counts.
    scans: Vec<Input>,
    /// The texts of all, sorted, each once.
    texts: SymbolTable,
}

#[derive(Debug)]
struct Input {
    scan: BlockScan,
    /// Of the block's every symbol its place among the texts of all.
    places: Vec<u32>,
    /// Labels of the series at hand, as places among the texts of all; none after the last.
    labels: Option<Vec<Pair>>,
}

/// A block that cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) block: Arc<Block>,
    pub(super) error: ReadError,
}

impl Inputs {
    pub(super) fn open(blocks: &[Arc<Block>]) -> Result<Inputs, Unreadable> {
        let mut scans = Vec::with_capacity(blocks.len());
        for block in blocks {
            let unreadable = |error| Unreadable { block: Arc::clone(block), error };
            scans.push(BlockScan::open(Arc::clone(block)).map_err(unreadable)?);
        }
        let mut texts: Vec<SmolStr> = scans.iter().flat_map(|scan| scan.texts().iter().cloned()).collect();
        texts.sort_unstable();
        texts.dedup();
        let place = |text: &SmolStr| texts.partition_point(|other| other < text) as u32;
        let scans = scans.into_iter().map(|scan| {
            let places = scan.texts().iter().map(place).collect();
            let mut input = Input { scan, places, labels: None };
            input.load_labels();
            input
        });
        Ok(Inputs { scans: scans.collect(), texts: SymbolTable::new(texts) })
    }

    /// Texts that the labels of series are places among.
    pub(super) fn texts(&self) -> &[SmolStr] {
        self.texts.texts()
    }

    /// Labels of the next series; none after the last.
    pub(super) fn peek(&self) -> Option<Vec<Pair>> {
        self.scans.iter().filter_map(|input| input.labels.as_ref()).min().cloned()
    }

    pub(super) fn to_labels(&self, pairs: &[Pair]) -> Labels {
        to_labels(pairs, &self.texts)
    }

    /// Appends the samples of the series with these labels within `range` that are not deleted to `into`, and goes on
    /// behind it.
    pub(super) fn take(
        &mut self,
        pairs: &[Pair],
        range: TimeRange,
        deletions: &[Deletion],
        into: &mut Samples,
    ) -> Result<(), Unreadable> {
        let budget = QueryBudget::unlimited();
        let mut merge = Merge::new(range, &budget, into);
        for input in self.scans.iter_mut().filter(|input| input.labels.as_deref() == Some(pairs)) {
            let block = &input.scan.block.meta;
            if !block.tombstones.is_empty() {
                let labels = to_labels(pairs, &self.texts);
                merge.set_deleted(deleted_ranges(deletions, block, &labels));
            }
            if range.start <= range.end
                && let Err(error) = input.scan.read(&mut merge)
            {
                return Err(Unreadable { block: Arc::clone(&input.scan.block), error });
            }
            merge.set_deleted(Vec::new());
            input.scan.advance();
            input.load_labels();
        }
        Ok(())
    }
}

impl Input {
    fn load_labels(&mut self) {
        let place = |symbol: u32| self.places[symbol as usize];
        let to_places = |pair: &Pair| Pair { name: place(pair.name), value: place(pair.value) };
        self.labels = self.scan.pairs().map(|pairs| pairs.iter().map(to_places).collect());
    }
}
