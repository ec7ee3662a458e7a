//! Counts over time, whole or split by the values of a field.

use super::session::{Ask, Failure, Session, Snapshot, Unit, answer};
use crate::store::Inner;
use crate::{Histogram, HistogramRequest, LogStoreError};
use arrow_array::Array as _;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt8Type;
use foldhash::HashMap;
use smol_str::SmolStr;
use watchfire_logblock::block::ReadError;
use watchfire_logblock::block::layout::{HOST, LEVEL, MESSAGE, REST};
use watchfire_logblock::query::FieldValues;
use watchfire_logblock::query::Granule;
use watchfire_logblock::query::RowSet;
use watchfire_logblock::query::{Rest, Texts};
use watchfire_model::{
    FieldValue, HOST_FIELD, LEVEL_FIELD, LogRecord, MESSAGE_FIELD, QueryBudget, STREAM_FIELD, TimeNs,
};

pub(crate) fn histogram(
    inner: &Inner,
    request: &HistogramRequest,
    budget: &QueryBudget,
) -> Result<Histogram, LogStoreError> {
    let buckets = Buckets::new(request)?;
    let ask = Ask { filter: &request.filter, range: request.range, budget };
    let (counts, found) = answer(inner, ask, |session, snapshot| count(session, snapshot, request, buckets))?;
    let (series, total) = counts.into_series(buckets.count, request.by.is_some());
    Ok(Histogram {
        start: buckets.start,
        step_ns: request.step_ns,
        series,
        total,
        partial: found.partial,
        stats: found.cost,
    })
}

/// Evenly spaced stretches of time.
#[derive(Debug, Clone, Copy)]
struct Buckets {
    start: TimeNs,
    step_ns: i64,
    count: usize,
}

impl Buckets {
    fn new(request: &HistogramRequest) -> Result<Buckets, LogStoreError> {
        if request.step_ns < 1 {
            return Err(LogStoreError::Step);
        }
        let step = i128::from(request.step_ns);
        let (start, end) = (i128::from(request.range.start.0), i128::from(request.range.end.0));
        let aligned = start.div_euclid(step) * step;
        let count = if end > start { (end - aligned + step - 1) / step } else { 0 };
        // Below the smallest time there is nothing to count, but the first bucket still has to begin somewhere.
        let start = i64::try_from(aligned).map_err(|_| LogStoreError::Step)?;
        let max = HistogramRequest::BUCKETS_MAX;
        if count > max as i128 {
            let buckets = u64::try_from(count).unwrap_or(u64::MAX);
            return Err(LogStoreError::TooManyBuckets { buckets, max });
        }
        Ok(Buckets { start: TimeNs(start), step_ns: request.step_ns, count: count as usize })
    }

    /// The bucket of a time inside the range.
    fn index(self, time: TimeNs) -> u32 {
        // The count was checked, so the quotient is small; the difference may exceed 63 bits.
        ((i128::from(time.0) - i128::from(self.start.0)) / i128::from(self.step_ns)) as u32
    }
}

/// Counts by value and bucket.
#[derive(Debug, Default)]
struct Counts {
    /// Values in order of appearance.
    values: Vec<Option<SmolStr>>,
    ids: HashMap<Option<SmolStr>, u32>,
    /// By number of the value and bucket.
    cells: HashMap<(u32, u32), u64>,
    /// Values and cells that were paid for.
    charged: u64,
}

/// Memory of a value or of a count in the table, about.
const CELL_BYTES: u64 = 64;

/// A value and its count in each bucket.
type Series = (Option<SmolStr>, Vec<u64>);

impl Counts {
    fn id(&mut self, value: Option<&str>) -> u32 {
        let value = value.map(SmolStr::new);
        if let Some(id) = self.ids.get(&value) {
            return *id;
        }
        let id = self.values.len() as u32;
        self.values.push(value.clone());
        self.ids.insert(value, id);
        id
    }

    fn add(&mut self, id: u32, bucket: u32, count: u64) {
        *self.cells.entry((id, bucket)).or_default() += count;
    }

