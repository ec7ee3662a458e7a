//! A unit: up to 128 samples of one series, with what a query may need to know without decoding them.
//!
//! `unit := front | times | values` where there is nothing but times and floats, else
//! `unit := 0 | front | times | places of histograms | starts | histograms | values` (of the floats, where there are any)
//! `front := count: u8 | first: zigzag | span: varint | min: f64 | max: f64 | sum: f64`
//! `times := nothing (count 1) | step: varint | ints(count - 2)`, the ints being differences of neighbouring steps
//! `places := ⌈count / 8⌉ bytes`, a bit for each sample, lowest first

use super::columns::Columns;
use super::cursor::{Cursor, Damage, put_varint, put_zigzag, unzigzag, zigzag};
use super::{histograms, ints, starts, values};
use watchfire_model::{Histogram, Samples, is_stale};

/// Samples in a full unit.
pub(crate) const UNIT_SAMPLES_MAX: usize = 128;

/// First byte of a unit with histograms or starts: no unit has so many samples.
const RICH: u8 = 0;

/// Encoded samples in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Time of the first sample.
    pub(crate) first: i64,
    /// Time of the last sample, inclusive.
    pub(crate) last: i64,
    bytes: Box<[u8]>,
}

/// What is known of a unit's floats. Staleness markers do not count, a NaN makes the sum NaN but is neither minimum nor
/// maximum; both are NaN where nothing is left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary {
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// Added up in order of time.
    pub(crate) sum: f64,
}

impl Summary {
    pub(crate) fn of(values: &[f64]) -> Summary {
        let mut summary = Summary { min: f64::NAN, max: f64::NAN, sum: 0.0 };
        for &value in values.iter().filter(|value| !is_stale(**value)) {
            // `min` and `max` of the standard library pass a NaN over.
            summary.min = summary.min.min(value);
            summary.max = summary.max.max(value);
            summary.sum += value;
        }
        summary
    }
}

impl Unit {
    /// Encodes 1 to [`UNIT_SAMPLES_MAX`] samples, times strictly rising.
    pub(crate) fn encode(columns: &Columns<'_>) -> Unit {
        let (Some(&first), Some(&last)) = (columns.times.first(), columns.times.last()) else {
            unreachable!("a unit has at least one sample");
        };
        let len = columns.times.len();
        assert!(len == columns.values.len() && len <= UNIT_SAMPLES_MAX, "a unit has short columns of one length");
        // About the size of a unit of a counter.
        let mut bytes = Vec::with_capacity(256);
        if columns.is_plain() {
            put_front(columns.times, Summary::of(columns.values), &mut bytes);
            encode_times(columns.times, &mut bytes);
            values::encode(columns.values, &mut bytes);
        } else {
            encode_rich(columns, &mut bytes);
        }
        Unit { first, last, bytes: bytes.into() }
    }

