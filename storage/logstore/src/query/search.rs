//! A page of the records that come first: looks at what may hold earlier ones in the order first, and stops when nothing
//! is left that could come before what was found.

use super::answer::{Snapshot, answer};
use super::place::{Places, What, granules, places};
use super::pool::Step;
use super::rank::Rank;
use super::session::{Ask, Failure, Planned, Session, Unit};
use crate::batch::record_memory;
use crate::memtable::Chunk;
use crate::store::Inner;
use crate::{Cursor, LogStoreError, RecordId, SearchRequest, SearchResult, StoredRecord};
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use watchfire_logblock::query::{read_selected, sort_fields};
use watchfire_model::{
    FieldSelection, HOST_FIELD, LEVEL_FIELD, LogRecord, MESSAGE_FIELD, QueryBudget, ScanOrder, TimeNs, TimeRangeNs,
};

/// So many granules and chunks are looked at by one thread, before others help: mostly a page is found in the first ones.
const ALONE_UNITS: usize = 4;

pub(crate) fn search(
    inner: &Inner,
    request: &SearchRequest,
    budget: &QueryBudget,
) -> Result<SearchResult, LogStoreError> {
    if !(1..=SearchRequest::LIMIT_MAX).contains(&request.limit) {
        return Err(LogStoreError::Limit { limit: request.limit, max: SearchRequest::LIMIT_MAX });
    }
    let ask = Ask { filter: &request.filter, range: range_behind(request), budget };
    let (mut records, found) = answer(inner, ask, |session, snapshot| page(session, snapshot, request))?;
    let more = records.len() > request.limit;
    records.truncate(request.limit);
    let next_cursor = records.last().filter(|_| more).map(|record| Cursor(record.id));
    Ok(SearchResult { records, next_cursor, partial: found.partial, stats: found.cost })
}

/// Nothing on this side of the cursor's time is wanted but for the rest of that very nanosecond.
fn range_behind(request: &SearchRequest) -> TimeRangeNs {
    let TimeRangeNs { start, end } = request.range;
    match request.cursor {
        None => request.range,
        Some(cursor) if request.order == ScanOrder::OldestFirst => TimeRangeNs { start: start.max(cursor.0.time), end },
        Some(cursor) => TimeRangeNs { start, end: end.min(cursor.0.time.plus_ns(1)) },
    }
}

/// A record that passes.
#[derive(Debug, Clone)]
struct Hit {
    rank: Rank,
    id: RecordId,
    place: HitPlace,
}

#[derive(Debug, Clone)]
enum HitPlace {
    Memory { chunk: Arc<Chunk>, at: usize },
    Row { planned: Arc<Planned>, granule: usize, row: usize },
}

/// What all threads of a search share.
#[derive(Debug)]
struct Progress {
    places: Places,
    page: Page,
    /// Units looked at.
    units: usize,
}

/// The hits that come first, one more than wanted, to know whether there are further ones.
#[derive(Debug)]
struct Page {
    order: ScanOrder,
    hits: BinaryHeap<Reverse<Hit>>,
    count_max: usize,
    /// Behind this one only.
    behind: Option<Rank>,
}

fn page(session: &Session<'_>, snapshot: Snapshot, request: &SearchRequest) -> Result<Vec<StoredRecord>, Failure> {
    let order = request.order;
    let behind = request.cursor.map(|cursor| Rank::new(order, cursor.0));
    let page = Page { order, hits: BinaryHeap::new(), count_max: request.limit + 1, behind };
    let progress = Mutex::new(Progress { places: places(snapshot, order), page, units: 0 });
    while progress.lock().units < ALONE_UNITS {
        if look(session, &progress)? == Step::Done {
            break;
        }
    }
    if progress.lock().has_more() {
        session.run(session.threads(), &|_| look(session, &progress))?;
    }
    let Progress { places, page, .. } = progress.into_inner();
    let granules = places.iter().filter(|place| matches!(place.what, What::Unit(Unit::Granule(..)))).count();
    session.spend(|cost| cost.granules_pruned += granules as u64);
    let mut hits: Vec<Hit> = page.hits.into_iter().map(|Reverse(hit)| hit).collect();
    hits.sort_by_key(|hit| Reverse(hit.rank));
    materialise(session, &hits, &request.fields)
}

/// Looks at the place that may hold the first record of all.
fn look(session: &Session<'_>, progress: &Mutex<Progress>) -> Result<Step, Failure> {
    let (place, order, threshold) = {
        let mut progress = progress.lock();
        if !progress.has_more() {
            return Ok(Step::Done);
        }
        let Some(place) = progress.places.pop() else { return Ok(Step::Done) };
        (place, progress.page.order, progress.page.threshold())
    };
    match place.what {
        What::Block(block) => {
            let planned = session.plan(&block)?;
            progress.lock().places.extend(granules(&planned, order));
        }
        What::Unit(unit) => {
            let hits = find(session, &unit, order, threshold)?;
            let mut progress = progress.lock();
            progress.units += 1;
            for hit in hits {
                progress.page.add(hit);
            }
        }
    }
    Ok(Step::More)
}

