//! A unit: up to 128 samples of one series, with what a query may need to know without decoding them.
//!
//! `unit := count: u8 | first: zigzag | span: varint | min: f64 | max: f64 | sum: f64 | times | values`
//! `times := nothing (count 1) | step: varint | ints(count - 2)`, the ints being differences of neighbouring steps

use super::cursor::{Cursor, Damage, put_varint, put_zigzag, unzigzag, zigzag};
use super::{ints, values};
use watchfire_model::{Samples, is_stale};

/// Samples in a full unit.
pub(crate) const UNIT_SAMPLES_MAX: usize = 128;

/// Encoded samples in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Time of the first sample.
    pub(crate) first: i64,
    /// Time of the last sample, inclusive.
    pub(crate) last: i64,
    bytes: Box<[u8]>,
}

/// What is known of a unit's values. Staleness markers do not count, a NaN makes the sum NaN but is neither minimum nor
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
    pub(crate) fn encode(times: &[i64], values: &[f64]) -> Unit {
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
            unreachable!("a unit has at least one sample");
        };
        assert!(times.len() == values.len() && times.len() <= UNIT_SAMPLES_MAX, "a unit is two equal short columns");
        // About the size of a unit of a counter.
        let mut bytes = Vec::with_capacity(256);
        bytes.push(times.len() as u8);
        put_zigzag(&mut bytes, first);
        put_varint(&mut bytes, last.wrapping_sub(first) as u64);
        let summary = Summary::of(values);
        for number in [summary.min, summary.max, summary.sum] {
            bytes.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        encode_times(times, &mut bytes);
        values::encode(values, &mut bytes);
        Unit { first, last, bytes: bytes.into() }
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.bytes[0])
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
pub(crate) fn encode_units(times: &[i64], values: &[f64]) -> impl Iterator<Item = Unit> {
    let chunks = times.chunks(UNIT_SAMPLES_MAX).zip(values.chunks(UNIT_SAMPLES_MAX));
    chunks.map(|(times, values)| Unit::encode(times, values))
}

/// First and last time of an encoded unit and its number of samples.
pub(crate) fn unit_times(bytes: &[u8]) -> Result<(i64, i64, usize), Damage> {
    read_head(&mut Cursor::new(bytes))
}

/// Appends the samples of an encoded unit to `into`; adds nothing where it fails.
pub(crate) fn decode_unit(bytes: &[u8], into: &mut Samples) -> Result<(), Damage> {
    let mut cursor = Cursor::new(bytes);
    let (first, _, count) = read_head(&mut cursor)?;
    cursor.take(3 * 8)?;
    let mut times = [0; UNIT_SAMPLES_MAX];
    let mut values = [0.0; UNIT_SAMPLES_MAX];
    decode_times(&mut cursor, first, &mut times[..count])?;
    values::decode(&mut cursor, &mut values[..count])?;
    into.times.extend_from_slice(&times[..count]);
    into.values.extend_from_slice(&values[..count]);
    Ok(())
}

fn read_head(cursor: &mut Cursor<'_>) -> Result<(i64, i64, usize), Damage> {
    let count = usize::from(cursor.u8()?);
    if count == 0 || count > UNIT_SAMPLES_MAX {
        return Err(Damage("a unit holds none or too many samples"));
    }
    let first = cursor.zigzag()?;
    let last = first.wrapping_add(cursor.varint()? as i64);
    Ok((first, last, count))
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
