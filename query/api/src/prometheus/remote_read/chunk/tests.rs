use super::*;
use proptest::prelude::*;
use watchfire_model::stale_nan;

/// Reads what the writers write, bit by bit, as Prometheus' iterators do.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn bits(&mut self, count: u32) -> u64 {
        (0..count).fold(0, |value, _| {
            let bit = self.bytes[self.at / 8] >> (7 - self.at % 8) & 1;
            self.at += 1;
            value << 1 | u64::from(bit)
        })
    }

    fn signed(&mut self, count: u32) -> i64 {
        let value = self.bits(count) as i64;
        if count < 64 && value > 1 << (count - 1) { value - (1 << count) } else { value }
    }

    /// Ones before the first zero, at most `max`.
    fn ones(&mut self, max: u32) -> u32 {
        (0..max).take_while(|_| self.bits(1) == 1).count() as u32
    }

    fn varint(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.bits(8);
            value |= (byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }

    fn varbit(&mut self) -> i64 {
        let bits = [0, 3, 6, 9, 12, 18, 25, 56, 64][self.ones(8) as usize];
        if bits == 0 { 0 } else { self.signed(bits) }
    }

    fn varbit_unsigned(&mut self) -> u64 {
        let bits = [0, 3, 6, 9, 12, 18, 25, 56, 64][self.ones(8) as usize];
        self.bits(bits)
    }

    fn next_value(&mut self, column: &mut (u64, u32, u32)) -> u64 {
        if self.bits(1) == 1 {
            if self.bits(1) == 1 {
                let (leading, width) = (self.bits(5) as u32, self.bits(6) as u32);
                let width = if width == 0 { 64 } else { width };
                (column.1, column.2) = (leading, 64 - leading - width);
            }
            column.0 ^= self.bits(64 - column.1 - column.2) << column.2;
        }
        column.0
    }
}

/// Times and bits of values.
fn read_floats(data: &[u8]) -> Vec<(i64, u64)> {
    let mut reader = Reader { bytes: data, at: 0 };
    let count = reader.bits(16);
    let (mut time, mut delta, mut column) = (0_i64, 0_i64, (0, 0, 0));
    let mut samples = Vec::new();
    for index in 0..count {
        match index {
            0 => {
                let raw = reader.varint();
                time = (raw >> 1) as i64 ^ -((raw & 1) as i64);
                column.0 = reader.bits(64);
            }
            1 => delta = reader.varint() as i64,
            _ => {
                let bits = [0, 14, 17, 20, 64][reader.ones(4) as usize];
                delta = delta.wrapping_add(if bits == 0 { 0 } else { reader.signed(bits) });
            }
        }
        if index > 0 {
            time = time.wrapping_add(delta);
            reader.next_value(&mut column);
        }
        samples.push((time, column.0));
    }
    samples
}

fn floats_of(pairs: &[(i64, f64)]) -> Samples {
    let mut samples = Samples::default();
    for (time, value) in pairs {
        samples.push(*time, *value);
    }
    samples
}

#[test]
fn a_chunk_has_the_bytes_that_prometheus_writes() {
    // Three samples every 15 s, the value rising by one: written by hand from the format.
    let chunks = chunks(&floats_of(&[(1000, 1.0), (16_000, 2.0), (31_000, 2.0)]));
    let [Chunk { min_time: 1000, max_time: 31_000, encoding: Encoding::Xor, data }] = &chunks[..] else {
        panic!("{chunks:?}")
    };
    let mut want = vec![0, 3, 0xd0, 0x0f];
    want.extend(1.0_f64.to_bits().to_be_bytes());
    want.extend([0x98, 0x75]);
    // 1 ^ 2 = 0x7ff0…: new window, 1 leading zero, 11 bits; then no change of the distance and of the value.
    want.extend([0b1100_0010, 0b0101_1111, 0b1111_1111, 0b0000_0000]);
    assert_eq!(data, &want);
}

#[test]
fn a_chunk_has_at_most_120_samples_of_one_kind() {
    let mut samples = floats_of(&(0..250).map(|n| (n * 15_000, n as f64)).collect::<Vec<_>>());
    let one = Histogram { count: 1.0, positive: vec![(0, 1.0)], ..Histogram::empty() };
    let other = Histogram { count: 2.0, positive: vec![(0, 1.0), (4, 1.0)], ..Histogram::empty() };
    for (n, histogram) in [(250, &one), (251, &one), (252, &other)] {
        samples.push_histogram(n * 15_000, Arc::new(histogram.clone()));
    }
    samples.push(253 * 15_000, stale_nan());
    let got: Vec<(i64, Encoding, u8)> =
        chunks(&samples).iter().map(|chunk| (chunk.min_time / 15_000, chunk.encoding, chunk.data[1])).collect();
    let (xor, histogram) = (Encoding::Xor, Encoding::FloatHistogram);
    let want =
        [(0, xor, 120), (120, xor, 120), (240, xor, 10), (250, histogram, 2), (252, histogram, 1), (253, xor, 1)];
    assert_eq!(got, want);
}

