//! Prometheus remote write 1.0 from the sender's side, byte by byte: protobuf `prometheus.WriteRequest` in a snappy block.
//! Spec: <https://prometheus.io/docs/specs/prw/remote_write_spec/>.

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
/// Bytes of one snappy literal with a two-byte length.
const LITERAL_MAX: usize = 1 << 16;

/// One series: labels sorted by name, samples as times in ms and values.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) samples: Vec<(i64, f64)>,
}

/// A body as it goes over the wire.
pub(super) fn encode(series: &[Series]) -> Vec<u8> {
    let mut request = Vec::new();
    for series in series {
        let mut encoded = Vec::new();
        for (name, value) in &series.labels {
            let mut label = Vec::new();
            put_bytes(1, name.as_bytes(), &mut label);
            put_bytes(2, value.as_bytes(), &mut label);
            put_bytes(1, &label, &mut encoded);
        }
        for (time, value) in &series.samples {
            let mut sample = Vec::new();
            put_varint(1 << 3 | FIXED64, &mut sample);
            sample.extend_from_slice(&value.to_le_bytes());
            put_varint(2 << 3 | VARINT, &mut sample);
            put_varint(*time as u64, &mut sample);
            put_bytes(2, &sample, &mut encoded);
        }
        put_bytes(1, &encoded, &mut request);
    }
    snappy(&request)
}

fn put_bytes(field: u64, bytes: &[u8], into: &mut Vec<u8>) {
    put_varint(field << 3 | BYTES, into);
    put_varint(bytes.len() as u64, into);
    into.extend_from_slice(bytes);
}

fn put_varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// A snappy block of literals alone, which every decoder takes. Format:
/// <https://github.com/google/snappy/blob/main/format_description.txt>.
fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(bytes.len() + 16);
    put_varint(bytes.len() as u64, &mut block);
    for literal in bytes.chunks(LITERAL_MAX) {
        block.push(61 << 2);
        block.extend_from_slice(&((literal.len() - 1) as u16).to_le_bytes());
        block.extend_from_slice(literal);
    }
    block
}

#[test]
fn a_body_is_what_the_specification_draws() {
    let series = [Series { labels: vec![("a", "b".to_owned())], samples: vec![(300, 1.0)] }];
    let label = [0x0a, 6, 0x0a, 1, b'a', 0x12, 1, b'b'];
    let sample = [0x12, 12, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 0xac, 0x02];
    let message = [&[0x0a, 22][..], &label, &sample].concat();
    let want = [&[message.len() as u8, 61 << 2, message.len() as u8 - 1, 0][..], &message].concat();
    assert_eq!(encode(&series), want);
}
