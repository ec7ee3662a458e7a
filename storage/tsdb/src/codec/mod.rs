//! Samples and numbers as bytes (FORMAT.md, "Unit").
//!
//! Invariants
//! - What is decoded equals what was encoded, bit for bit, whatever the values and times.
//! - Decoding never panics and never reads outside its bytes, whatever they are.

mod columns;
mod cursor;
mod histograms;
mod ints;
mod starts;
mod unit;
mod values;

pub(crate) use columns::Columns;
pub(crate) use cursor::{Cursor, Damage, put_text, put_varint, put_zigzag};
pub(crate) use histograms::{put_bounds, put_hint, read_bounds, read_hint};
pub(crate) use unit::{UNIT_SAMPLES_MAX, Unit, decode_unit, encode_units, unit_times};

#[cfg(test)]
mod tests;
