//! Samples with histograms or starts.

use super::{POINTS, next_id};
use crate::codec::{Cursor, Damage, put_bounds, put_hint, put_varint, put_zigzag, read_bounds, read_hint};
use crate::tsdb::SeriesId;
use std::sync::Arc;
use watchfire_model::{Histogram, Point, PointValue, Timestamp};

/// Bytes after which a record is closed.
const RECORD_BYTES: usize = 1 << 20;

const HAS_START: u8 = 1;
const IS_HISTOGRAM: u8 = 2;

/// Integers of smaller magnitude convert to a double and back without loss.
const INTEGER_MAX: f64 = (1u64 << 53) as f64;

/// Encodes as many points, from the first on, as go into one record; returns how many that were.
pub(crate) fn encode_points(points: &[(SeriesId, Point)], out: &mut Vec<u8>) -> usize {
    out.clear();
    let Some((_, first)) = points.first() else { return 0 };
    let mut body = Vec::new();
    let (mut last_id, mut last_time, mut encoded) = (0, first.time.0, 0);
    for (id, point) in points {
        put_zigzag(&mut body, i64::from(id.0) - last_id);
        put_zigzag(&mut body, point.time.0.wrapping_sub(last_time));
        (last_id, last_time) = (i64::from(id.0), point.time.0);
        put_point(point, &mut body);
        encoded += 1;
        if body.len() >= RECORD_BYTES {
            break;
        }
    }
    out.push(POINTS);
    put_zigzag(out, first.time.0);
    put_varint(out, encoded as u64);
    out.append(&mut body);
    encoded
}

pub(super) fn decode(cursor: &mut Cursor<'_>) -> Result<Vec<(SeriesId, Point)>, Damage> {
    let mut time = cursor.zigzag()?;
    let mut id = 0;
    let mut points = Vec::new();
    for _ in 0..cursor.count()? {
        id = next_id(id, cursor)?;
        time = time.wrapping_add(cursor.zigzag()?);
        points.push((SeriesId(id), read_point(time, cursor)?));
    }
    Ok(points)
}

fn put_point(point: &Point, out: &mut Vec<u8>) {
    let histogram = match &point.value {
        PointValue::Float(_) => 0,
        PointValue::Histogram(_) => IS_HISTOGRAM,
    };
    out.push(histogram | if point.start.is_some() { HAS_START } else { 0 });
    if let Some(start) = point.start {
        put_zigzag(out, point.time.0.wrapping_sub(start.0));
    }
    match &point.value {
        PointValue::Float(value) => put_f64(out, *value),
        PointValue::Histogram(histogram) => put_histogram(histogram, out),
    }
}

fn read_point(time: i64, cursor: &mut Cursor<'_>) -> Result<Point, Damage> {
    let form = cursor.u8()?;
    if form & !(HAS_START | IS_HISTOGRAM) != 0 {
        return Err(Damage("unknown form of a sample"));
    }
    let has_start = form & HAS_START != 0;
    let start = if has_start { Some(Timestamp(time.wrapping_sub(cursor.zigzag()?))) } else { None };
    let value = if form & IS_HISTOGRAM == 0 {
        PointValue::Float(cursor.f64()?)
    } else {
        PointValue::Histogram(Arc::new(read_histogram(cursor)?))
    };
    Ok(Point { time: Timestamp(time), start, value })
}

fn put_histogram(histogram: &Histogram, out: &mut Vec<u8>) {
    put_hint(out, histogram.hint);
    put_zigzag(out, i64::from(histogram.schema));
    put_f64(out, histogram.zero_threshold);
    put_number(out, histogram.count);
    put_number(out, histogram.zero_count);
    put_f64(out, histogram.sum);
    put_bounds(out, &histogram.bounds);
    for buckets in [&histogram.positive, &histogram.negative] {
        put_varint(out, buckets.len() as u64);
        let mut last = 0;
        for (index, count) in buckets {
            put_zigzag(out, i64::from(*index) - last);
            last = i64::from(*index);
            put_number(out, *count);
        }
    }
}

