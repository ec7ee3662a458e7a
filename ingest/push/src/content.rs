//! Which message a body holds, by its headers.

use crate::DecodeError;

/// The protocol buffers message of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// `prometheus.WriteRequest`, remote write 1.0.
    V1,
    /// `io.prometheus.write.v2.Request`, remote write 2.0.
    V2,
}

/// Reads `Content-Type` and `Content-Encoding`. A missing type is 1.0, as in Prometheus, whose first senders sent none; snappy
/// is the only encoding, and stands for a missing one.
///
/// # Errors
/// [`DecodeError::ContentType`] and [`DecodeError::ContentEncoding`], for a 415.
pub fn message_of(content_type: Option<&str>, content_encoding: Option<&str>) -> Result<Message, DecodeError> {
    match content_encoding.map_or("", str::trim) {
        "" => {}
        encoding if encoding.eq_ignore_ascii_case("snappy") => {}
        encoding => return Err(DecodeError::ContentEncoding { encoding: shown(encoding) }),
    }
    let content_type = content_type.map_or("", str::trim);
    let unsupported = || DecodeError::ContentType { content_type: shown(content_type) };
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if !media_type.is_empty() && !media_type.eq_ignore_ascii_case("application/x-protobuf") {
        return Err(unsupported());
    }
    let proto = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("proto").then(|| value.trim().trim_matches('"'))
    });
    match proto {
        None | Some("prometheus.WriteRequest") => Ok(Message::V1),
        Some("io.prometheus.write.v2.Request") => Ok(Message::V2),
        Some(_) => Err(unsupported()),
    }
}

/// A header for an error's text, which need not repeat all of it.
fn shown(header: &str) -> String {
    header.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: &str, encoding: &str, want: Option<Message>) {
        let given = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let (content_type, encoding): (&'static str, &'static str) =
            (content_type.to_owned().leak(), encoding.to_owned().leak());
        assert_eq!(message_of(given(content_type), given(encoding)).ok(), want, "{content_type} {encoding}");
    }

    #[test]
    fn headers() {
        check("", "", Some(Message::V1));
        check("application/x-protobuf", "snappy", Some(Message::V1));
        check("Application/X-Protobuf; charset=utf-8", "Snappy", Some(Message::V1));
        check("application/x-protobuf;proto=prometheus.WriteRequest", "snappy", Some(Message::V1));
        check("application/x-protobuf; proto=\"io.prometheus.write.v2.Request\"", "snappy", Some(Message::V2));
        check("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", None);
        check("application/json", "snappy", None);
        check("application/x-protobuf", "gzip", None);
        check("application/x-protobuf", "zstd", None);
    }
}
