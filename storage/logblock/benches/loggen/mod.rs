//! Messages of the benchmark kit's generator as records: a GELF object on each line. Shared by the benches of the log stores.

use watchfire_model::{FieldValue, Level, LogRecord, TimeNs};

/// `None` for a line that is none of its messages.
pub(crate) fn parse(line: &str) -> Option<LogRecord> {
    let message: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
    let text = |name: &str| message.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().into();
    let time = TimeNs((message.get("timestamp")?.as_f64()? * 1e9) as i64);
    let level = message.get("level").and_then(serde_json::Value::as_u64).and_then(|level| Level::new(level as u8));
    let field = |(name, value): (&String, &serde_json::Value)| {
        let value = match value {
            serde_json::Value::Bool(value) => FieldValue::Bool(*value),
            serde_json::Value::String(text) => FieldValue::Text(text.into()),
            serde_json::Value::Number(number) => {
                number.as_i64().map_or_else(|| FieldValue::F64(number.as_f64().unwrap_or(0.0)), FieldValue::I64)
            }
            _ => return None,
        };
        Some((name.strip_prefix('_')?.into(), value))
    };
    Some(LogRecord {
        time,
        received: time,
        stream: LogRecord::DEFAULT_STREAM.into(),
        host: text("host"),
        message: text("short_message"),
        level,
        fields: message.iter().filter_map(field).collect(),
    })
}
