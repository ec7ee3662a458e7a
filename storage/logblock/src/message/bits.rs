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
        if self.n_pending >= u64::BITS {
            self.bytes.extend_from_slice(&(self.pending as u64).to_le_bytes());
            self.pending >>= u64::BITS;
            self.n_pending -= u64::BITS;
        }
    }

    /// Goes on at the next byte.
    pub(super) fn align(&mut self) {
        let len = self.n_pending.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&(self.pending as u64).to_le_bytes()[..len]);
        self.pending = 0;
        self.n_pending = 0;
    }
}

/// The number of `width` bits (`0..=64`) that begins at bit `at`; bits beyond the end are 0.
#[inline]
pub(crate) fn read_bits(bytes: &[u8], at: usize, width: u32) -> u64 {
    if width == 0 {
        return 0;
    }
    let start = at / 8;
    // Mostly eight bytes are enough.
    if width <= u64::BITS - 7
        && let Some(whole) = bytes.get(start..).and_then(<[u8]>::first_chunk)
    {
        return u64::from_le_bytes(*whole) >> (at % 8) & (u64::MAX >> (u64::BITS - width));
    }
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