    /// Takes over what another thread has counted.
    fn merge(&mut self, other: Counts) {
        let ids: Vec<u32> = other.values.iter().map(|value| self.id(value.as_deref())).collect();
        for ((id, bucket), count) in other.cells {
            self.add(ids[id as usize], bucket, count);
        }
    }

    /// What is held beyond what was paid for comes out of the budget.
    fn charge(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        let held = (self.cells.len() + self.values.len()) as u64;
        session.take(held - self.charged)?;
        session.hold((held - self.charged) * CELL_BYTES)?;
        self.charged = held;
        Ok(())
    }

    fn into_series(self, buckets: usize, is_split: bool) -> (Vec<Series>, u64) {
        let mut totals = vec![0u64; self.values.len()];
        for ((id, _), count) in &self.cells {
            totals[*id as usize] += count;
        }
        let mut order: Vec<usize> = (0..totals.len()).filter(|index| totals[*index] > 0).collect();
        order.sort_by(|a, b| totals[*b].cmp(&totals[*a]).then_with(|| self.values[*a].cmp(&self.values[*b])));
        let own = order.len().min(HistogramRequest::VALUES_MAX);
        let mut series: Vec<Series> =
            order[..own].iter().map(|index| (self.values[*index].clone(), vec![0; buckets])).collect();
        if order.len() > own {
            series.push((Some(HistogramRequest::OTHER.into()), vec![0; buckets]));
        }
        if series.is_empty() && !is_split {
            series.push((None, vec![0; buckets]));
        }
        let mut rank = vec![own; totals.len()];
        for (at, index) in order[..own].iter().enumerate() {
            rank[*index] = at;
        }
        for ((id, bucket), count) in self.cells {
            series[rank[id as usize]].1[bucket as usize] += count;
        }
        (series, totals.iter().sum())
    }
}

fn count(
    session: &Session<'_>,
    snapshot: Snapshot,
    request: &HistogramRequest,
    buckets: Buckets,
) -> Result<Counts, Failure> {
    let units = session.units(snapshot)?;
    let by = request.by.as_deref();
    let parts = session.each(&units, Counts::default, |counts, unit| {
        match unit {
            Unit::Chunk(chunk) => session.scan(chunk, |_, record| {
                let value = by.and_then(|name| record_value(record, name));
                let id = counts.id(value.as_deref());
                counts.add(id, buckets.index(record.time), 1);
                Ok(())
            })?,
            Unit::Granule(planned, granule) => {
                let stats = &planned.opened.layout.granules[*granule];
                let (first, last) = stats.times;
                if by.is_none() && session.takes_all(planned, *granule) && buckets.spans_one(first, last) {
                    let id = counts.id(None);
                    counts.add(id, buckets.index(first), stats.rows as u64);
                    session.spend(|cost| cost.granules_summed += 1);
                } else {
                    session
                        .select(planned, *granule, |columns, rows| count_rows(columns, rows, by, buckets, counts))?;
                }
            }
        }
        counts.charge(session)
    })?;
    let mut parts = parts.into_iter();
    let mut counts = parts.next().unwrap_or_default();
    parts.for_each(|part| counts.merge(part));
    Ok(counts)
}

fn count_rows(
    columns: Granule<'_>,
    rows: &RowSet,
    by: Option<&str>,
    buckets: Buckets,
    counts: &mut Counts,
) -> Result<(), ReadError> {
    let (first, last) = columns.stats().times;
    let ids = by.map(|name| value_ids(columns, rows, name, counts)).transpose()?;
    let nameless = if ids.is_none() { counts.id(None) } else { 0 };
    // A granule spans few buckets: they are counted here before they go into the table.
    let mut local: HashMap<(u32, u32), u64> = HashMap::default();
    let in_one = columns.stats().rows > 0 && buckets.spans_one(first, last);
    let times = if in_one { None } else { Some(columns.times()?) };
    let mut run: Option<((u32, u32), u64)> = None;
    for (at, row) in rows.iter().enumerate() {
        let bucket = times.as_ref().map_or_else(|| buckets.index(first), |times| buckets.index(TimeNs(times[row])));
        let key = (ids.as_ref().map_or(nameless, |ids| ids[at]), bucket);
        match &mut run {
            Some((same, count)) if *same == key => *count += 1,
            _ => {
                if let Some((key, count)) = run.replace((key, 1)) {
                    *local.entry(key).or_default() += count;
                }
            }
        }
    }
    if let Some((key, count)) = run {
        *local.entry(key).or_default() += count;
    }
    for ((id, bucket), count) in local {
        counts.add(id, bucket, count);
    }
    Ok(())
}

