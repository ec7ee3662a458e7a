//! What can go wrong with a message, as metrics and statuses name it.

/// Something wrong with one message of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which message of the payload or body, counted from zero.
    pub index: usize,
    pub reason: FaultReason,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident $label:literal $is_loss:literal $text:literal,)*) => {
        /// Why something was lost ([`FaultReason::is_loss`]), or what had to be repaired to keep it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FaultReason {
            $($(#[doc = $doc])* $name,)*
        }

        impl FaultReason {
            /// Every reason, in the order of their discriminants.
            pub const ALL: &'static [FaultReason] = &[$(FaultReason::$name,)*];

            /// The value of the metric label `reason`.
            pub fn label(self) -> &'static str {
                match self { $(FaultReason::$name => $label,)* }
            }

            /// Whether the message, or a part of it, is not stored.
            pub fn is_loss(self) -> bool {
                match self { $(FaultReason::$name => $is_loss,)* }
            }

            /// What happened, for people; says what to change where the sender's owner can.
            pub fn text(self) -> &'static str {
                match self { $(FaultReason::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// Nothing in the payload but white space.
    Empty "empty" true "the message is empty",
    InvalidJson "invalid_json" true "the message is no JSON object",
    /// Too much was broken to look for further messages behind it.
    AbandonedRest "abandoned_rest" true "too many broken messages in one payload, the rest was given up",
    UnknownCompression "unknown_compression" true "the compression is unknown, send gzip, zlib, zstd or plain JSON",
    CorruptCompression "corrupt_compression" true "the compressed message is cut short or damaged",
    TooLarge "too_large" true "the message is larger than the limit",
    DecompressionBomb "decompression_bomb" true "the message inflates beyond every honest ratio",
    /// The datagram did not fit the receive buffer of a slot.
    TruncatedDatagram "truncated_datagram" true "the datagram was cut by the kernel",
    ChunkTruncated "chunk_truncated" true "the datagram is shorter than a chunk header",
    ChunkSequence "chunk_sequence" true "the chunk's number and count do not fit, at most 128 chunks are allowed",
    ChunkCountChanged "chunk_count_changed" true "the chunks of one message disagree about their count",
    /// A reassembled message that is a chunk again.
    NestedChunk "nested_chunk" true "the reassembled message is a chunk again",
    /// Some chunks of a message did not arrive in time.
    IncompleteMessage "incomplete_message" true
        "chunks of a message did not arrive in time: send smaller messages, use TCP, or look for a full receive buffer",
    /// An incomplete message had to make room for newer ones.
    EvictedMessage "evicted_message" true "an incomplete message was dropped to make room for newer ones",
    /// Dropped by the kernel before this process could read it.
    KernelBufferFull "kernel_buffer_full" true "the kernel dropped datagrams because the receive buffer was full",
    /// Between the receiving and the decoding thread.
    QueueFull "queue_full" true "datagrams arrived faster than they could be decoded",
    /// The sink had no room.
    PipelineFull "pipeline_full" true "records arrived faster than they could be stored",
    StoreRefused "store_refused" true "the store refused records for too long",
    FrameTooLong "frame_too_long" true
        "a frame has no NUL within the limit: end each message with a NUL byte, or raise frame_max",
    /// A frame was begun and never ended.
    FrameTimeout "frame_timeout" true "a frame was begun but not finished in time",
    FrameMemory "frame_memory" true "the unfinished frames of all connections take too much memory",
    ConnectionLimit "connection_limit" true "too many connections, raise connections_max",
    TlsHello "tls_hello" true "the client speaks TLS, this port takes plain TCP: switch TLS off in the client",
    /// Only with `drop_blank`.
    BlankDropped "blank_dropped" true "blank messages are dropped as configured",
    DuplicateChunk "duplicate_chunk" false "a chunk arrived twice",
    /// The first one is kept.
    ConflictingChunk "conflicting_chunk" false "two chunks with the same number differ",
    LateChunk "late_chunk" false "a chunk arrived after its message had been given up",
    InvalidUtf8 "invalid_utf8" false "the text is not UTF-8, replacement characters stand for the bad bytes",
    DuplicateField "duplicate_field" false "a field appears twice, the last value counts",
    ExtraFields "extra_fields" false "fields beyond the limits are kept together in gelf_rest",
    NoHost "no_host" false "there is no host, the sender's address stands for it",
    NoMessage "no_message" false "there is no short_message",
    BlankMessage "blank_message" false "the message is blank",
    BadTimestamp "bad_timestamp" false "the timestamp cannot be read, the time of arrival stands for it",
    FutureTimestamp "future_timestamp" false "the timestamp lies too far ahead, the time of arrival stands for it",
    BadLevel "bad_level" false "the level is neither 0 to 7 nor a known word",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_in_order_and_labels_are_unique() {
        for (index, reason) in FaultReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index, "{reason:?}");
        }
        let labels: std::collections::BTreeSet<_> = FaultReason::ALL.iter().map(|reason| reason.label()).collect();
        assert_eq!(labels.len(), FaultReason::ALL.len());
    }
}
