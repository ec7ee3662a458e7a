//! Reads everything once in a while, so that damage is found before somebody needs the data and while it may still be
//! mended.

use crate::store::{Inner, MANIFEST_PREFIX};
use std::sync::Arc;
use watchfire_logblock::block::{Block, ReadError};
use watchfire_store::scrub_manifest;

/// What a scrub has looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScrubReport {
    /// Blocks read through.
    pub blocks: u64,
    /// Files read through: of blocks, of the write-ahead log, of the manifest.
    pub objects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Blocks found damaged, for the first time.
    pub damaged: u64,
    /// Segments of the write-ahead log found damaged.
    pub damaged_segments: u64,
    /// Objects of the manifest of which a copy is damaged.
    pub damaged_manifests: u64,
    /// Blocks and other parts that could not be read now, which says nothing about their bytes.
    pub unreadable: u64,
    /// What is damaged or unreadable, each in words.
    pub found: Vec<String>,
    /// Everything has been read since the round began: the next scrub begins another one.
    pub is_round_over: bool,
}

/// How far the round has come.
#[derive(Debug, Default)]
pub(crate) enum ScrubPlace {
    /// Blocks in order of their keys; those up to this one are done.
    #[default]
    FirstBlock,
    BlocksAfter(String),
    /// All blocks are done, the segments of the log are not.
    Log,
}

impl Inner {
    pub(crate) fn scrub(&self, bytes_max: u64) -> ScrubReport {
        let mut place = self.scrubbed.lock();
        let mut report = ScrubReport::default();
        *place = self.scrub_blocks(std::mem::take(&mut *place), bytes_max, &mut report);
        if matches!(*place, ScrubPlace::Log) && (report.blocks == 0 || report.bytes < bytes_max) {
            self.scrub_log(bytes_max.saturating_sub(report.bytes), &mut report);
        }
        if report.is_round_over {
            *place = ScrubPlace::FirstBlock;
            self.metrics.scrub_rounds.inc();
        }
        self.metrics.scrubbed_objects.inc_by(report.objects);
        self.metrics.scrubbed_bytes.inc_by(report.bytes);
        self.metrics.scrub_failures.inc_by(report.unreadable);
        self.metrics.damaged_segments.inc_by(report.damaged_segments);
        self.metrics.damaged_manifests.inc_by(report.damaged_manifests);
        report
    }

    /// Blocks until there are enough bytes, one at least; where to go on.
    fn scrub_blocks(&self, place: ScrubPlace, bytes_max: u64, report: &mut ScrubReport) -> ScrubPlace {
        let mut blocks: Vec<Arc<Block>> = self.fresh.lock().blocks.to_vec();
        match &place {
            ScrubPlace::FirstBlock => {}
            ScrubPlace::BlocksAfter(last) => blocks.retain(|block| block.meta.key > *last),
            ScrubPlace::Log => return place,
        }
        blocks.retain(|block| !block.is_damaged());
        blocks.sort_by(|a, b| a.meta.key.cmp(&b.meta.key));
        let mut place = place;
        for block in blocks {
            if report.blocks > 0 && report.bytes >= bytes_max {
                return place;
            }
            self.scrub_block(&block, report);
            place = ScrubPlace::BlocksAfter(block.meta.key.clone());
        }
        ScrubPlace::Log
    }

    fn scrub_block(&self, block: &Block, report: &mut ScrubReport) {
        report.blocks += 1;
        report.objects += 2;
        match block.verify() {
            Ok(bytes) => report.bytes += bytes,
            Err(error) => {
                report.found.push(format!("block {}: {error}", block.meta.key));
                report.bytes += block.meta.bytes();
                if let ReadError::Damaged(_) | ReadError::Missing = error {
                    report.damaged += 1;
                    self.set_damaged(block, &error.to_string());
                } else {
                    report.unreadable += 1;
                }
            }
        }
    }

    /// Segments until there are enough bytes; behind the last one the manifest, which ends the round.
    fn scrub_log(&self, bytes_max: u64, report: &mut ScrubReport) {
        match self.wal.scrub(bytes_max) {
            Ok(scrub) => {
                report.objects += scrub.segments;
                report.bytes += scrub.bytes;
                report.damaged_segments += scrub.damaged.len() as u64;
                for segment in &scrub.damaged {
                    report
                        .found
                        .push(format!("segment {}: {} of its records are damaged", segment.key, segment.damaged));
                }
                if scrub.damaged.iter().any(|segment| segment.is_needed) {
                    self.rescue(report);
                }
                report.is_round_over = scrub.round_complete;
            }
            Err(error) => report.cannot("the write-ahead log", &error),
        }
        if report.is_round_over {
            self.scrub_manifest(report);
        }
    }

    /// Memory still has the records that the log would not bring back: they are written out.
    fn rescue(&self, report: &mut ScrubReport) {
        if let Err(error) = self.flush() {
            report.cannot("records whose log is damaged", &error);
        }
    }

    fn scrub_manifest(&self, report: &mut ScrubReport) {
        match scrub_manifest(&*self.storage, MANIFEST_PREFIX) {
            Ok(scrub) => {
                report.objects += scrub.objects;
                report.bytes += scrub.bytes;
                report.damaged_manifests += scrub.damaged.len() as u64;
                report.found.extend(scrub.damaged.into_iter().map(|object| format!("{}: {}", object.key, object.what)));
            }
            Err(error) => report.cannot("the manifest", &error),
        }
    }
}

impl ScrubReport {
    fn cannot(&mut self, what: &str, error: &dyn std::error::Error) {
        self.unreadable += 1;
        self.found.push(format!("{what}: {error}"));
    }
}