impl Buckets {
    /// Whether all times from `first` to `last` are inside the buckets and in one of them.
    fn spans_one(self, first: TimeNs, last: TimeNs) -> bool {
        let start = i128::from(self.start.0);
        let end = start + i128::from(self.step_ns) * self.count as i128;
        i128::from(first.0) >= start && i128::from(last.0) < end && self.index(first) == self.index(last)
    }
}

/// For each of the rows, in order, the number of its value.
fn value_ids(columns: Granule<'_>, rows: &RowSet, name: &str, counts: &mut Counts) -> Result<Vec<u32>, ReadError> {
    let layout = &columns.opened.layout;
    match name {
        STREAM_FIELD => {
            let id = counts.id(Some(&columns.block.meta.stream));
            Ok(vec![id; rows.len()])
        }
        LEVEL_FIELD => {
            let column = columns.column(LEVEL)?;
            let levels =
                column.as_primitive_opt::<UInt8Type>().ok_or_else(|| watchfire_logblock::query::unexpected(&column))?;
            let ids: Vec<u32> = (0..8u8).map(|level| counts.id(Some(&level.to_string()))).collect();
            let absent = counts.id(None);
            let id = |row| if levels.is_valid(row) { ids[usize::from(levels.value(row) & 7)] } else { absent };
            Ok(rows.iter().map(id).collect())
        }
        MESSAGE_FIELD => Ok(text_ids(Texts::new(&columns.column(MESSAGE)?)?, rows, counts)),
        HOST_FIELD => Ok(text_ids(Texts::new(&columns.column(HOST)?)?, rows, counts)),
        _ => match layout.field(name) {
            Some(field) => {
                let values = FieldValues::read(columns, &layout.fields[field])?;
                if let Ok(texts) = Texts::new(values.column()) {
                    return Ok(text_ids(texts, rows, counts));
                }
                let id = |row| Ok(counts.id(values.get(row)?.map(|value| value.to_text()).as_deref()));
                rows.iter().map(id).collect()
            }
            None if columns.stats().rest_rows > 0 => {
                let column = columns.column(REST)?;
                let rest = Rest::new(&column)?;
                let id = |row| counts.id(rest.field(row, name).map(|value| value.to_text()).as_deref());
                Ok(rows.iter().map(id).collect())
            }
            None => {
                let absent = counts.id(None);
                Ok(vec![absent; rows.len()])
            }
        },
    }
}

fn text_ids(texts: Texts<'_>, rows: &RowSet, counts: &mut Counts) -> Vec<u32> {
    let mut of_key: Vec<Option<u32>> = vec![None; texts.dictionary_len()];
    let id = |row| match texts.key(row) {
        Some(key) => *of_key[key].get_or_insert_with(|| counts.id(texts.get(row))),
        None => counts.id(texts.get(row)),
    };
    rows.iter().map(id).collect()
}

/// The text of any field, as filters see it.
fn record_value(record: &LogRecord, name: &str) -> Option<SmolStr> {
    match name {
        MESSAGE_FIELD => Some(record.message.clone()),
        HOST_FIELD => Some(record.host.clone()),
        STREAM_FIELD => Some(record.stream.clone()),
        LEVEL_FIELD => record.level.map(|level| smol_str::format_smolstr!("{}", level.number())),
        _ => record.field(name).map(FieldValue::to_text),
    }
}
