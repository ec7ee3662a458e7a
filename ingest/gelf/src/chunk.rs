//! Chunk header of a GELF datagram. Spec: GELF 1.1, "Chunking"
//! <https://go2docs.graylog.org/current/getting_in_log_data/gelf.html>.

/// First bytes of every chunk.
pub(crate) const MAGIC: [u8; 2] = [0x1e, 0x0f];
/// Chunks that one message may have.
pub const CHUNKS_MAX: u8 = 128;
const HEADER_LEN: usize = 12;

/// Chosen by the sender, the same in all chunks of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub [u8; 8]);

/// One piece of a chunked message; `payload` borrows from the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    pub message_id: MessageId,
    /// Zero-based position in the message: `index < count`.
    pub index: u8,
    /// Chunks in the whole message: `1..=CHUNKS_MAX`.
    pub count: u8,
    /// May be empty: some clients end every message of a full last chunk with an empty one.
    pub payload: &'a [u8],
}

/// Why a datagram is no chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    #[error("the datagram does not start as a chunk does")]
    NotChunked,
    #[error("{len} bytes are too few for a chunk header")]
    Truncated { len: usize },
    #[error("chunk {index} of {count} is out of range")]
    Sequence { index: u8, count: u8 },
}

/// Parses a chunked datagram. Reads nothing but its argument.
pub fn parse_chunk(datagram: &[u8]) -> Result<Chunk<'_>, ChunkError> {
    if !datagram.starts_with(&MAGIC) {
        return Err(ChunkError::NotChunked);
    }
    let Some((&header, payload)) = datagram.split_first_chunk::<HEADER_LEN>() else {
        return Err(ChunkError::Truncated { len: datagram.len() });
    };
    let [_, _, message_id @ .., index, count] = header;
    if count == 0 || count > CHUNKS_MAX || index >= count {
        return Err(ChunkError::Sequence { index, count });
    }
    Ok(Chunk { message_id: MessageId(message_id), index, count, payload })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(datagram: &[u8], want: Result<(u8, u8, &[u8]), ChunkError>) {
        let got = parse_chunk(datagram).map(|chunk| (chunk.index, chunk.count, chunk.payload));
        assert_eq!(got, want, "datagram {datagram:02x?}");
    }

    #[test]
    fn chunk_headers() {
        check(b"\x1e\x0fABCDEFGH\x00\x02hi", Ok((0, 2, b"hi")));
        check(b"\x1e\x0fABCDEFGH\x00\x01hi", Ok((0, 1, b"hi")));
        check(b"\x1e\x0fABCDEFGH\x7f\x80", Ok((127, 128, b"")));
        check(b"\x1e\x0fABCDEFGH\x02\x02", Err(ChunkError::Sequence { index: 2, count: 2 }));
        check(b"\x1e\x0fABCDEFGH\x00\x00", Err(ChunkError::Sequence { index: 0, count: 0 }));
        check(b"\x1e\x0fABCDEFGH\x00\x81", Err(ChunkError::Sequence { index: 0, count: 129 }));
        check(b"\x1e\x0fABCDEFGH\xff\xff", Err(ChunkError::Sequence { index: 255, count: 255 }));
        check(b"\x1e\x0fABC", Err(ChunkError::Truncated { len: 5 }));
        check(b"\x1e\x0f", Err(ChunkError::Truncated { len: 2 }));
        check(b"", Err(ChunkError::NotChunked));
        check(b"\x1e", Err(ChunkError::NotChunked));
        check(b"{}", Err(ChunkError::NotChunked));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_are_refused_or_in_range(datagram: Vec<u8>, is_chunk: bool) {
            let datagram = if is_chunk { [&MAGIC[..], &datagram].concat() } else { datagram };
            prop_assert!(parse_chunk(&datagram).map_or(true, |chunk| chunk.index < chunk.count));
        }
    }
}
