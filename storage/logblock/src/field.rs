//! A field with its name and its value, as batches and the shared column hold it. FORMAT.md, "Batch".

use crate::codec::{Reader, put_bytes, put_signed};
use crate::record::ValueRef;
use smol_str::SmolStr;
use std::fmt::Write as _;
use watchfire_model::FieldValue;

/// Kinds of values, as written.
const FALSE: u8 = 0;
const TRUE: u8 = 1;
const I64: u8 = 2;
const F64: u8 = 3;
const TEXT: u8 = 4;

/// Appends a name and a value.
pub fn put_field(out: &mut Vec<u8>, name: &str, value: &FieldValue) {
    put_field_ref(out, name, ValueRef::of(value));
}

/// Appends a name and a borrowed value.
pub fn put_field_ref(out: &mut Vec<u8>, name: &str, value: ValueRef<'_>) {
    put_bytes(out, name.as_bytes());
    match value {
        ValueRef::Bool(value) => out.push(if value { TRUE } else { FALSE }),
        ValueRef::I64(value) => {
            out.push(I64);
            put_signed(out, value);
        }
        ValueRef::F64(value) => {
            out.push(F64);
            out.extend_from_slice(&value.to_le_bytes());
        }
        ValueRef::Text(value) => {
            out.push(TEXT);
            put_bytes(out, value.as_bytes());
        }
    }
}

/// Appends the text form of a value, as searches see it.
pub(crate) fn text_form(value: ValueRef<'_>, out: &mut String) {
    let written = match value {
        ValueRef::Bool(value) => write!(out, "{value}"),
        ValueRef::I64(value) => write!(out, "{value}"),
        ValueRef::F64(value) => write!(out, "{value}"),
        ValueRef::Text(value) => out.write_str(value),
    };
    written.expect("writing to a string cannot fail");
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
