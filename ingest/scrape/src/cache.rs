//! What a target showed before: from the text of a series to its id in the store, so that labels are built once; and the order in
//! which it stood, so that a page that looks like the one before need not even be looked up.

use hashbrown::HashTable;
use std::collections::HashSet;
use std::hash::BuildHasher;
use watchfire_model::MetricKind;
use watchfire_tsdb::SeriesId;

/// The series of one target's pages, by their text, in the order of the last good page.
///
/// Bounded by the page and by the target's quota: an entry that is not on a good page goes, a bad page leaves none of its
/// own, and of comments and of what is not stored only so much is remembered.
#[derive(Debug, Default)]
pub(crate) struct SeriesCache {
    /// The passages of the entries, one behind the other.
    text: String,
    /// Bytes of comments in it.
    comment_bytes: usize,
    entries: Vec<CachedSeries>,
    /// Places in `entries`, by the text of the series.
    places: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    /// The entry whose passage comes next if the page looks like the last one.
    expected: usize,
    /// The places of the series of this page in its order, once it differs from the last one; until then they are `0..expected`.
    order: Option<Vec<u32>>,
    /// Live series of the loop before a reload; they end unless they show up again.
    orphans: Vec<SeriesId>,
    /// Counts pages, also bad ones.
    round: u32,
    /// Bytes of texts without a series that were remembered on this page.
    dropped_bytes: usize,
}

/// Bytes of texts that are remembered although their series is not stored; others are looked at on every page.
const DROPPED_BYTES_MAX: usize = 8 << 20;
/// Bytes of comments before a series that are remembered with it, and of all comments of a target; beyond either they are looked
/// at on every page.
const COMMENT_BYTES_MAX: usize = 4 << 10;
const ALL_COMMENT_BYTES_MAX: usize = 1 << 20;
/// A table with so many times more places than entries is made smaller.
const TABLE_SLACK: usize = 4;

/// A series text, what stood before it, and what became of it.
#[derive(Debug, Clone, Copy)]
struct CachedSeries {
    /// Where its passage lies in [`SeriesCache::text`].
    begin: usize,
    passage_len: u32,
    /// The passage ends with the text of the series.
    series_len: u32,
    /// Lines of the passage.
    lines: u32,
    /// The round in which it was seen last.
    round: u32,
    hash: u64,
    /// `None` where metric relabeling drops the series.
    id: Option<SeriesId>,
    /// As the page said when the series was new; its bounds are written by it.
    kind: MetricKind,
    /// Whether staleness is followed, in the round in which it was seen last.
    tracked: bool,
    /// Whether its last stored sample is one that a staleness marker must end.
    live: bool,
}

/// A series on a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) series: &'a str,
    /// Ends with `series`; what stands before it are comments.
    pub(crate) passage: &'a str,
    /// Lines of the passage.
    pub(crate) lines: usize,
    /// What the page said last of a metric's kind.
    pub(crate) kind: MetricKind,
    /// Whether its staleness is followed.
    pub(crate) tracked: bool,
}

/// Whether a series text is new on the page being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sighting {
    First,
    Again,
}

/// A series that the store has forgotten.
#[derive(Debug)]
pub(crate) struct Forgotten {
    place: u32,
    pub(crate) series: Box<str>,
    pub(crate) kind: MetricKind,
    pub(crate) old_id: SeriesId,
}

impl CachedSeries {
    fn passage<'a>(&self, text: &'a str) -> &'a str {
        &text[self.begin..self.begin + self.passage_len as usize]
    }

    fn series<'a>(&self, text: &'a str) -> &'a str {
        let passage = self.passage(text);
        &passage[passage.len() - self.series_len as usize..]
    }
}

impl SeriesCache {
    pub(crate) fn with_orphans(orphans: Vec<SeriesId>) -> SeriesCache {
        SeriesCache { orphans, ..SeriesCache::default() }
    }