#[test]
fn histograms_are_read_back() {
    let make = |count: f64, sum: f64| Histogram {
        schema: -1,
        hint: ResetHint::NotReset,
        zero_threshold: 0.001,
        zero_count: 2.0,
        count,
        sum,
        positive: vec![(-1, 1.0), (0, count - 4.0)],
        negative: vec![(3, 1.0)],
        ..Histogram::empty()
    };
    let mut samples = Samples::default();
    for (n, (count, sum)) in [(9.0, 1.5), (10.0, -1.5), (10.0, f64::NAN)].into_iter().enumerate() {
        samples.push_histogram(n as i64 * 60_000, Arc::new(make(count, sum)));
    }
    let chunks = chunks(&samples);
    assert_eq!(chunks.len(), 1);
    let mut reader = Reader { bytes: &chunks[0].data, at: 0 };
    assert_eq!((reader.bits(16), reader.bits(8)), (3, 0b0100_0000));
    assert_eq!((reader.bits(8), f64::from_bits(reader.bits(64))), (255, 0.001));
    assert_eq!(reader.varbit(), -1);
    // Spans: their number, then length and offset of each.
    assert_eq!((reader.varbit_unsigned(), reader.varbit_unsigned(), reader.varbit()), (1, 2, -1));
    assert_eq!((reader.varbit_unsigned(), reader.varbit_unsigned(), reader.varbit()), (1, 1, 3));
    let mut columns = [(0, 0, 0); 6];
    let (mut time, mut delta) = (0, 0);
    for (n, (count, sum)) in [(9.0, 1.5), (10.0, -1.5), (10.0, f64::NAN)].into_iter().enumerate() {
        delta += reader.varbit();
        if n == 0 {
            (time, delta) = (delta, 0);
            for column in &mut columns {
                column.0 = reader.bits(64);
            }
        } else {
            time += delta;
            for column in &mut columns {
                reader.next_value(column);
            }
        }
        let want = [count, 2.0, sum, 1.0, count - 4.0, 1.0];
        assert_eq!(time, n as i64 * 60_000);
        assert_eq!(columns.map(|column| column.0), want.map(f64::to_bits), "histogram {n}");
    }
}

#[test]
fn thresholds_and_bounds_are_short_where_they_can_be() {
    let threshold = |value: f64| {
        let mut bits = BitWriter::default();
        zero_threshold(&mut bits, value);
        bits.into_bytes()
    };
    assert_eq!(threshold(0.0), [0]);
    assert_eq!(threshold(2.0_f64.powi(-128)), [116]); // Prometheus' default
    assert_eq!(threshold(0.001).len(), 9);
    let bound = |value: f64| {
        let mut bits = BitWriter::default();
        custom_bound(&mut bits, value);
        let mut reader = Reader { bytes: &bits.into_bytes(), at: 0 };
        match reader.varbit_unsigned() {
            0 => f64::from_bits(reader.bits(64)),
            thousandths => (thousandths - 1) as f64 / 1000.0,
        }
    };
    for value in [0.0, 0.005, 1.0, 2.5, 33_554.43, 33_554.431, 0.1 + 0.2, -1.0, 1e300] {
        assert_eq!(bound(value).to_bits(), value.to_bits(), "{value}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn floats_are_read_back(
        start in -10_i64.pow(13)..10_i64.pow(13),
        steps in prop::collection::vec((1_i64..10_000_000, any::<u64>(), 0..4_u8), 0..300),
    ) {
        let mut time = start;
        let mut last = 0;
        let pairs: Vec<(i64, f64)> = steps.into_iter().map(|(step, bits, kind)| {
            time += if kind == 0 { step } else { 15_000 };
            last = match kind { 0 => bits, 1 => last, _ => (f64::from_bits(last) + 1.0).to_bits() };
            (time, f64::from_bits(last))
        }).collect();
        let got: Vec<(i64, u64)> = chunks(&floats_of(&pairs)).iter().flat_map(|chunk| read_floats(&chunk.data)).collect();
        let want: Vec<(i64, u64)> = pairs.iter().map(|(time, value)| (*time, value.to_bits())).collect();
        prop_assert_eq!(got, want);
    }
}
