//! Records of the write-ahead log (FORMAT.md, "WAL records"). The first byte is the kind.

mod exemplars;
mod points;

pub(crate) use exemplars::{encode_exemplars, put_exemplar, read_exemplar};
pub(crate) use points::encode_points;

use crate::codec::{Cursor, Damage, put_text, put_varint, put_zigzag};
use crate::index::{Pair, Texts};
use crate::tsdb::SeriesId;
use watchfire_model::{Exemplar, Labels, LabelsBuilder, MetricKind, MetricMetadata, Point, Sample, Timestamp};

const EPOCH: u8 = 1;
const SERIES: u8 = 2;
const SAMPLES_AT: u8 = 3;
const SAMPLES: u8 = 4;
const METADATA: u8 = 5;
const POINTS: u8 = 6;
const EXEMPLARS: u8 = 7;

/// The order is the format: a kind is written as its index.
const KINDS: [MetricKind; 8] = [
    MetricKind::Unknown,
    MetricKind::Counter,
    MetricKind::Gauge,
    MetricKind::Histogram,
    MetricKind::GaugeHistogram,
    MetricKind::Summary,
    MetricKind::Info,
    MetricKind::StateSet,
];

/// A record read back.
#[derive(Debug)]
pub(crate) enum Record {
    /// Definitions before this record are void: what follows defines every series again before it is used.
    Epoch,
    Series(Vec<(SeriesId, Labels)>),
    Samples(Vec<(SeriesId, Sample)>),
    Metadata(Vec<(String, MetricMetadata)>),
    Points(Vec<(SeriesId, Point)>),
    Exemplars(Vec<(SeriesId, Exemplar)>),
}

impl Record {
    pub(crate) fn decode(payload: &[u8]) -> Result<Record, Damage> {
        let mut cursor = Cursor::new(payload);
        let record = match cursor.u8()? {
            EPOCH => Record::Epoch,
            SERIES => Record::Series(decode_series(&mut cursor)?),
            SAMPLES_AT => Record::Samples(decode_samples_at(&mut cursor)?),
            SAMPLES => Record::Samples(decode_samples(&mut cursor)?),
            METADATA => Record::Metadata(decode_metadata(&mut cursor)?),
            POINTS => Record::Points(points::decode(&mut cursor)?),
            EXEMPLARS => Record::Exemplars(exemplars::decode(&mut cursor)?),
            _ => return Err(Damage("unknown kind of record")),
        };
        if cursor.is_empty() { Ok(record) } else { Err(Damage("bytes follow the record's end")) }
    }

    /// The series that the record names but does not define.
    pub(crate) fn named_series(&self) -> Vec<SeriesId> {
        fn ids<T>(named: &[(SeriesId, T)]) -> Vec<SeriesId> {
            named.iter().map(|(id, _)| *id).collect()
        }
        match self {
            Record::Samples(samples) => ids(samples),
            Record::Points(points) => ids(points),
            Record::Exemplars(exemplars) => ids(exemplars),
            Record::Epoch | Record::Series(_) | Record::Metadata(_) => Vec::new(),
        }
    }
}

pub(crate) fn encode_epoch() -> Vec<u8> {
    vec![EPOCH]
}

/// Begins a record of definitions, to be filled by [`put_series`].
pub(crate) fn begin_series(out: &mut Vec<u8>) {
    out.clear();
    out.push(SERIES);
}

pub(crate) fn put_series(out: &mut Vec<u8>, id: SeriesId, pairs: &[Pair], texts: &impl Texts) {
    put_varint(out, u64::from(id.0));
    put_varint(out, pairs.len() as u64);
    for pair in pairs {
        put_text(out, texts.text(pair.name));
        put_text(out, texts.text(pair.value));
    }
}

/// Samples of one scrape share their time, which is then written once.
pub(crate) fn encode_samples(samples: &[(SeriesId, Sample)], out: &mut Vec<u8>) {
    out.clear();
    let Some((_, first)) = samples.first() else { return };
    let common = samples.iter().all(|(_, sample)| sample.time == first.time);
    out.reserve(samples.len() * 11 + 16);
    out.push(if common { SAMPLES_AT } else { SAMPLES });
    put_zigzag(out, first.time.0);
    put_varint(out, samples.len() as u64);
    let (mut last_id, mut last_time) = (0, first.time.0);
    for (id, sample) in samples {
        put_zigzag(out, i64::from(id.0) - last_id);
        last_id = i64::from(id.0);
        if !common {
            put_zigzag(out, sample.time.0.wrapping_sub(last_time));
            last_time = sample.time.0;
        }
        out.extend_from_slice(&sample.value.to_bits().to_le_bytes());
    }
}

