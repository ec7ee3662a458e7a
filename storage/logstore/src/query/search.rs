//! The newest records that pass: looks at what may hold newer ones first, and stops when nothing newer is left.

use super::session::{Answer, Failure, Planned, Session, Source, answer};
use crate::batch::record_memory;
use crate::memtable::Chunk;
use crate::{Cursor, LogStoreError, RecordId, SearchRequest, SearchResult, StoredRecord};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use watchfire_logblock::block::Block;
use watchfire_logblock::query::{read_records, sort_fields};
use watchfire_model::{QueryBudget, TimeNs, TimeRangeNs};

pub(crate) fn search(
    source: &dyn Source,
    request: &SearchRequest,
    budget: &QueryBudget,
) -> Result<SearchResult, LogStoreError> {
    if !(1..=SearchRequest::LIMIT_MAX).contains(&request.limit) {
        return Err(LogStoreError::Limit { limit: request.limit, max: SearchRequest::LIMIT_MAX });
    }
    // Nothing at or after the cursor's time is wanted but for the rest of that very nanosecond.
    let end = request.cursor.map_or(request.range.end, |cursor| request.range.end.min(cursor.0.time.plus_ns(1)));
    let range = TimeRangeNs { start: request.range.start, end };
    let Answer { value: mut records, partial, stats } =
        answer(source, &request.filter, range, budget, |session| newest(session, request))?;
    let more = records.len() > request.limit;
    records.truncate(request.limit);
    let next_cursor = records.last().filter(|_| more).map(|record| Cursor(record.id));
    Ok(SearchResult { records, next_cursor, partial, stats })
}

/// Something to look into, or to look at; the one that may hold the newest record comes first.
#[derive(Debug)]
struct Unit {
    time_max: TimeNs,
    place: UnitPlace,
}

#[derive(Debug)]
enum UnitPlace {
    Block(Arc<Block>),
    /// A granule of the planned block at this index.
    Granule(usize, usize),
    Chunk(Arc<Chunk>),
}

/// A record that passes.
#[derive(Debug, Clone)]
struct Hit {
    id: RecordId,
    place: HitPlace,
}

#[derive(Debug, Clone)]
enum HitPlace {
    Memory { chunk: Arc<Chunk>, at: usize },
    Row { planned: usize, granule: usize, row: usize },
}

/// The newest hits, one more than wanted, to know whether there are further ones.
#[derive(Debug)]
struct Newest {
    hits: BinaryHeap<Reverse<Hit>>,
    count_max: usize,
    before: Option<RecordId>,
}

fn newest(session: &mut Session<'_>, request: &SearchRequest) -> Result<Vec<StoredRecord>, Failure> {
    let mut units: BinaryHeap<Unit> = BinaryHeap::new();
    let snapshot = std::mem::take(&mut session.snapshot);
    units.extend(
        snapshot.blocks.into_iter().map(|block| Unit { time_max: block.meta.time_max, place: UnitPlace::Block(block) }),
    );
    units.extend(
        snapshot.chunks.into_iter().map(|chunk| Unit { time_max: chunk.times.1, place: UnitPlace::Chunk(chunk) }),
    );
    let before = request.cursor.map(|cursor| cursor.0);
    let mut newest = Newest { hits: BinaryHeap::new(), count_max: request.limit + 1, before };
    let mut planned: Vec<Planned> = Vec::new();
    while let Some(unit) = units.pop() {
        if newest.is_complete_without(unit.time_max) {
            let granules = |unit: &Unit| u64::from(matches!(unit.place, UnitPlace::Granule(..)));
            session.stats.granules_pruned += granules(&unit) + units.iter().map(granules).sum::<u64>();
            break;
        }
        match unit.place {
            UnitPlace::Block(block) => {
                let (block, granules) = session.plan(&block)?;
                for granule in granules {
                    let time_max = block.opened.layout.granules[granule].times.1;
                    units.push(Unit { time_max, place: UnitPlace::Granule(planned.len(), granule) });
                }
                planned.push(block);
            }
            UnitPlace::Granule(index, granule) => newest.add_granule(session, &planned, index, granule)?,
            UnitPlace::Chunk(chunk) => {
                session.scan(&chunk, |at, record| {
                    let id = RecordId { time: record.time, sequence: chunk.first_sequence + at as u64 };
                    newest.add(id, || HitPlace::Memory { chunk: Arc::clone(&chunk), at });
                    Ok(())
                })?;
            }
        }
    }
    let mut hits: Vec<Hit> = newest.hits.into_iter().map(|Reverse(hit)| hit).collect();
    hits.sort_by_key(|hit| Reverse(hit.id));
    materialise(session, &planned, &hits)
}