    /// Begins a page.
    pub(crate) fn start_page(&mut self) {
        self.round = self.round.wrapping_add(1);
        self.dropped_bytes = 0;
        self.expected = 0;
        self.order = None;
    }

    /// The series of the last page, some of them more than once.
    pub(crate) fn ids(&self) -> impl Iterator<Item = SeriesId> {
        self.entries.iter().filter_map(|entry| entry.id)
    }

    /// The passage that comes next if the page looks like the last one, and its lines.
    pub(crate) fn expected(&self) -> Option<(&str, usize)> {
        let entry = self.entries.get(self.expected).filter(|entry| entry.round != self.round)?;
        Some((entry.passage(&self.text), entry.lines as usize))
    }

    /// Notes that the expected passage is on this page; the series, and what kind of metric it is of.
    pub(crate) fn see_expected(&mut self, tracked: bool) -> (Option<SeriesId>, MetricKind) {
        let place = self.expected;
        self.expected += 1;
        if let Some(order) = &mut self.order {
            order.push(place as u32);
        }
        let Some(entry) = self.entries.get_mut(place) else { return (None, MetricKind::Unknown) };
        entry.round = self.round;
        entry.tracked = tracked;
        (entry.id, entry.kind)
    }

    /// Looks a text up and notes that it is on this page.
    pub(crate) fn see(&mut self, seen: &Seen<'_>) -> Option<(Option<SeriesId>, Sighting)> {
        let hash = self.hasher.hash_one(seen.series);
        let place = *self.places.find(hash, |place| self.is_at(*place, seen.series))?;
        let round = self.round;
        let entry = self.entries.get_mut(place as usize)?;
        entry.tracked = seen.tracked;
        if entry.round == round {
            return Some((entry.id, Sighting::Again));
        }
        entry.round = round;
        let id = entry.id;
        let is_same = entry.passage(&self.text) == seen.passage;
        if place as usize == self.expected && is_same && self.order.is_none() {
            self.expected += 1;
            return Some((id, Sighting::First));
        }
        if !is_same {
            self.put_text(place as usize, seen);
        }
        self.note_order(place);
        Some((id, Sighting::First))
    }

    /// Remembers a text that is new to the cache.
    pub(crate) fn insert(&mut self, seen: &Seen<'_>, id: Option<SeriesId>) {
        if id.is_none() {
            self.dropped_bytes += seen.series.len();
            if self.dropped_bytes > DROPPED_BYTES_MAX {
                return;
            }
        }
        let Ok(place) = u32::try_from(self.entries.len()) else { return };
        let hash = self.hasher.hash_one(seen.series);
        self.entries.push(CachedSeries {
            begin: 0,
            passage_len: 0,
            series_len: 0,
            lines: 0,
            round: self.round,
            hash,
            id,
            kind: seen.kind,
            tracked: seen.tracked,
            live: false,
        });
        self.put_text(place as usize, seen);
        self.places.insert_unique(hash, place, |place| self.entries[*place as usize].hash);
        self.note_order(place);
    }

    /// Ends a good page: returns the series that have ended since the last one, each once.
    pub(crate) fn finish_page(&mut self) -> Vec<SeriesId> {
        let mut ended = std::mem::take(&mut self.orphans);
        let round = self.round;
        let mut all_seen = true;
        for entry in &mut self.entries {
            if entry.round == round {
                entry.live = entry.tracked;
            } else {
                all_seen = false;
                ended.extend(entry.id.filter(|_| entry.live));
            }
        }
        let order = self.order.take();
        let in_order =
            order.as_ref().is_none_or(|order| order.iter().zip(0..).all(|(place, position)| *place == position));
        let text_len: usize = self.entries.iter().map(|entry| entry.passage_len as usize).sum();
        if !all_seen || !in_order || text_len != self.text.len() {
            let order = order.unwrap_or_else(|| (0..self.expected as u32).collect());
            self.rebuild(&order);
        }
        if !ended.is_empty() {
            // Another text may stand for the same series.
            let seen: HashSet<u32> = self.ids().map(|id| id.0).collect();
            ended.retain(|id| !seen.contains(&id.0));
            dedup(&mut ended);
        }
        ended
    }

