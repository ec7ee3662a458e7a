//! Every checksum of every block compared, a piece at a time.

use crate::TsdbError;
use crate::block::Block;
use crate::inspect::damaged_block;
use crate::merge::ReadError;
use crate::status::{ScrubReport, ScrubStatus};
use crate::tsdb::Shared;
use std::sync::Arc;
use watchfire_model::{QueryBudget, Timestamp};

/// Where the last scrub ended: blocks are read in order of their keys.
#[derive(Debug, Default)]
pub(crate) struct ScrubPlace {
    /// The block that was last read, none at the start of a round.
    key: Option<String>,
    /// The page of it that comes next; none when it was read to its end.
    page: Option<u32>,
    /// Bytes of the round so far.
    bytes: u64,
    last_completed: Option<Timestamp>,
}

impl Shared {
    pub(crate) fn scrub(&self, bytes_max: u64) -> Result<ScrubReport, TsdbError> {
        let mut place = self.scrub_place.lock();
        let mut report = ScrubReport::default();
        while let Some(block) = self.next_to_scrub(&place) {
            self.check_closing()?;
            let first = place.page.filter(|_| place.key.as_ref() == Some(&block.meta.key)).unwrap_or(0);
            place.key = Some(block.meta.key.clone());
            place.page = None;
            let read = if block.is_damaged() { Ok(None) } else { scrub_block(&block, first, bytes_max, &mut report) };
            match read {
                Ok(next) => place.page = next,
                Err(error) => {
                    self.note_damage(&block, &error);
                    if let (ReadError::Storage(error), false) = (error, block.is_damaged()) {
                        return Err(error.into());
                    }
                }
            }
            report.damaged.extend(damaged_block(&block));
            report.blocks += u64::from(place.page.is_none());
            if place.page.is_some() || report.bytes >= bytes_max {
                break;
            }
        }
        place.bytes += report.bytes;
        if self.next_to_scrub(&place).is_none() {
            *place = ScrubPlace { last_completed: Some(Timestamp(self.now())), ..ScrubPlace::default() };
            report.round_complete = true;
        }
        self.metrics.scrubbed_bytes.inc_by(report.bytes);
        Ok(report)
    }

    pub(crate) fn scrub_status(&self) -> ScrubStatus {
        let total_bytes = self.blocks().iter().map(|block| block.meta.bytes).sum();
        let place = self.scrub_place.lock();
        // An index is read again with every piece of its block.
        let checked_bytes = place.bytes.min(total_bytes);
        ScrubStatus { checked_bytes, total_bytes, last_completed: place.last_completed }
    }

    fn next_to_scrub(&self, place: &ScrubPlace) -> Option<Arc<Block>> {
        let blocks = self.blocks();
        let comes = |block: &&Arc<Block>| match (&place.key, place.page) {
            (None, _) => true,
            (Some(key), Some(_)) => block.meta.key >= *key,
            (Some(key), None) => block.meta.key > *key,
        };
        blocks.iter().filter(comes).min_by(|a, b| a.meta.key.cmp(&b.meta.key)).cloned()
    }
}

/// Reads the index of a block and its pages from `first` on, until `bytes_max` are read in all; returns the page that
/// comes next.
fn scrub_block(block: &Block, first: u32, bytes_max: u64, report: &mut ScrubReport) -> Result<Option<u32>, ReadError> {
    let budget = QueryBudget::unlimited();
    let index = block.load_index(&budget)?;
    report.bytes += budget.bytes();
    for page in first..index.n_pages() {
        if report.bytes >= bytes_max && page > first {
            return Ok(Some(page));
        }
        report.bytes += block.load_page(page, &index)?.len() as u64;
    }
    Ok(None)
}