impl Newest {
    fn add(&mut self, id: RecordId, place: impl FnOnce() -> HitPlace) {
        if self.before.is_some_and(|before| id >= before) {
            return;
        }
        if self.hits.len() == self.count_max {
            if self.hits.peek().is_some_and(|Reverse(oldest)| oldest.id >= id) {
                return;
            }
            self.hits.pop();
        }
        self.hits.push(Reverse(Hit { id, place: place() }));
    }

    /// Whether nothing as old as `time_max` can be among the newest.
    fn is_complete_without(&self, time_max: TimeNs) -> bool {
        self.hits.len() == self.count_max && self.hits.peek().is_some_and(|Reverse(oldest)| oldest.id.time > time_max)
    }

    fn add_granule(
        &mut self,
        session: &mut Session<'_>,
        planned: &[Planned],
        index: usize,
        granule: usize,
    ) -> Result<(), Failure> {
        session.select(&planned[index], granule, |columns, rows| {
            if rows.is_empty() {
                return Ok(());
            }
            let (times, sequences) = (columns.times()?, columns.sequences()?);
            for row in rows.iter() {
                let id = RecordId { time: TimeNs(times[row]), sequence: sequences[row] };
                self.add(id, || HitPlace::Row { planned: index, granule, row });
            }
            Ok(())
        })
    }
}

/// The records of the hits, in their order.
fn materialise(session: &mut Session<'_>, planned: &[Planned], hits: &[Hit]) -> Result<Vec<StoredRecord>, Failure> {
    session.take(hits.len() as u64)?;
    let mut records: Vec<Option<StoredRecord>> = vec![None; hits.len()];
    let mut by_granule: BTreeMap<(usize, usize), Vec<(usize, usize)>> = BTreeMap::new();
    for (at, hit) in hits.iter().enumerate() {
        match &hit.place {
            HitPlace::Memory { chunk, at: place } => {
                let mut record = chunk.records[*place].clone();
                sort_fields(&mut record);
                session.hold(record_memory(&record))?;
                records[at] = Some(StoredRecord { id: hit.id, record });
            }
            HitPlace::Row { planned, granule, row } => {
                by_granule.entry((*planned, *granule)).or_default().push((at, *row));
            }
        }
    }
    for ((index, granule), wanted) in by_granule {
        let rows: Vec<usize> = wanted.iter().map(|(_, row)| *row).collect();
        let read = session.read(&planned[index], granule, |columns| read_records(columns, &rows))?;
        session.hold(read.iter().map(record_memory).sum())?;
        for ((at, _), record) in wanted.into_iter().zip(read) {
            records[at] = Some(StoredRecord { id: hits[at].id, record });
        }
    }
    Ok(records.into_iter().flatten().collect())
}

impl PartialEq for Unit {
    fn eq(&self, other: &Unit) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Unit {}

impl PartialOrd for Unit {
    fn partial_cmp(&self, other: &Unit) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Unit {
    fn cmp(&self, other: &Unit) -> std::cmp::Ordering {
        self.time_max.cmp(&other.time_max)
    }
}

impl PartialEq for Hit {
    fn eq(&self, other: &Hit) -> bool {
        self.id == other.id
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
        self.id.cmp(&other.id)
    }
}
