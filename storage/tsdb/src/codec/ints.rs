//! Up to 128 unsigned numbers, packed at one bit width; the few that are wider are patched.
//!
//! `ints := width: u8 (0..=64) | patches: u8 | low bits: ⌈count × width / 8⌉ bytes | patches × (index: u8, high bits: varint)`

use super::cursor::{Cursor, Damage, put_varint};
use super::unit::UNIT_SAMPLES_MAX;

/// How to pack a list of numbers, and what that costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    width: u32,
    /// Bits, approximate for the patches.
    pub(super) cost: u32,
}

/// Finds the width with the lowest cost.
pub(super) fn plan(values: &[u64]) -> Plan {
    let mut lens = [0u32; 65];
    for value in values {
        lens[bit_len(*value) as usize] += 1;
    }
    let widest = lens.iter().rposition(|&n| n > 0).unwrap_or(0) as u32;
    let mut best = Plan { width: widest, cost: widest * values.len() as u32 };
    for width in 0..widest {
        if width > 0 && lens[width as usize] == 0 {
            continue;
        }
        let packed = width * values.len() as u32;
        let patches = (width + 1..=widest).map(|len| lens[len as usize] * patch_cost(len - width)).sum::<u32>();
        if packed + patches < best.cost {
            best = Plan { width, cost: packed + patches };
        }
    }
    best
}

/// Bits of a patch with so many high bits: the index, and seven bits in each byte of the varint.
fn patch_cost(high_bits: u32) -> u32 {
    8 + 8 * high_bits.div_ceil(7)
}

fn bit_len(value: u64) -> u32 {
    64 - value.leading_zeros()
}

pub(super) fn encode(values: &[u64], plan: Plan, out: &mut Vec<u8>) {
    debug_assert!(values.len() <= UNIT_SAMPLES_MAX, "a patch's index takes one byte");
    let width = plan.width;
    let is_wide = |value: u64| bit_len(value) > width;
    out.push(width as u8);
    out.push(values.iter().filter(|&&value| is_wide(value)).count() as u8);
    pack(values, width, out);
    for (index, &value) in values.iter().enumerate().filter(|(_, value)| is_wide(**value)) {
        out.push(index as u8);
        put_varint(out, value >> width);
    }
}

/// Decodes `into.len()` numbers.
pub(super) fn decode(cursor: &mut Cursor<'_>, into: &mut [u64]) -> Result<(), Damage> {
    let width = u32::from(cursor.u8()?);
    if width > 64 {
        return Err(Damage("a bit width is over 64"));
    }
    let patches = cursor.u8()?;
    let packed = cursor.take((into.len() * width as usize).div_ceil(8))?;
    unpack(packed, width, into);
    for _ in 0..patches {
        let index = usize::from(cursor.u8()?);
        let high = cursor.varint()?;
        let high = high.checked_shl(width).ok_or(Damage("a patch exceeds 64 bits"))?;
        *into.get_mut(index).ok_or(Damage("a patch lies outside its unit"))? |= high;
    }
    Ok(())
}

fn pack(values: &[u64], width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let mask = mask(width);
    let (mut pending, mut bits) = (0u128, 0);
    for value in values {
        pending |= u128::from(value & mask) << bits;
        bits += width;
        if bits >= 64 {
            out.extend_from_slice(&(pending as u64).to_le_bytes());
            pending >>= 64;
            bits -= 64;
        }
    }
    out.extend_from_slice(&(pending as u64).to_le_bytes()[..bits.div_ceil(8) as usize]);
}

fn unpack(packed: &[u8], width: u32, into: &mut [u64]) {
    if width == 0 {
        into.fill(0);
        return;
    }
    let mask = mask(width);
    for (index, value) in into.iter_mut().enumerate() {
        let bit = index * width as usize;
        let (byte, shift) = (bit / 8, bit % 8);
        *value = match packed.get(byte..byte + 8) {
            Some(eight) if width <= 56 => {
                let eight: [u8; 8] = eight.try_into().expect("the slice has eight bytes");
                u64::from_le_bytes(eight) >> shift
            }
            _ => {
                let mut padded = [0; 16];
                let len = (packed.len() - byte).min(16);
                padded[..len].copy_from_slice(&packed[byte..byte + len]);
                (u128::from_le_bytes(padded) >> shift) as u64
            }
        } & mask;
    }
}

fn mask(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}
