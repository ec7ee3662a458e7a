//! Bare words of JSON as field values.

use watchfire_model::FieldValue;

/// Integers and decimals become numbers where nothing is lost; what does not fit (20 digits, `1e400`, `NaN`) stays text,
/// which searches still compare as a number.
pub(crate) fn field_value(word: &str) -> FieldValue {
    let digits = word.strip_prefix('-').unwrap_or(word);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return word.parse().map_or_else(|_| FieldValue::Text(word.into()), FieldValue::I64);
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return FieldValue::Text(word.into());
    }
    match word.parse::<f64>() {
        Ok(number) if number.is_finite() => FieldValue::F64(number),
        _ => FieldValue::Text(word.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, want: &FieldValue) {
        assert_eq!(&field_value(word), want, "{word}");
    }

    #[test]
    fn numbers_keep_their_digits() {
        check("0", &FieldValue::I64(0));
        check("-0", &FieldValue::I64(0));
        check("9223372036854775807", &FieldValue::I64(i64::MAX));
        check("9223372036854775808", &FieldValue::Text("9223372036854775808".into()));
        check("12345678901234567890", &FieldValue::Text("12345678901234567890".into()));
        check("1.5", &FieldValue::F64(1.5));
        check("1.385E9", &FieldValue::F64(1.385e9));
        check("-1e-3", &FieldValue::F64(-0.001));
        check("1e400", &FieldValue::Text("1e400".into()));
        check("NaN", &FieldValue::Text("NaN".into()));
        check("-Infinity", &FieldValue::Text("-Infinity".into()));
        check("1.2.3", &FieldValue::Text("1.2.3".into()));
        check("-", &FieldValue::Text("-".into()));
    }
}
