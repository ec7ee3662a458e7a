//! Snappy's block format, in which every body comes. Spec: <https://github.com/google/snappy/blob/main/format_description.txt>.

use crate::{DecodeError, Limits};

/// Decompresses a body. The length that it claims is checked before any memory is taken for it.
///
/// # Errors
/// [`DecodeError::BodyTooLarge`], [`DecodeError::MessageTooLarge`], [`DecodeError::Snappy`].
pub fn decompress(body: &[u8], limits: &Limits) -> Result<Vec<u8>, DecodeError> {
    if body.len() as u64 > limits.body_max.0 {
        return Err(DecodeError::BodyTooLarge { len: body.len(), max: limits.body_max });
    }
    claimed_len(body, limits)?;
    snap::raw::Decoder::new().decompress_vec(body).map_err(DecodeError::Snappy)
}

/// Bytes that the body says it decompresses to, within the limit.
pub(crate) fn claimed_len(body: &[u8], limits: &Limits) -> Result<usize, DecodeError> {
    let len = snap::raw::decompress_len(body).map_err(DecodeError::Snappy)?;
    if len as u64 > limits.message_max.0 {
        return Err(DecodeError::MessageTooLarge { len, max: limits.message_max });
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_length_that_lies_costs_nothing() {
        // Five bytes that claim four gigabytes.
        let lie = b"\xff\xff\xff\xff\x0f";
        let error = decompress(lie, &Limits::default()).unwrap_err();
        assert!(matches!(error, DecodeError::MessageTooLarge { len: 0xffff_ffff, .. }), "{error}");
        // Within the limit, but nothing behind it.
        assert!(matches!(decompress(b"\x80\x80\x80\x0f", &Limits::default()), Err(DecodeError::Snappy(_))));
        assert!(matches!(decompress(b"", &Limits::default()), Err(DecodeError::Snappy(_))));
        let limits = Limits { body_max: watchfire_model::ByteSize(3), ..Limits::default() };
        assert!(matches!(decompress(b"1234", &limits), Err(DecodeError::BodyTooLarge { len: 4, .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn packed_comes_back(message: Vec<u8>) {
            let packed = snap::raw::Encoder::new().compress_vec(&message).unwrap();
            prop_assert_eq!(decompress(&packed, &Limits::default()).unwrap(), message);
        }

        #[test]
        fn any_bytes_are_refused_or_decompressed(body: Vec<u8>) {
            let _ = decompress(&body, &Limits { message_max: watchfire_model::ByteSize(1 << 16), ..Limits::default() });
        }
    }
}
