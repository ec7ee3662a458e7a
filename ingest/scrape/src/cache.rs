//! What a target showed before: from the text of a series to its id in the store, so that labels are built once.

use std::collections::{HashMap, HashSet};
use watchfire_tsdb::SeriesId;

/// The series of one target's pages, by their text on the page.
///
/// Bounded by the page and by the target's quota: an entry that is not on a good page goes, a bad page leaves none of its
/// own, and of what is not stored only so much is remembered.
#[derive(Debug, Default)]
pub(crate) struct SeriesCache {
    entries: HashMap<Box<str>, CachedSeries, foldhash::fast::RandomState>,
    /// Live series of the loop before a reload; they end unless they show up again.
    orphans: Vec<SeriesId>,
    /// Counts pages, also bad ones.
    round: u32,
    /// Bytes of texts without a series that were remembered on this page.
    dropped_bytes: usize,
}

/// Bytes of texts that are remembered although their series is not stored; others are looked at on every page.
const DROPPED_BYTES_MAX: usize = 8 << 20;
/// A table with so many times more places than entries is made smaller.
const TABLE_SLACK: usize = 4;

/// One text and what became of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CachedSeries {
    /// `None` where metric relabeling drops the series.
    pub(crate) id: Option<SeriesId>,
    /// The round in which it was seen last.
    round: u32,
    /// Whether staleness is followed, in the round in which it was seen last.
    tracked: bool,
    /// Whether its last stored sample is one that a staleness marker must end.
    live: bool,
}

/// Whether a series text is new on the page being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sighting {
    First,
    Again,
}

impl SeriesCache {
    pub(crate) fn with_orphans(orphans: Vec<SeriesId>) -> SeriesCache {
        SeriesCache { orphans, ..SeriesCache::default() }
    }

    /// Begins a page.
    pub(crate) fn start_page(&mut self) {
        self.round = self.round.wrapping_add(1);
        self.dropped_bytes = 0;
    }

    /// The series of the last page, some of them more than once.
    pub(crate) fn ids(&self) -> impl Iterator<Item = SeriesId> {
        self.entries.values().filter_map(|entry| entry.id)
    }

    /// Looks a text up and notes that it is on this page.
    pub(crate) fn see(&mut self, series: &str, tracked: bool) -> Option<(Option<SeriesId>, Sighting)> {
        let entry = self.entries.get_mut(series)?;
        let sighting = if entry.round == self.round { Sighting::Again } else { Sighting::First };
        entry.round = self.round;
        entry.tracked = tracked;
        Some((entry.id, sighting))
    }

    /// Remembers a text that is new to the cache.
    pub(crate) fn insert(&mut self, series: &str, id: Option<SeriesId>, tracked: bool) {
        if id.is_none() {
            self.dropped_bytes += series.len();
            if self.dropped_bytes > DROPPED_BYTES_MAX {
                return;
            }
        }
        let entry = CachedSeries { id, round: self.round, tracked, live: false };
        self.entries.insert(series.into(), entry);
    }

    /// Ends a good page: returns the series that have ended since the last one, each once.
    pub(crate) fn finish_page(&mut self) -> Vec<SeriesId> {
        let mut ended = std::mem::take(&mut self.orphans);
        let round = self.round;
        self.entries.retain(|_, entry| {
            if entry.round == round {
                entry.live = entry.tracked;
                return true;
            }
            ended.extend(entry.id.filter(|_| entry.live));
            false
        });
        if self.entries.capacity() > TABLE_SLACK * self.entries.len() {
            self.entries.shrink_to_fit();
        }
        if !ended.is_empty() {
            // Another text may stand for the same series.
            let seen: HashSet<u32> = self.entries.values().filter_map(|entry| entry.id).map(|id| id.0).collect();
            ended.retain(|id| !seen.contains(&id.0));
            dedup(&mut ended);
        }
        ended
    }

    /// The page is bad or missing, or the target goes: everything that was live has ended.
    pub(crate) fn end_all(&mut self) -> Vec<SeriesId> {
        let mut ended = std::mem::take(&mut self.orphans);
        self.entries.retain(|_, entry| {
            let was_live = std::mem::take(&mut entry.live);
            ended.extend(entry.id.filter(|_| was_live));
            was_live
        });
        dedup(&mut ended);
        ended
    }

    /// The texts of series that the store no longer knows.
    pub(crate) fn texts_of(&self, ids: &HashSet<u32>) -> Vec<(Box<str>, SeriesId)> {
        let unknown = |entry: &CachedSeries| entry.id.filter(|id| ids.contains(&id.0));
        self.entries.iter().filter_map(|(text, entry)| Some((text.clone(), unknown(entry)?))).collect()
    }

    /// Gives a text a new id.
    pub(crate) fn set_id(&mut self, series: &str, id: SeriesId) {
        if let Some(entry) = self.entries.get_mut(series) {
            entry.id = Some(id);
        }
    }
}

fn dedup(ids: &mut Vec<SeriesId>) {
    ids.sort_unstable_by_key(|id| id.0);
    ids.dedup_by_key(|id| id.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows pages of texts to a cache, where the text's first byte is the id; `None` is a failed scrape.
    #[track_caller]
    fn check(pages: &[Option<&[&str]>], want_ended: &[&[u32]]) {
        let mut cache = SeriesCache::with_orphans(vec![SeriesId(u32::from(b'o'))]);
        for (page, want) in pages.iter().zip(want_ended) {
            cache.start_page();
            let ended = match page {
                None => cache.end_all(),
                Some(texts) => {
                    for text in *texts {
                        if cache.see(text, true).is_none() {
                            cache.insert(text, Some(SeriesId(u32::from(text.as_bytes()[0]))), true);
                        }
                    }
                    cache.finish_page()
                }
            };
            let ended: Vec<u32> = ended.iter().map(|id| id.0).collect();
            assert_eq!(ended, *want, "{page:?}");
        }
    }

    #[test]
    fn a_series_ends_once() {
        let (a, b, o) = (u32::from(b'a'), u32::from(b'b'), u32::from(b'o'));
        check(&[Some(&["a", "b"]), Some(&["a"]), Some(&["a"]), None, None], &[&[o], &[b], &[], &[a], &[]]);
        check(&[Some(&["o"]), Some(&["o"])], &[&[], &[]]); // the orphan lives on
        check(&[Some(&["a1", "a2"]), Some(&["a1"]), Some(&[])], &[&[o], &[], &[a]]); // two texts, one series
        check(&[Some(&["a"]), None, Some(&["a"]), Some(&["b"])], &[&[o], &[a], &[], &[a]]);
    }
}
