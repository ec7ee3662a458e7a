//! The fields of one protocol buffers message, borrowed. Spec: <https://protobuf.dev/programming-guides/encoding/>.
//!
//! Nesting is bounded by who reads: each level is read by a function of its own, unknown fields are stepped over, never entered.

/// Why bytes are no protocol buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    #[error("the message ends inside a field at byte {offset}")]
    Truncated { offset: usize },
    #[error("the message is no protocol buffer: bad {what} at byte {offset}")]
    Malformed { what: &'static str, offset: usize },
}

/// A field's value; its meaning is up to its number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// Reads the fields of a message one after another.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the message begins in the whole, for errors.
    base: usize,
}

impl<'a> Fields<'a> {
    pub fn new(message: &'a [u8]) -> Fields<'a> {
        Fields { bytes: message, at: 0, base: 0 }
    }

    /// The fields of a message that was the last field read.
    #[must_use]
    pub fn nested(&self, message: &'a [u8]) -> Fields<'a> {
        Fields { bytes: message, at: 0, base: self.base + self.at - message.len() }
    }

    /// Number and value of the next field.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator of results would have to be told to stop at the first error"
    )]
    pub fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, ProtobufError> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let key = self.varint()?;
        let Some(number) = u32::try_from(key >> 3).ok().filter(|number| (1..1 << 29).contains(number)) else {
            return Err(self.malformed("field number"));
        };
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(*self.array()?)),
            2 => Value::Bytes(self.length_delimited()?),
            5 => Value::Fixed32(u32::from_le_bytes(*self.array()?)),
            _ => return Err(self.malformed("wire type")),
        };
        Ok(Some((number, value)))
    }

    /// The next of messages that stand one after another, each behind its length.
    pub fn next_delimited(&mut self) -> Result<Option<Fields<'a>>, ProtobufError> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let message = self.length_delimited()?;
        Ok(Some(self.nested(message)))
    }

    /// The next of varints that stand without field numbers between them.
    pub fn next_packed(&mut self) -> Result<Option<u64>, ProtobufError> {
        if self.at == self.bytes.len() { Ok(None) } else { self.varint().map(Some) }
    }

    /// The next of eight-byte values that stand without field numbers between them.
    pub fn next_packed_fixed64(&mut self) -> Result<Option<u64>, ProtobufError> {
        if self.at == self.bytes.len() { Ok(None) } else { Ok(Some(u64::from_le_bytes(*self.array()?))) }
    }

    /// What a reader answers who finds something wrong at the place reached.
    pub fn malformed(&self, what: &'static str) -> ProtobufError {
        ProtobufError::Malformed { what, offset: self.base + self.at }
    }

    fn length_delimited(&mut self) -> Result<&'a [u8], ProtobufError> {
        let len = self.varint()?;
        self.take(usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(ProtobufError::Truncated { offset: self.base + self.at });
            };
            self.at += 1;
            // Of the tenth byte only the lowest bit has a place.
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.malformed("number"))
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], ProtobufError> {
        let truncated = ProtobufError::Truncated { offset: self.base + self.at };
        let array = self.bytes[self.at..].first_chunk().ok_or(truncated)?;
        self.at += N;
        Ok(array)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], ProtobufError> {
        let truncated = ProtobufError::Truncated { offset: self.base + self.at };
        let bytes = self.bytes[self.at..].get(..len).ok_or(truncated)?;
        self.at += len;
        Ok(bytes)
    }
}

/// The meaning of a varint in a `sint32` or `sint64` field.
pub fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(message: &[u8]) -> Result<Vec<(u32, Value<'_>)>, String> {
        let mut fields = Fields::new(message);
        let mut all = Vec::new();
        while let Some(field) = fields.next().map_err(|error| error.to_string())? {
            all.push(field);
        }
        Ok(all)
    }

    #[track_caller]
    fn check(message: &[u8], want: &[(u32, Value<'_>)]) {
        assert_eq!(read(message).as_deref(), Ok(want), "{message:02x?}");
    }

    #[track_caller]
    fn check_error(message: &[u8], want: &str) {
        let error = read(message).unwrap_err();
        assert!(error.contains(want), "{message:02x?}: {error}");
    }

    #[test]
    fn fields() {
        check(b"", &[]);
        check(b"\x08\x96\x01", &[(1, Value::Varint(150))]);
        check(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &[(1, Value::Varint(u64::MAX))]);
        check(b"\x12\x02hi\x1a\x00", &[(2, Value::Bytes(b"hi")), (3, Value::Bytes(b""))]);
        check(b"\x09\0\0\0\0\0\0\xf0\x3f", &[(1, Value::Fixed64(1.0_f64.to_bits()))]);
        check(b"\xfd\xff\xff\xff\x0f\x01\0\0\0", &[((1 << 29) - 1, Value::Fixed32(1))]);
        check_error(b"\x08", "ends inside a field at byte 1");
        check_error(b"\x08\x80", "ends inside a field at byte 2");
        check_error(b"\x12\x05hi", "ends inside");
        check_error(b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "ends inside");
        check_error(b"\x09\0\0", "ends inside");
        check_error(b"\x00\x01", "bad field number");
        check_error(b"\x0b\x0c", "bad wire type");
        check_error(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "bad number");
        check_error(b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "bad number");
    }

    #[test]
    fn delimited_messages_know_where_they_lie() {
        let mut messages = Fields::new(b"\x02\x08\x01\x00\x01\x0b");
        let mut first = messages.next_delimited().unwrap().unwrap();
        assert_eq!(first.next().unwrap(), Some((1, Value::Varint(1))));
        assert!(messages.next_delimited().unwrap().unwrap().next().unwrap().is_none());
        let mut bad = messages.next_delimited().unwrap().unwrap();
        assert_eq!(bad.next(), Err(ProtobufError::Malformed { what: "wire type", offset: 6 }));
        assert!(messages.next_delimited().unwrap().is_none());
        assert_eq!(Fields::new(b"\x05a").next_delimited().unwrap_err(), ProtobufError::Truncated { offset: 1 });
    }

    #[test]
    fn packed_values_and_zigzag() {
        let mut packed = Fields::new(b"\x01\x96\x01");
        assert_eq!((packed.next_packed(), packed.next_packed()), (Ok(Some(1)), Ok(Some(150))));
        assert_eq!(packed.next_packed(), Ok(None));
        assert_eq!(Fields::new(&[1, 0, 0, 0, 0, 0, 0, 0]).next_packed_fixed64(), Ok(Some(1)));
        assert!(Fields::new(&[1, 0, 0]).next_packed_fixed64().is_err());
        let meant = [0, 1, 2, 3, u64::MAX - 1, u64::MAX].map(zigzag);
        assert_eq!(meant, [0, -1, 1, -2, i64::MAX, i64::MIN]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_end(message: Vec<u8>) {
            let _ = read(&message);
        }
    }
}