/// The records of a unit that pass and come between the two thresholds.
fn find(
    session: &Session<'_>,
    unit: &Unit,
    order: ScanOrder,
    threshold: (Option<Rank>, Option<Rank>),
) -> Result<Vec<Hit>, Failure> {
    let mut hits = Vec::new();
    let mut add = |id: RecordId, place: &dyn Fn() -> HitPlace| {
        let rank = Rank::new(order, id);
        if threshold.0.is_none_or(|behind| rank < behind) && threshold.1.is_none_or(|last| rank > last) {
            hits.push(Hit { rank, id, place: place() });
        }
    };
    match unit {
        Unit::Chunk(chunk) => session.scan(chunk, |at, record| {
            let id = RecordId { time: record.time, sequence: chunk.first_sequence + at as u64 };
            add(id, &|| HitPlace::Memory { chunk: Arc::clone(chunk), at });
            Ok(())
        })?,
        Unit::Granule(planned, granule) => session.select(planned, *granule, |columns, rows| {
            let (times, sequences) = (columns.times()?, columns.sequences()?);
            for row in rows.iter() {
                let id = RecordId { time: TimeNs(times[row]), sequence: sequences[row] };
                add(id, &|| HitPlace::Row { planned: Arc::clone(planned), granule: *granule, row });
            }
            Ok(())
        })?,
    }
    Ok(hits)
}

impl Progress {
    /// Whether something is left that may hold a record for the page.
    fn has_more(&self) -> bool {
        let last = self.page.threshold().1;
        self.places.peek().is_some_and(|place| last.is_none_or(|last| place.first > last))
    }
}

impl Page {
    /// What comes at or before the first is not wanted; once the page is full, what comes at or behind the second is not.
    fn threshold(&self) -> (Option<Rank>, Option<Rank>) {
        let last = self.hits.peek().filter(|_| self.hits.len() == self.count_max);
        (self.behind, last.map(|Reverse(hit)| hit.rank))
    }

    fn add(&mut self, hit: Hit) {
        if self.threshold().1.is_some_and(|last| hit.rank <= last) {
            return;
        }
        if self.hits.len() == self.count_max {
            self.hits.pop();
        }
        self.hits.push(Reverse(hit));
    }
}

/// A block, and of one of its granules the rows to be read, each behind its place among the hits.
type Wanted<'a> = (&'a Arc<Planned>, Vec<(usize, usize)>);

/// The records of the hits, in their order.
fn materialise(session: &Session<'_>, hits: &[Hit], fields: &FieldSelection) -> Result<Vec<StoredRecord>, Failure> {
    session.take(hits.len() as u64)?;
    let mut records: Vec<Option<StoredRecord>> = vec![None; hits.len()];
    let mut by_granule: BTreeMap<(&str, usize), Wanted<'_>> = BTreeMap::new();
    for (at, hit) in hits.iter().enumerate() {
        match &hit.place {
            HitPlace::Memory { chunk, at: place } => {
                let record = chunk.record(*place).to_record(fields);
                session.hold(record_memory(&record))?;
                records[at] = Some(StoredRecord { id: hit.id, record });
            }
            HitPlace::Row { planned, granule, row } => {
                let key = (planned.block.meta.key.as_str(), *granule);
                by_granule.entry(key).or_insert_with(|| (planned, Vec::new())).1.push((at, *row));
            }
        }
    }
    let by_granule: Vec<_> = by_granule.into_iter().collect();
    let read = session.each(&by_granule, Vec::new, |read, ((_, granule), (planned, wanted))| {
        let rows: Vec<usize> = wanted.iter().map(|(_, row)| *row).collect();
        let found = session.read(planned, *granule, |columns| read_selected(columns, &rows, fields))?;
        let found: Vec<LogRecord> = found.into_iter().map(|record| shown(record, fields)).collect();
        session.hold(found.iter().map(record_memory).sum())?;
        read.extend(wanted.iter().map(|(at, _)| *at).zip(found));
        Ok(())
    })?;
    for (at, record) in read.into_iter().flatten() {
        records[at] = Some(StoredRecord { id: hits[at].id, record });
    }
    Ok(records.into_iter().flatten().collect())
}

/// A record as answers show it: its fields sorted by name, without those that nobody looks at.
pub(super) fn shown(mut record: LogRecord, fields: &FieldSelection) -> LogRecord {
    if let FieldSelection::Only(names) = fields {
        record.fields.retain(|(name, _)| names.contains(name));
        if !names.contains(MESSAGE_FIELD) {
            record.message = SmolStr::default();
        }
        if !names.contains(HOST_FIELD) {
            record.host = SmolStr::default();
        }
        if !names.contains(LEVEL_FIELD) {
            record.level = None;
        }
    }
    sort_fields(&mut record);
    record
}

impl PartialEq for Hit {
    fn eq(&self, other: &Hit) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Hit {}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Hit) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hit {
    fn cmp(&self, other: &Hit) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}
