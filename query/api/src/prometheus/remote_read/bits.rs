//! Bits in order of their weight, and Prometheus' numbers of few bits (`tsdb/chunkenc/varbit.go`).

/// Writes bits, the most significant of each byte first.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are still free.
    free: u32,
}

/// Bits that a number may have, by the length of the unary prefix that says so.
const CLASSES: [u32; 7] = [3, 6, 9, 12, 18, 25, 56];

impl BitWriter {
    /// Goes on behind whole bytes.
    pub(super) fn behind(bytes: Vec<u8>) -> BitWriter {
        BitWriter { bytes, free: 0 }
    }

    pub(super) fn bit(&mut self, bit: bool) {
        self.bits(u64::from(bit), 1);
    }

    /// The `count` lowest bits of `value`, at most 64.
    pub(super) fn bits(&mut self, value: u64, count: u32) {
        let mut left = count;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let take = left.min(self.free);
            let part = (value >> (left - take)) & ((1 << take) - 1);
            self.free -= take;
            if let Some(last) = self.bytes.last_mut() {
                *last |= (part as u8) << self.free;
            }
            left -= take;
        }
    }

    /// A byte, wherever the bits are.
    pub(super) fn byte(&mut self, byte: u8) {
        self.bits(u64::from(byte), 8);
    }

    /// A varint of protocol buffers.
    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    /// A signed varint: small numbers of either sign are short.
    pub(super) fn zigzag(&mut self, value: i64) {
        self.varint((value.wrapping_shl(1) ^ (value >> 63)) as u64);
    }

    /// A signed number of few bits; 0 takes one.
    pub(super) fn varbit(&mut self, value: i64) {
        let fits = |bits: u32| fits_signed(value, bits);
        self.classed(value as u64, value == 0, fits);
    }

    /// The same without a sign.
    pub(super) fn varbit_unsigned(&mut self, value: u64) {
        self.classed(value, value == 0, |bits| value < 1 << bits);
    }

    fn classed(&mut self, value: u64, is_zero: bool, fits: impl Fn(u32) -> bool) {
        if is_zero {
            return self.bit(false);
        }
        for (class, bits) in CLASSES.into_iter().enumerate() {
            if fits(bits) {
                // As many ones as the class counts, and a zero behind them.
                self.bits((1 << (class + 2)) - 2, class as u32 + 2);
                return self.bits(value, bits);
            }
        }
        self.byte(0xff);
        self.bits(value, 64);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Whether a number is one of so many bits, where the largest stands for `2^(bits-1)` instead of its negative.
pub(super) fn fits_signed(value: i64, bits: u32) -> bool {
    let half = 1_i64 << (bits - 1);
    -half < value && value <= half
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut BitWriter)) -> Vec<u8> {
        let mut bits = BitWriter::default();
        write(&mut bits);
        bits.into_bytes()
    }

    #[test]
    fn bits_are_written_from_the_left() {
        assert_eq!(written(|bits| bits.bits(0b101, 3)), [0b1010_0000]);
        assert_eq!(
            written(|bits| {
                bits.bit(true);
                bits.bits(0x1ff, 9);
                bits.bits(u64::MAX, 64);
            }),
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0b1100_0000]
        );
        assert_eq!(written(|bits| bits.zigzag(-1)), [1]);
        assert_eq!(written(|bits| bits.varint(300)), [0xac, 2]);
    }

    #[test]
    fn small_numbers_take_few_bits() {
        assert_eq!(written(|bits| bits.varbit(0)), [0]);
        assert_eq!(written(|bits| bits.varbit(4)), [0b1010_0000]); // class 3: -3 to 4
        assert_eq!(written(|bits| bits.varbit(-3)), [0b1010_1000]);
        assert_eq!(written(|bits| bits.varbit(-4)), [0b1101_1110, 0]); // class 6
        assert_eq!(written(|bits| bits.varbit_unsigned(7)), [0b1011_1000]);
        assert_eq!(written(|bits| bits.varbit_unsigned(8)), [0b1100_0100, 0]);
        assert_eq!(written(|bits| bits.varbit(i64::MIN)), [0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    }
}
