//! Up to 128 values. Where they are decimals (`v = int / 10^exponent`, exact bit for bit) the integers are packed
//! plain, as differences or as differences of differences, whichever is smallest; values that are no decimals (NaN,
//! infinities) stand beside them while they are few. Otherwise neighbouring bit patterns are combined with XOR.
//!
//! `values := 0 | first: u64 | zeros: u8 | ints(count - 1)` (XOR, shifted right by the zeros that all end in)
//! `values := mode: 1 plain, 2 delta, 3 delta² | exponent: u8 | raws: u8 | raws × (index: u8, bits: u64) | base: zigzag |
//! ints(mode 1: count; 2 and 3: count - 1)`

use super::cursor::{Cursor, Damage, put_zigzag, unzigzag, zigzag};
use super::ints::{self, Plan};
use super::unit::UNIT_SAMPLES_MAX;

const XOR: u8 = 0;
const PLAIN: u8 = 1;
const DELTA: u8 = 2;
const DELTA_DELTA: u8 = 3;

/// Powers of ten that a double holds exactly, as far as a 53-bit integer has decimal digits.
const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Integers of smaller magnitude convert to a double and back without loss.
const INTEGER_MAX: f64 = (1u64 << 53) as f64;

/// Values as integers over one power of ten.
struct Decimals {
    exponent: u8,
    ints: [i64; UNIT_SAMPLES_MAX],
    /// Index and bits of the values that are no decimals; their integer repeats the one before.
    raws: Vec<(u8, u64)>,
}

pub(super) fn encode(values: &[f64], out: &mut Vec<u8>) {
    match decimals(values) {
        Some(decimals) => encode_decimals(&decimals, values.len(), out),
        None => encode_xor(values, out),
    }
}

pub(super) fn decode(cursor: &mut Cursor<'_>, into: &mut [f64]) -> Result<(), Damage> {
    match cursor.u8()? {
        XOR => decode_xor(cursor, into),
        mode @ PLAIN..=DELTA_DELTA => decode_decimals(cursor, mode, into),
        _ => Err(Damage("unknown encoding of values")),
    }
}

fn decimals(values: &[f64]) -> Option<Decimals> {
    let raws_max = values.len() / 8;
    let mut exponent = 0;
    let mut failures = 0;
    for &value in values {
        match (exponent..POWERS.len()).find(|&exponent| to_int(value, exponent).is_some()) {
            Some(found) => exponent = found,
            None => failures += 1,
        }
        if failures > raws_max {
            return None;
        }
    }
    let mut decimals = Decimals { exponent: exponent as u8, ints: [0; UNIT_SAMPLES_MAX], raws: Vec::new() };
    let mut last = values.iter().find_map(|&value| to_int(value, exponent)).unwrap_or(0);
    for (index, &value) in values.iter().enumerate() {
        match to_int(value, exponent) {
            Some(int) => last = int,
            None if decimals.raws.len() < raws_max => decimals.raws.push((index as u8, value.to_bits())),
            None => return None,
        }
        decimals.ints[index] = last;
    }
    Some(decimals)
}

/// The integer that divided by the power of ten gives exactly this value, sign of zero and all.
fn to_int(value: f64, exponent: usize) -> Option<i64> {
    let scaled = value * POWERS[exponent];
    // Also false for NaN.
    if scaled.abs() < INTEGER_MAX {
        let int = (scaled + 0.5f64.copysign(scaled)) as i64;
        (from_int(int, POWERS[exponent]).to_bits() == value.to_bits()).then_some(int)
    } else {
        None
    }
}

fn from_int(int: i64, power: f64) -> f64 {
    int as f64 / power
}

