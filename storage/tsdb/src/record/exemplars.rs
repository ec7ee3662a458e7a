//! Exemplars in the log.

use super::{EXEMPLARS, decode_labels, next_id, put_labels};
use crate::codec::{Cursor, Damage, put_varint, put_zigzag};
use crate::tsdb::SeriesId;
use watchfire_model::{Exemplar, Timestamp};

/// Encodes any number of exemplars; those of a long scrape take some hundred KiB.
pub(crate) fn encode_exemplars(exemplars: &[(SeriesId, Exemplar)], out: &mut Vec<u8>) {
    out.clear();
    out.push(EXEMPLARS);
    put_varint(out, exemplars.len() as u64);
    let mut last_id = 0;
    for (id, exemplar) in exemplars {
        put_zigzag(out, i64::from(id.0) - last_id);
        last_id = i64::from(id.0);
        put_exemplar(exemplar, out);
    }
}

pub(super) fn decode(cursor: &mut Cursor<'_>) -> Result<Vec<(SeriesId, Exemplar)>, Damage> {
    let mut id = 0;
    let mut exemplars = Vec::new();
    for _ in 0..cursor.count()? {
        id = next_id(id, cursor)?;
        exemplars.push((SeriesId(id), read_exemplar(cursor)?));
    }
    Ok(exemplars)
}

pub(crate) fn put_exemplar(exemplar: &Exemplar, out: &mut Vec<u8>) {
    put_zigzag(out, exemplar.time.0);
    out.extend_from_slice(&exemplar.value.to_bits().to_le_bytes());
    put_labels(out, &exemplar.labels);
}

pub(crate) fn read_exemplar(cursor: &mut Cursor<'_>) -> Result<Exemplar, Damage> {
    let time = Timestamp(cursor.zigzag()?);
    let value = cursor.f64()?;
    Ok(Exemplar { labels: decode_labels(cursor)?, value, time })
}

#[cfg(test)]
mod tests {
    use super::super::Record;
    use super::*;
    use watchfire_model::Labels;

    #[test]
    fn exemplars_come_back() {
        let exemplar = |labels: &[(&str, &str)], value: f64, time: i64| Exemplar {
            labels: Labels::from_pairs(labels.iter().copied()),
            value,
            time: Timestamp(time),
        };
        let given = vec![
            (SeriesId(7), exemplar(&[("trace_id", "4bf92f"), ("ä", "ö")], -0.5, i64::MIN)),
            (SeriesId(2), exemplar(&[], f64::INFINITY, 3)),
        ];
        let mut payload = Vec::new();
        encode_exemplars(&given, &mut payload);
        let Ok(Record::Exemplars(got)) = Record::decode(&payload) else { panic!("the record did not come back") };
        assert_eq!(got, given);
        for cut in 0..payload.len() {
            assert!(Record::decode(&payload[..cut]).is_err(), "cut at {cut}");
        }
    }
}
