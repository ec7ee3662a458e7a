//! Fields that stand in a text as JSON or as `key=value`.

use crate::row::Row;
use serde_json::Value;
use smol_str::SmolStr;
use watchfire_model::FieldValue;

/// Cells that a row may have after unpacking; what a text has beyond is left out.
const CELLS_MAX: usize = 1000;

/// Sets the members of a JSON object, those of objects in it by names joined with dots. Arrays stay JSON text, `null` is no
/// value. Anything but an object sets nothing.
pub(super) fn json(text: &str, prefix: &str, row: &mut Row) {
    let text = text.trim_start();
    if !text.starts_with('{') {
        return;
    }
    if let Ok(Value::Object(members)) = serde_json::from_str(text) {
        object(members, prefix, row);
    }
}

/// As deep as the JSON reader goes, which is 128 objects in each other.
fn object(members: serde_json::Map<String, Value>, prefix: &str, row: &mut Row) {
    for (name, value) in members {
        if row.len() >= CELLS_MAX {
            return;
        }
        let name = smol_str::format_smolstr!("{prefix}{name}");
        let value = match value {
            Value::Null => continue,
            Value::Object(members) => {
                object(members, &smol_str::format_smolstr!("{name}."), row);
                continue;
            }
            Value::Bool(value) => FieldValue::Bool(value),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => FieldValue::I64(whole),
                (None, Some(number)) => FieldValue::F64(number),
                (None, None) => continue,
            },
            Value::String(text) => FieldValue::Text(text.into()),
            array @ Value::Array(_) => FieldValue::Text(array.to_string().into()),
        };
        row.bring(&name, value);
    }
}

/// Sets what stands as `key=value` or `key="value with \"quotes\""`; other words set nothing.
pub(super) fn logfmt(text: &str, prefix: &str, row: &mut Row) {
    let mut rest = text.trim_start();
    while !rest.is_empty() && row.len() < CELLS_MAX {
        let key_len = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, tail) = rest.split_at(key_len);
        let Some(tail) = tail.strip_prefix('=') else {
            rest = tail.trim_start();
            continue;
        };
        let (value, tail) = logfmt_value(tail);
        if !key.is_empty() {
            let name: SmolStr = smol_str::format_smolstr!("{prefix}{key}");
            row.bring(&name, FieldValue::Text(value));
        }
        rest = tail.trim_start();
    }
}

/// The value, and what stands behind it. A quote that nothing closes ends with the text.
fn logfmt_value(text: &str) -> (SmolStr, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let len = text.find(char::is_whitespace).unwrap_or(text.len());
        return (text[..len].into(), &text[len..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, c)) = characters.next() {
        match c {
            '"' => return (value.into(), &quoted[index + 1..]),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            c => value.push(c),
        }
    }
    (value.into(), "")
}
