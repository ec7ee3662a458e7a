//! Reads everything once in a while, so that damage is found before somebody needs the data and while it may still be
//! mended.

use crate::block::{Block, ReadError};
use crate::store::Inner;
use std::sync::Arc;

/// What a scrub has looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScrubReport {
    /// Blocks read through.
    pub blocks: u64,
    /// Their files.
    pub objects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Blocks found damaged, for the first time.
    pub damaged: u64,
    /// Blocks that could not be read now, which says nothing about their bytes.
    pub unreadable: u64,
    /// The last block was reached: the next scrub begins with the first one.
    pub is_round_over: bool,
}

impl Inner {
    pub(crate) fn scrub(&self, bytes_max: u64) -> ScrubReport {
        let mut scrubbed = self.scrubbed.lock();
        let mut blocks: Vec<Arc<Block>> = self.fresh.lock().blocks.to_vec();
        blocks.retain(|block| scrubbed.as_ref().is_none_or(|last| block.meta.key > *last));
        blocks.sort_by(|a, b| a.meta.key.cmp(&b.meta.key));
        let mut report = ScrubReport { is_round_over: true, ..ScrubReport::default() };
        for block in blocks {
            if report.blocks > 0 && report.bytes >= bytes_max {
                report.is_round_over = false;
                break;
            }
            if !block.is_damaged() {
                self.scrub_block(&block, &mut report);
            }
            *scrubbed = Some(block.meta.key.clone());
        }
        if report.is_round_over {
            *scrubbed = None;
            self.metrics.scrub_rounds.inc();
        }
        self.metrics.scrubbed_objects.inc_by(report.objects);
        self.metrics.scrubbed_bytes.inc_by(report.bytes);
        report
    }

    fn scrub_block(&self, block: &Block, report: &mut ScrubReport) {
        report.blocks += 1;
        report.objects += 2;
        match block.verify() {
            Ok(bytes) => report.bytes += bytes,
            Err(error @ (ReadError::Damaged(_) | ReadError::Missing)) => {
                report.damaged += 1;
                report.bytes += block.meta.bytes();
                self.set_damaged(block, &error.to_string());
            }
            Err(ReadError::Storage(_) | ReadError::Exhausted(_)) => {
                report.unreadable += 1;
                self.metrics.scrub_failures.inc();
            }
        }
    }
}