    /// The page is bad or missing, or the target goes: everything that was live has ended.
    pub(crate) fn end_all(&mut self) -> Vec<SeriesId> {
        let mut ended = std::mem::take(&mut self.orphans);
        let live = (0..).zip(&self.entries).filter(|(_, entry)| entry.live);
        let places: Vec<u32> = live.map(|(place, _)| place).collect();
        ended.extend(self.entries.iter().filter(|entry| entry.live).filter_map(|entry| entry.id));
        if places.len() < self.entries.len() {
            self.rebuild(&places);
        }
        for entry in &mut self.entries {
            entry.live = false;
        }
        dedup(&mut ended);
        ended
    }

    /// The texts of series that the store no longer knows; only between pages.
    pub(crate) fn forgotten(&self, ids: &HashSet<u32>) -> Vec<Forgotten> {
        let forgotten = |(place, entry): (u32, &CachedSeries)| {
            let old_id = entry.id.filter(|id| ids.contains(&id.0))?;
            Some(Forgotten { place, series: entry.series(&self.text).into(), kind: entry.kind, old_id })
        };
        (0..).zip(&self.entries).filter_map(forgotten).collect()
    }

    /// Gives a forgotten series a new id.
    pub(crate) fn set_id(&mut self, forgotten: &Forgotten, id: SeriesId) {
        if let Some(entry) = self.entries.get_mut(forgotten.place as usize) {
            entry.id = Some(id);
        }
    }

    fn is_at(&self, place: u32, series: &str) -> bool {
        self.entries.get(place as usize).is_some_and(|entry| entry.series(&self.text) == series)
    }

    /// Puts the passage of an entry behind all others.
    fn put_text(&mut self, place: usize, seen: &Seen<'_>) {
        let comments = seen.passage.len() - seen.series.len();
        let is_over = comments > COMMENT_BYTES_MAX || self.comment_bytes + comments > ALL_COMMENT_BYTES_MAX;
        let passage = if is_over { seen.series } else { seen.passage };
        self.comment_bytes += passage.len() - seen.series.len();
        let Some(entry) = self.entries.get_mut(place) else { return };
        entry.begin = self.text.len();
        entry.passage_len = passage.len() as u32;
        entry.series_len = seen.series.len() as u32;
        entry.lines = seen.lines as u32;
        self.text.push_str(passage);
    }

    /// The page differs from the last one here, but may go on as it did behind this series.
    fn note_order(&mut self, place: u32) {
        let expected = self.expected as u32;
        self.order.get_or_insert_with(|| (0..expected).collect()).push(place);
        self.expected = place as usize + 1;
    }

    /// Keeps the entries at these places, in this order.
    fn rebuild(&mut self, order: &[u32]) {
        let old_text = std::mem::take(&mut self.text);
        let old_entries = std::mem::take(&mut self.entries);
        let kept = || order.iter().filter_map(|place| old_entries.get(*place as usize));
        self.text = String::with_capacity(kept().map(|entry| entry.passage_len as usize).sum());
        self.comment_bytes = kept().map(|entry| (entry.passage_len - entry.series_len) as usize).sum();
        self.entries = Vec::with_capacity(order.len());
        self.places.clear();
        if self.places.capacity() > TABLE_SLACK * order.len() {
            self.places = HashTable::with_capacity(order.len());
        }
        for (place, old) in (0..).zip(kept()) {
            let begin = self.text.len();
            self.text.push_str(old.passage(&old_text));
            self.entries.push(CachedSeries { begin, ..*old });
            self.places.insert_unique(old.hash, place, |place| self.entries[*place as usize].hash);
        }
    }
}

fn dedup(ids: &mut Vec<SeriesId>) {
    ids.sort_unstable_by_key(|id| id.0);
    ids.dedup_by_key(|id| id.0);
}

#[cfg(test)]
mod tests;