fn encode_decimals(decimals: &Decimals, count: usize, out: &mut Vec<u8>) {
    let ints = &decimals.ints[..count];
    let min = ints.iter().copied().min().unwrap_or(0);
    let mut plain = [0; UNIT_SAMPLES_MAX];
    let mut delta = [0; UNIT_SAMPLES_MAX];
    let mut delta_delta = [0; UNIT_SAMPLES_MAX];
    let (mut last, mut last_delta) = (ints[0], 0);
    for (index, &int) in ints.iter().enumerate() {
        // All below 2^56: the integers are below 2^53 in magnitude.
        plain[index] = (int - min) as u64;
        delta[index] = zigzag(int - last);
        delta_delta[index] = zigzag(int - last - last_delta);
        last_delta = int - last;
        last = int;
    }
    let options = [
        (PLAIN, min, &plain[..count]),
        (DELTA, ints[0], &delta[1..count]),
        (DELTA_DELTA, ints[0], &delta_delta[1..count]),
    ];
    let (plan, (mode, base, numbers)) = options
        .into_iter()
        .map(|option| (ints::plan(option.2), option))
        .min_by_key(|(plan, _)| plan.cost)
        .expect("there are three options");
    out.extend_from_slice(&[mode, decimals.exponent, decimals.raws.len() as u8]);
    for (index, bits) in &decimals.raws {
        out.push(*index);
        out.extend_from_slice(&bits.to_le_bytes());
    }
    put_zigzag(out, base);
    ints::encode(numbers, plan, out);
}

fn decode_decimals(cursor: &mut Cursor<'_>, mode: u8, into: &mut [f64]) -> Result<(), Damage> {
    let power = *POWERS.get(usize::from(cursor.u8()?)).ok_or(Damage("an exponent is over 15"))?;
    let raws = cursor.u8()?;
    let mut raw_cursor = Cursor::new(cursor.take(usize::from(raws) * 9)?);
    let base = cursor.zigzag()?;
    let mut numbers = [0; UNIT_SAMPLES_MAX];
    if mode == PLAIN {
        let numbers = &mut numbers[..into.len()];
        ints::decode(cursor, numbers)?;
        for (value, number) in into.iter_mut().zip(numbers) {
            *value = from_int(base.wrapping_add(*number as i64), power);
        }
    } else {
        ints::decode(cursor, &mut numbers[1..into.len()])?;
        let (mut int, mut delta) = (base, 0i64);
        for (value, number) in into.iter_mut().zip(numbers) {
            delta = if mode == DELTA { unzigzag(number) } else { delta.wrapping_add(unzigzag(number)) };
            int = int.wrapping_add(delta);
            *value = from_int(int, power);
        }
    }
    for _ in 0..raws {
        let index = usize::from(raw_cursor.u8()?);
        *into.get_mut(index).ok_or(Damage("a raw value lies outside its unit"))? = raw_cursor.f64()?;
    }
    Ok(())
}

fn encode_xor(values: &[f64], out: &mut Vec<u8>) {
    let mut numbers = [0; UNIT_SAMPLES_MAX];
    let mut ones = 0;
    for (number, pair) in numbers.iter_mut().zip(values.windows(2)) {
        *number = pair[0].to_bits() ^ pair[1].to_bits();
        ones |= *number;
    }
    let zeros = ones.trailing_zeros() % 64;
    let numbers = &mut numbers[..values.len() - 1];
    for number in &mut *numbers {
        *number >>= zeros;
    }
    let plan: Plan = ints::plan(numbers);
    out.push(XOR);
    out.extend_from_slice(&values[0].to_bits().to_le_bytes());
    out.push(zeros as u8);
    ints::encode(numbers, plan, out);
}

fn decode_xor(cursor: &mut Cursor<'_>, into: &mut [f64]) -> Result<(), Damage> {
    let mut bits = cursor.u64()?;
    let zeros = u32::from(cursor.u8()?);
    let mut numbers = [0; UNIT_SAMPLES_MAX];
    ints::decode(cursor, &mut numbers[1..into.len()])?;
    for (value, number) in into.iter_mut().zip(numbers) {
        bits ^= number.checked_shl(zeros).ok_or(Damage("a shift is over 63"))?;
        *value = f64::from_bits(bits);
    }
    Ok(())
}