pub(crate) fn encode_metadata<'a>(entries: impl ExactSizeIterator<Item = (&'a str, &'a MetricMetadata)>) -> Vec<u8> {
    let mut out = vec![METADATA];
    put_varint(&mut out, entries.len() as u64);
    for (metric, metadata) in entries {
        put_text(&mut out, metric);
        out.push(KINDS.iter().position(|kind| *kind == metadata.kind).unwrap_or(0) as u8);
        put_text(&mut out, &metadata.unit);
        put_text(&mut out, &metadata.help);
    }
    out
}

fn decode_series(cursor: &mut Cursor<'_>) -> Result<Vec<(SeriesId, Labels)>, Damage> {
    let mut series = Vec::new();
    while !cursor.is_empty() {
        let id = SeriesId(cursor.varint_u32()?);
        series.push((id, decode_labels(cursor)?));
    }
    Ok(series)
}

pub(crate) fn put_labels(out: &mut Vec<u8>, labels: &Labels) {
    put_varint(out, labels.len() as u64);
    for label in labels {
        put_text(out, &label.name);
        put_text(out, &label.value);
    }
}

pub(crate) fn decode_labels(cursor: &mut Cursor<'_>) -> Result<Labels, Damage> {
    let mut labels = LabelsBuilder::default();
    for _ in 0..cursor.count()? {
        let name = cursor.text()?;
        labels.set(name, cursor.text()?);
    }
    Ok(labels.build())
}

fn decode_samples_at(cursor: &mut Cursor<'_>) -> Result<Vec<(SeriesId, Sample)>, Damage> {
    let time = Timestamp(cursor.zigzag()?);
    let mut id = 0;
    let count = cursor.count()?;
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        id = next_id(id, cursor)?;
        samples.push((SeriesId(id), Sample { time, value: cursor.f64()? }));
    }
    Ok(samples)
}

fn decode_samples(cursor: &mut Cursor<'_>) -> Result<Vec<(SeriesId, Sample)>, Damage> {
    let mut time = cursor.zigzag()?;
    let mut id = 0;
    let count = cursor.count()?;
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        id = next_id(id, cursor)?;
        time = time.wrapping_add(cursor.zigzag()?);
        samples.push((SeriesId(id), Sample { time: Timestamp(time), value: cursor.f64()? }));
    }
    Ok(samples)
}

fn next_id(last: u32, cursor: &mut Cursor<'_>) -> Result<u32, Damage> {
    let id = i64::from(last).checked_add(cursor.zigzag()?).and_then(|id| u32::try_from(id).ok());
    id.ok_or(Damage("a series id is larger than 32 bits"))
}

fn decode_metadata(cursor: &mut Cursor<'_>) -> Result<Vec<(String, MetricMetadata)>, Damage> {
    let mut entries = Vec::new();
    for _ in 0..cursor.count()? {
        let metric = cursor.text()?.to_owned();
        let kind = *KINDS.get(usize::from(cursor.u8()?)).ok_or(Damage("unknown kind of metric"))?;
        let unit = cursor.text()?.to_owned();
        let help = cursor.text()?.to_owned();
        entries.push((metric, MetricMetadata { kind, help, unit }));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(samples: &[(u32, i64, u64)]) {
        let sample = |time: i64, bits: u64| Sample { time: Timestamp(time), value: f64::from_bits(bits) };
        let given: Vec<_> = samples.iter().map(|&(id, time, bits)| (SeriesId(id), sample(time, bits))).collect();
        let mut payload = Vec::new();
        encode_samples(&given, &mut payload);
        let Ok(Record::Samples(got)) = Record::decode(&payload) else { panic!("{samples:?} did not come back") };
        let got: Vec<_> = got.iter().map(|(id, sample)| (id.0, sample.time.0, sample.value.to_bits())).collect();
        assert_eq!(got, samples);
    }

    proptest! {
        #[test]
        fn samples_come_back(samples: Vec<(u32, i64, u64)>, one_time in 0u32..2, first in 0u32..9) {
            let time = |time: i64| if one_time == 1 { -7 } else { time };
            let mut samples: Vec<_> = samples.into_iter().map(|(id, at, bits)| (id, time(at), bits)).collect();
            samples.push((first, time(3), 5));
            check(&samples);
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(mut payload: Vec<u8>, kind in 0u8..9) {
            payload.insert(0, kind);
            drop(Record::decode(&payload));
        }
    }

    #[test]
    fn metadata_comes_back() {
        let metadata = MetricMetadata { kind: MetricKind::StateSet, help: "Is it.".into(), unit: "bytes".into() };
        let payload = encode_metadata([("up", &metadata)].into_iter());
        let Ok(Record::Metadata(got)) = Record::decode(&payload) else { panic!("the record did not come back") };
        assert_eq!(got, [("up".to_owned(), metadata)]);
    }
}
