//! Samples and numbers as bytes (FORMAT.md, "Unit").
//!
//! Invariants
//! - What is decoded equals what was encoded, bit for bit, whatever the values and times.
//! - Decoding never panics and never reads outside its bytes, whatever they are.

mod cursor;
mod ints;
mod unit;
mod values;

pub(crate) use cursor::{Cursor, Damage, put_text, put_varint, put_zigzag};
pub(crate) use unit::{UNIT_SAMPLES_MAX, Unit, decode_unit, encode_units, unit_times};

#[cfg(test)]
mod tests;
