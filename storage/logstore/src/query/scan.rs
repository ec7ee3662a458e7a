//! All records that pass, handed out one after the other: what exports and pipes read.
//!
//! Chunks and granules are taken in the order in which their first records come, a few at a time on all threads, and merged
//! where their times overlap. In memory are the records of those few, and of those that are not yet handed out.

use super::answer::{Snapshot, answer};
use super::place::{Places, What, granules, places};
use super::rank::Rank;
use super::search::shown;
use super::session::{Ask, Failure, Session, Unit};
use crate::batch::record_memory;
use crate::store::Inner;
use crate::{LogStoreError, RecordId};
use std::collections::{BinaryHeap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use watchfire_logblock::block::{Block, ReadError};
use watchfire_logblock::query::read_selected;
use watchfire_model::{FieldSelection, LogAnswer, LogRecord, QueryBudget, ScanOrder, ScanRequest, TimeNs};

/// Units that are read ahead, for each thread.
const UNITS_PER_THREAD: usize = 2;

type Visit<'a> = dyn FnMut(u64, &LogRecord) -> ControlFlow<()> + 'a;

/// As [`watchfire_model::LogSource::scan`]. A block that turns out damaged before the first record is handed out is done
/// without from the start; later on the scan goes on without it and says so.
pub(crate) fn scan(
    inner: &Inner,
    request: &ScanRequest,
    budget: &QueryBudget,
    visit: &mut Visit<'_>,
) -> Result<LogAnswer, LogStoreError> {
    let ask = Ask { filter: &request.filter, range: request.range, budget };
    let attempt = |session: &Session<'_>, snapshot: Snapshot| Scan::new(session, snapshot, request).run(visit);
    answer(inner, ask, attempt).map(|((), answer)| answer)
}

/// A scan under way.
#[derive(Debug)]
struct Scan<'a> {
    session: &'a Session<'a>,
    order: ScanOrder,
    fields: &'a FieldSelection,
    /// Not looked at yet.
    places: Places,
    /// Units whose records are in memory.
    open: Vec<OpenUnit>,
    /// Of each open unit the rank of its next record and its place.
    heads: BinaryHeap<(Rank, usize)>,
    /// Units to be read at once: few at first, as many a scan ends early.
    ahead: usize,
    has_visited: bool,
}

/// Records of one unit, in order.
#[derive(Debug, Default)]
struct OpenUnit {
    records: VecDeque<(Rank, u64, LogRecord)>,
    samples: u64,
    bytes: u64,
}

/// What became of a unit.
type ReadUnit = Result<OpenUnit, (Arc<Block>, ReadError)>;

impl<'a> Scan<'a> {
    fn new(session: &'a Session<'a>, snapshot: Snapshot, request: &'a ScanRequest) -> Scan<'a> {
        Scan {
            session,
            order: request.order,
            fields: &request.fields,
            places: places(snapshot, request.order),
            open: Vec::new(),
            heads: BinaryHeap::new(),
            ahead: 1,
            has_visited: false,
        }
    }

    fn run(mut self, visit: &mut Visit<'_>) -> Result<(), Failure> {
        loop {
            while self.must_open() {
                self.open_next()?;
            }
            let Some((_, index)) = self.heads.pop() else { return Ok(()) };
            let unit = &mut self.open[index];
            let Some((_, arrival, record)) = unit.records.pop_front() else { continue };
            self.has_visited = true;
            let flow = visit(arrival, &record);
            if let Some((rank, ..)) = unit.records.front() {
                self.heads.push((*rank, index));
            } else {
                let OpenUnit { samples, bytes, .. } = std::mem::take(unit);
                self.session.release(samples, bytes);
            }
            if flow.is_break() {
                for unit in std::mem::take(&mut self.open) {
                    self.session.release(unit.samples, unit.bytes);
                }
                return Ok(());
            }
        }
    }

    /// Whether a record of a place may come before all that are open.
    fn must_open(&self) -> bool {
        match (self.places.peek(), self.heads.peek()) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(place), Some((head, _))) => self.order != ScanOrder::Any && place.first >= *head,
        }
    }

    /// Reads the next units.
    fn open_next(&mut self) -> Result<(), Failure> {
        let mut units = Vec::new();
        while units.len() < self.ahead
            && let Some(place) = self.places.pop()
        {
            match place.what {
                What::Unit(unit) => units.push(unit),
                What::Block(block) => match self.session.plan(&block) {
                    Ok(planned) => self.places.extend(granules(&planned, self.order)),
                    Err(Failure::Block { block, error }) => self.lose(block, error)?,
                    Err(failure) => return Err(failure),
                },
            }
        }
        self.ahead = (self.ahead * 2).min(UNITS_PER_THREAD * self.session.threads());
        let (session, order, fields) = (self.session, self.order, self.fields);
        let read = session.each(&units, Vec::new, |read: &mut Vec<ReadUnit>, unit| {
            read.push(match read_unit(session, unit, order, fields) {
                Ok(open) => Ok(open),
                Err(Failure::Block { block, error }) => Err((block, error)),
                Err(failure) => return Err(failure),
            });
            Ok(())
        })?;
        self.open.retain(|unit| !unit.records.is_empty());
        for unit in read.into_iter().flatten() {
            match unit {
                Ok(unit) => self.open.push(unit),
                Err((block, error)) => self.lose(block, error)?,
            }
        }
        let head = |(index, unit): (usize, &OpenUnit)| unit.records.front().map(|(rank, ..)| (*rank, index));
        self.heads = self.open.iter().enumerate().filter_map(head).collect();
        Ok(())
    }

    /// A block cannot be read: begins anew, unless somebody has seen records.
    fn lose(&mut self, block: Arc<Block>, error: ReadError) -> Result<(), Failure> {
        if !self.has_visited {
            return Err(Failure::Block { block, error });
        }
        self.places.retain(|place| match &place.what {
            What::Block(other) => !Arc::ptr_eq(other, &block),
            What::Unit(Unit::Granule(planned, _)) => !Arc::ptr_eq(&planned.block, &block),
            What::Unit(Unit::Chunk(_)) => true,
        });
        self.session.leave_out(&block, &error)
    }
}

fn read_unit(
    session: &Session<'_>,
    unit: &Unit,
    order: ScanOrder,
    fields: &FieldSelection,
) -> Result<OpenUnit, Failure> {
    let mut records: Vec<(Rank, u64, LogRecord)> = Vec::new();
    match unit {
        Unit::Chunk(chunk) => session.scan(chunk, |at, record| {
            let id = RecordId { time: record.time, sequence: chunk.first_sequence + at as u64 };
            records.push((Rank::new(order, id), id.sequence, record.to_record(fields)));
            Ok(())
        })?,
        Unit::Granule(planned, granule) => {
            records = session.select(planned, *granule, |columns, rows| {
                let (times, sequences) = (columns.times()?, columns.sequences()?);
                let rows: Vec<usize> = rows.iter().collect();
                let numbered = |(row, record): (&usize, LogRecord)| {
                    let id = RecordId { time: TimeNs(times[*row]), sequence: sequences[*row] };
                    (Rank::new(order, id), id.sequence, shown(record, fields))
                };
                Ok(rows.iter().zip(read_selected(columns, &rows, fields)?).map(numbered).collect())
            })?;
        }
    }
    records.sort_unstable_by(|(a, ..), (b, ..)| b.cmp(a));
    let samples = records.len() as u64;
    let bytes = records.iter().map(|(.., record)| record_memory(record)).sum();
    session.take(samples)?;
    session.hold(bytes)?;
    Ok(OpenUnit { records: records.into(), samples, bytes })
}
