//! A field with its name and its value, as batches and the shared column hold it. FORMAT.md, "Batch".

use crate::codec::{Reader, put_bytes, put_signed};
use smol_str::SmolStr;
use watchfire_model::FieldValue;

/// Kinds of values, as written.
const FALSE: u8 = 0;
const TRUE: u8 = 1;
const I64: u8 = 2;
const F64: u8 = 3;
const TEXT: u8 = 4;

/// Appends a name and a value.
pub fn put_field(out: &mut Vec<u8>, name: &str, value: &FieldValue) {
    put_bytes(out, name.as_bytes());
    match value {
        FieldValue::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
        FieldValue::I64(value) => {
            out.push(I64);
            put_signed(out, *value);
        }
        FieldValue::F64(value) => {
            out.push(F64);
            out.extend_from_slice(&value.to_le_bytes());
        }
        FieldValue::Text(value) => {
            out.push(TEXT);
            put_bytes(out, value.as_bytes());
        }
    }
}

/// Reads what [`put_field`] wrote.
pub fn read_field(reader: &mut Reader<'_>) -> Option<(SmolStr, FieldValue)> {
    let name = SmolStr::new(reader.text()?);
    let value = match reader.u8()? {
        FALSE => FieldValue::Bool(false),
        TRUE => FieldValue::Bool(true),
        I64 => FieldValue::I64(reader.signed()?),
        F64 => FieldValue::F64(reader.f64()?),
        TEXT => FieldValue::Text(SmolStr::new(reader.text()?)),
        _ => return None,
    };
    Some((name, value))
}