fn read_histogram(cursor: &mut Cursor<'_>) -> Result<Histogram, Damage> {
    Ok(Histogram {
        hint: read_hint(cursor)?,
        schema: i32::try_from(cursor.zigzag()?).map_err(|_| Damage("a schema is larger than 32 bits"))?,
        zero_threshold: cursor.f64()?,
        count: read_number(cursor)?,
        zero_count: read_number(cursor)?,
        sum: cursor.f64()?,
        bounds: read_bounds(cursor)?,
        positive: read_buckets(cursor)?,
        negative: read_buckets(cursor)?,
    })
}

fn read_buckets(cursor: &mut Cursor<'_>) -> Result<Vec<(i32, f64)>, Damage> {
    let mut buckets = Vec::new();
    let mut last = 0i64;
    for _ in 0..cursor.count()? {
        let index = last.checked_add(cursor.zigzag()?).and_then(|index| i32::try_from(index).ok());
        let index = index.ok_or(Damage("the index of a bucket exceeds 32 bits"))?;
        last = i64::from(index);
        buckets.push((index, read_number(cursor)?));
    }
    Ok(buckets)
}

fn put_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_bits().to_le_bytes());
}

/// Counts are integers mostly: those as twice their value, others as a 1 and their bits.
fn put_number(out: &mut Vec<u8>, value: f64) {
    let integer = value as u64;
    if value < INTEGER_MAX && (integer as f64).to_bits() == value.to_bits() {
        put_varint(out, integer << 1);
    } else {
        put_varint(out, 1);
        put_f64(out, value);
    }
}

fn read_number(cursor: &mut Cursor<'_>) -> Result<f64, Damage> {
    match cursor.varint()? {
        1 => cursor.f64(),
        even if even & 1 == 0 => Ok((even >> 1) as f64),
        _ => Err(Damage("a count is neither an integer nor a double")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Record;
    use super::*;
    use watchfire_model::ResetHint;

    fn histogram(buckets: usize, count: f64) -> Arc<Histogram> {
        Arc::new(Histogram {
            schema: -4,
            hint: ResetHint::Gauge,
            zero_threshold: 0.25,
            zero_count: 3.0,
            count,
            sum: -0.0,
            positive: (0..buckets as i32).map(|index| (index * 3 - 7, f64::from(index) / 2.0)).collect(),
            negative: vec![(i32::MIN, 1.0), (i32::MAX, (1u64 << 53) as f64)],
            bounds: Arc::from([0.5, f64::INFINITY]),
        })
    }

    #[track_caller]
    fn check(points: &[(SeriesId, Point)], records: usize) {
        let (mut rest, mut payload, mut got, mut written) = (points, Vec::new(), Vec::new(), 0);
        while !rest.is_empty() {
            rest = &rest[encode_points(rest, &mut payload)..];
            let Ok(Record::Points(these)) = Record::decode(&payload) else { panic!("a record did not come back") };
            got.extend(these);
            written += 1;
            for cut in (0..payload.len()).step_by(1 + payload.len() / 7) {
                assert!(Record::decode(&payload[..cut]).is_err(), "cut at {cut}");
            }
        }
        assert_eq!(format!("{got:?}"), format!("{points:?}"));
        assert_eq!(written, records);
    }

    #[test]
    fn points_come_back() {
        let point = |id: u32, time: i64, start: Option<i64>, value: PointValue| {
            (SeriesId(id), Point { time: Timestamp(time), start: start.map(Timestamp), value })
        };
        check(&[], 0);
        check(
            &[
                point(9, i64::MAX, Some(i64::MIN), PointValue::Float(f64::NAN)),
                point(u32::MAX, i64::MIN, None, PointValue::Histogram(histogram(40, f64::NAN))),
                point(0, 0, Some(-1), PointValue::Histogram(histogram(0, 1e300))),
                point(0, 5, None, PointValue::Float(-0.0)),
            ],
            1,
        );
        let large = histogram(100_000, 1.0);
        let many: Vec<_> = (0..8).map(|id| point(id, 7, None, PointValue::Histogram(Arc::clone(&large)))).collect();
        check(&many, 4); // A record is closed by the histogram that takes it to 1 MiB.
    }
}