    /// How many samples there are.
    pub(crate) fn len(&self) -> usize {
        usize::from(if self.bytes[0] == RICH { self.bytes[1] } else { self.bytes[0] })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of memory, with what an allocator rounds up on average.
    pub(crate) fn size(&self) -> i64 {
        (size_of::<Unit>() + self.bytes.len() + self.bytes.len() / 16) as i64
    }

    /// Appends the samples to `into`.
    pub(crate) fn decode(&self, into: &mut Samples) {
        decode_unit(&self.bytes, into).expect("a unit in memory was encoded by this process");
    }
}

/// Any number of samples as units that are full but for the last.
pub(crate) fn encode_units(columns: Columns<'_>) -> impl Iterator<Item = Unit> {
    let starts = (0..columns.len()).step_by(UNIT_SAMPLES_MAX);
    starts.map(move |start| Unit::encode(&columns.part(start..columns.len().min(start + UNIT_SAMPLES_MAX))))
}

/// First and last time of an encoded unit and its number of samples.
pub(crate) fn unit_times(bytes: &[u8]) -> Result<(i64, i64, usize), Damage> {
    let (_, front) = read_front(&mut Cursor::new(bytes))?;
    Ok(front)
}

/// Appends the samples of an encoded unit to `into`; adds nothing where it fails.
pub(crate) fn decode_unit(bytes: &[u8], into: &mut Samples) -> Result<(), Damage> {
    let mut cursor = Cursor::new(bytes);
    let (is_rich, (first, _, count)) = read_front(&mut cursor)?;
    cursor.take(3 * 8)?;
    let mut times = [0; UNIT_SAMPLES_MAX];
    let mut values = [0.0; UNIT_SAMPLES_MAX];
    let (times, values) = (&mut times[..count], &mut values[..count]);
    decode_times(&mut cursor, first, times)?;
    if is_rich {
        return decode_rich(&mut cursor, times, values, into);
    }
    values::decode(&mut cursor, values)?;
    into.extend_floats(times, values);
    Ok(())
}

fn put_front(times: &[i64], summary: Summary, out: &mut Vec<u8>) {
    let (first, last) = (times[0], times[times.len() - 1]);
    out.push(times.len() as u8);
    put_zigzag(out, first);
    put_varint(out, last.wrapping_sub(first) as u64);
    for number in [summary.min, summary.max, summary.sum] {
        out.extend_from_slice(&number.to_bits().to_le_bytes());
    }
}

/// Whether the unit is a rich one; its first and last time and number of samples.
fn read_front(cursor: &mut Cursor<'_>) -> Result<(bool, (i64, i64, usize)), Damage> {
    let mut count = cursor.u8()?;
    let is_rich = count == RICH;
    if is_rich {
        count = cursor.u8()?;
    }
    let count = usize::from(count);
    if count == 0 || count > UNIT_SAMPLES_MAX {
        return Err(Damage("a unit holds none or too many samples"));
    }
    let first = cursor.zigzag()?;
    let last = first.wrapping_add(cursor.varint()? as i64);
    Ok((is_rich, (first, last, count)))
}

fn encode_rich(columns: &Columns<'_>, out: &mut Vec<u8>) {
    let mut floats = [0.0; UNIT_SAMPLES_MAX];
    let mut n_floats = 0;
    let mut places = [0u8; UNIT_SAMPLES_MAX / 8];
    let mut found: Vec<&Histogram> = Vec::new();
    for (place, value) in columns.values.iter().enumerate() {
        if let Some(histogram) = columns.histogram(place) {
            places[place / 8] |= 1 << (place % 8);
            found.push(histogram);
        } else {
            floats[n_floats] = *value;
            n_floats += 1;
        }
    }
    let floats = &floats[..n_floats];
    out.push(RICH);
    put_front(columns.times, Summary::of(floats), out);
    encode_times(columns.times, out);
    out.extend_from_slice(&places[..columns.len().div_ceil(8)]);
    starts::encode(columns, out);
    histograms::encode(&found, out);
    if !floats.is_empty() {
        values::encode(floats, out);
    }
}

fn decode_rich(cursor: &mut Cursor<'_>, times: &[i64], values: &mut [f64], into: &mut Samples) -> Result<(), Damage> {
    let places = cursor.take(times.len().div_ceil(8))?;
    let is_histogram = |place: usize| places[place / 8] & 1 << (place % 8) != 0;
    let n_histograms = (0..times.len()).filter(|place| is_histogram(*place)).count();
    let mut starts = [0; UNIT_SAMPLES_MAX];
    let starts = &mut starts[..times.len()];
    starts::decode(cursor, times[0], starts)?;
    let mut found = histograms::decode(cursor, n_histograms)?.into_iter();
    let floats = &mut values[..times.len() - n_histograms];
    if !floats.is_empty() {
        values::decode(cursor, floats)?;
    }
    let mut floats = floats.iter();
    for (place, (time, start)) in times.iter().zip(starts).enumerate() {
        match if is_histogram(place) { found.next() } else { None } {
            Some(histogram) => into.push_histogram(*time, histogram),
            None => into.push(*time, floats.next().copied().unwrap_or(0.0)),
        }
        if *start != 0 {
            into.set_start(*start);
        }
    }
    Ok(())
}

fn encode_times(times: &[i64], out: &mut Vec<u8>) {
    let Some(step) = times.get(1).map(|second| second.wrapping_sub(times[0])) else { return };
    put_varint(out, step as u64);
    let mut numbers = [0; UNIT_SAMPLES_MAX];
    let mut last_step = step;
    for (number, pair) in numbers.iter_mut().zip(times[1..].windows(2)) {
        let step = pair[1].wrapping_sub(pair[0]);
        *number = zigzag(step.wrapping_sub(last_step));
        last_step = step;
    }
    let numbers = &numbers[..times.len() - 2];
    ints::encode(numbers, ints::plan(numbers), out);
}

fn decode_times(cursor: &mut Cursor<'_>, first: i64, into: &mut [i64]) -> Result<(), Damage> {
    into[0] = first;
    if into.len() == 1 {
        return Ok(());
    }
    let mut step = cursor.varint()? as i64;
    let mut time = first.wrapping_add(step);
    into[1] = time;
    let mut numbers = [0; UNIT_SAMPLES_MAX];
    let numbers = &mut numbers[..into.len() - 2];
    ints::decode(cursor, numbers)?;
    for (into, number) in into[2..].iter_mut().zip(numbers) {
        step = step.wrapping_add(unzigzag(*number));
        time = time.wrapping_add(step);
        *into = time;
    }
    Ok(())
}
