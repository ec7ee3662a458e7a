//! What can go wrong with a message, as metrics and statuses name it.

use watchfire_model::Fate;

/// Something wrong with one message of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which message of the payload or body, counted from zero.
    pub index: usize,
    pub reason: FaultReason,
}

/// What a fault did to the message that had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consequence {
    /// It was not acceptable, or its sender was told that it is not stored.
    Refused,
    /// It was lost on the way.
    Dropped,
    /// It was repaired and kept.
    Kept,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident $label:literal $consequence:ident $text:literal,)*) => {
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

            /// What the fault did to the message.
            pub fn consequence(self) -> Consequence {
                match self { $(FaultReason::$name => Consequence::$consequence,)* }
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
    Empty "empty" Refused "the message is empty",
    InvalidJson "invalid_json" Refused "the message is no JSON object",
    /// Too much was broken to look for further messages behind it.
    AbandonedRest "abandoned_rest" Refused "too many broken messages in one payload, the rest was given up",
    UnknownCompression "unknown_compression" Refused "the compression is unknown, send gzip, zlib, zstd or plain JSON",
    CorruptCompression "corrupt_compression" Refused "the compressed message is cut short or damaged",
    TooLarge "too_large" Refused "the message is larger than the limit",
    DecompressionBomb "decompression_bomb" Refused "the message inflates beyond every honest ratio",
    /// The datagram did not fit the receive buffer of a slot.
    TruncatedDatagram "truncated_datagram" Dropped "the datagram was cut by the kernel",
    ChunkTruncated "chunk_truncated" Refused "the datagram is shorter than a chunk header",
    ChunkSequence "chunk_sequence" Refused "the chunk's number and count do not fit, at most 128 chunks are allowed",
    ChunkCountChanged "chunk_count_changed" Refused "the chunks of one message disagree about their count",
    /// A reassembled message that is a chunk again.
    NestedChunk "nested_chunk" Refused "the reassembled message is a chunk again",
    /// Some chunks of a message did not arrive in time.
    IncompleteMessage "incomplete_message" Dropped
        "chunks of a message did not arrive in time: send smaller messages, use TCP, or look for a full receive buffer",
    /// An incomplete message had to make room for newer ones.
    EvictedMessage "evicted_message" Dropped "an incomplete message was dropped to make room for newer ones",
    /// Dropped by the kernel before this process could read it.
    KernelBufferFull "kernel_buffer_full" Dropped "the kernel dropped datagrams because the receive buffer was full",
    /// Between the receiving and the decoding thread.
    QueueFull "queue_full" Dropped "datagrams arrived faster than they could be decoded",
    /// The sink had no room.
    PipelineFull "pipeline_full" Dropped "records arrived faster than they could be stored",
    DiskFull "disk_full" Dropped "records could not be stored because the disk is full: make room, or keep logs for less time",
    StoreFailed "store_failed" Dropped "the store refused records for too long",
    CommitFailed "commit_failed" Dropped "records could not be made durable, the disk fails",
    Stopping "stopping" Dropped "the server stopped before the records could be stored",
    /// The sender was told so, and has them still.
    StoreRefused "store_refused" Refused "the store refused records, their sender was told so",
    FrameTooLong "frame_too_long" Refused
        "a frame has no NUL within the limit: end each message with a NUL byte, or raise frame_max",
    /// A frame was begun and never ended.
    FrameTimeout "frame_timeout" Refused "a frame was begun but not finished in time",
    FrameMemory "frame_memory" Dropped "the unfinished frames of all connections take too much memory",
    ConnectionLimit "connection_limit" Refused "too many connections, raise connections_max",
    TlsHello "tls_hello" Refused "the client speaks TLS, this port takes plain TCP: switch TLS off in the client",
    /// Only with `drop_blank`.
    BlankDropped "blank_dropped" Refused "blank messages are dropped as configured",
    DuplicateChunk "duplicate_chunk" Kept "a chunk arrived twice",
    /// The first one is kept.
    ConflictingChunk "conflicting_chunk" Kept "two chunks with the same number differ",
    LateChunk "late_chunk" Kept "a chunk arrived after its message had been given up",
    InvalidUtf8 "invalid_utf8" Kept "the text is not UTF-8, replacement characters stand for the bad bytes",
    DuplicateField "duplicate_field" Kept "a field appears twice, the last value counts",
    ExtraFields "extra_fields" Kept "fields beyond the limits are kept together in gelf_rest",
    NoHost "no_host" Kept "there is no host, the sender's address stands for it",
    NoMessage "no_message" Kept "there is no short_message",
    BlankMessage "blank_message" Kept "the message is blank",
    BadTimestamp "bad_timestamp" Kept "the timestamp cannot be read, the time of arrival stands for it",
    FutureTimestamp "future_timestamp" Kept "the timestamp lies too far ahead, the time of arrival stands for it",
    BadLevel "bad_level" Kept "the level is neither 0 to 7 nor a known word",
}

impl FaultReason {
    /// Whether the message, or a part of it, is not stored.
    pub fn is_loss(self) -> bool {
        self.consequence() != Consequence::Kept
    }

    /// Why a record that the sink had in hand is not stored; none when it is.
    pub(crate) fn of_fate(fate: Fate) -> Option<FaultReason> {
        match fate {
            Fate::Stored => None,
            Fate::Refused => Some(FaultReason::StoreRefused),
            Fate::PipelineFull => Some(FaultReason::PipelineFull),
            Fate::DiskFull => Some(FaultReason::DiskFull),
            Fate::StoreFailed => Some(FaultReason::StoreFailed),
            Fate::CommitFailed => Some(FaultReason::CommitFailed),
            Fate::Stopping => Some(FaultReason::Stopping),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_in_order_and_labels_are_unique() {
        for (index, reason) in FaultReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index, "{reason:?}");
        }
        for fate in Fate::LOST {
            assert_eq!(FaultReason::of_fate(fate).map(FaultReason::label), Some(fate.label()));
        }
        let labels: std::collections::BTreeSet<_> = FaultReason::ALL.iter().map(|reason| reason.label()).collect();
        assert_eq!(labels.len(), FaultReason::ALL.len());
    }
}
