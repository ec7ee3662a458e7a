//! Numbers of any width up to 64 bits, one behind the other, low bits first.

/// Appends numbers to bytes.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    pub(super) bytes: Vec<u8>,
    pending: u128,
    n_pending: u32,
}

impl BitWriter {
    /// Appends the low `width` bits of `value`, whose other bits are 0.
    pub(super) fn put(&mut self, value: u64, width: u32) {
        self.pending |= u128::from(value) << self.n_pending;
        self.n_pending += width;
        while self.n_pending >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.n_pending -= 8;
        }
    }

    /// Goes on at the next byte.
    pub(super) fn align(&mut self) {
        if self.n_pending > 0 {
            self.bytes.push(self.pending as u8);
            self.pending = 0;
            self.n_pending = 0;
        }
    }
}

/// The number of `width` bits (`0..=64`) that begins at bit `at`; bits beyond the end are 0.
pub(super) fn read_bits(bytes: &[u8], at: usize, width: u32) -> u64 {
    if width == 0 {
        return 0;
    }
    let start = at / 8;
    let mut window = [0; 16];
    if let Some(whole) = bytes.get(start..start + 16) {
        window.copy_from_slice(whole);
    } else {
        let rest = bytes.get(start..).unwrap_or_default();
        window[..rest.len()].copy_from_slice(rest);
    }
    let value = (u128::from_le_bytes(window) >> (at % 8)) as u64;
    value & (u64::MAX >> (64 - width))
}

/// Bits that tell `count` things apart.
pub(super) fn bits_for(count: u64) -> u32 {
    u64::BITS - count.saturating_sub(1).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn numbers_are_read_back(numbers: Vec<(u64, u8)>) {
            let mut writer = BitWriter::default();
            let numbers: Vec<(u64, u32)> = numbers
                .into_iter()
                .map(|(value, width)| (u32::from(width) % 65, value))
                .map(|(width, value)| (if width == 0 { 0 } else { value & (u64::MAX >> (64 - width)) }, width))
                .collect();
            for (value, width) in &numbers {
                writer.put(*value, *width);
            }
            writer.align();
            let mut at = 0;
            for (value, width) in numbers {
                prop_assert_eq!(read_bits(&writer.bytes, at, width), value);
                at += width as usize;
            }
        }
    }

    #[test]
    fn widths_and_ends() {
        assert_eq!([0, 1, 2, 3, 256, 257].map(bits_for), [0, 0, 1, 2, 8, 9]);
        assert_eq!(bits_for(u64::MAX), 64);
        assert_eq!(read_bits(&[], 1000, 64), 0);
    }
}
