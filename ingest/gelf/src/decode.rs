//! A whole payload, compressed or not, as records: one object, several, lines of them, or an array.

use crate::chunk;
use crate::compression::Inflater;
use crate::config::MessageLimits;
use crate::fault::{Consequence, Fault, FaultReason};
use crate::json::Reader;
use crate::message::MessageReader;
use std::borrow::Cow;
use std::net::IpAddr;
use watchfire_model::{LogRecord, TimeNs};

/// Messages of one payload; what follows is given up, so that a payload of `{}{}{}…` cannot fill the memory.
pub(crate) const MESSAGES_MAX: usize = 1 << 18;
/// Records of one payload may take so many times the memory that its bytes may, beyond which the rest is given up as well.
const RECORDS_COST_FACTOR: u64 = 4;
/// Bytes that a record takes beside its texts: mostly the room for its fields.
pub(crate) const RECORD_COST: usize = 1 << 10;
/// Faults of one payload that are kept one by one; all are counted.
const FAULTS_MAX: usize = 1024;
/// Bytes that may be read a second time to find whole messages behind broken ones.
const REREAD_MAX: usize = 16 << 20;

/// Where and when a payload came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// IPv4-mapped addresses as IPv4.
    pub sender: IpAddr,
    pub received: TimeNs,
}

/// What payloads held.
#[derive(Debug, Clone, Default)]
pub struct Decoded {
    pub records: Vec<LogRecord>,
    /// The first faults in order of the payloads; [`Decoded::counts`] has all of them.
    pub faults: Vec<Fault>,
    /// Messages found, stored or not.
    pub n_messages: usize,
    /// Bytes of the payloads without their compression.
    pub n_bytes: usize,
    /// Faults by reason.
    pub counts: FaultCounts,
}

/// How often each reason occurred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultCounts {
    counts: [u32; FaultReason::ALL.len()],
    n_refused: u64,
    n_dropped: u64,
}

impl Default for FaultCounts {
    fn default() -> FaultCounts {
        FaultCounts { counts: [0; FaultReason::ALL.len()], n_refused: 0, n_dropped: 0 }
    }
}

impl FaultCounts {
    pub fn add(&mut self, reason: FaultReason, n: u32) {
        let count = &mut self.counts[reason as usize];
        *count = count.saturating_add(n);
        match reason.consequence() {
            Consequence::Refused => self.n_refused += u64::from(n),
            Consequence::Dropped => self.n_dropped += u64::from(n),
            Consequence::Kept => {}
        }
    }

    pub fn get(&self, reason: FaultReason) -> u32 {
        self.counts[reason as usize]
    }

    /// The reasons that occurred.
    pub fn iter(&self) -> impl Iterator<Item = (FaultReason, u32)> + '_ {
        FaultReason::ALL.iter().zip(self.counts).filter(|(_, count)| *count > 0).map(|(reason, count)| (*reason, count))
    }

    /// Messages that were not acceptable.
    pub fn n_refused(&self) -> u64 {
        self.n_refused
    }

    /// Messages that were lost on the way.
    pub fn n_dropped(&self) -> u64 {
        self.n_dropped
    }

    pub fn clear(&mut self) {
        *self = FaultCounts::default();
    }
}

impl Decoded {
    /// Takes the records out and forgets the rest; keeps room for as many again.
    pub(crate) fn take(&mut self) -> Vec<LogRecord> {
        let room = Vec::with_capacity(self.records.len());
        self.faults.clear();
        self.counts.clear();
        self.n_messages = 0;
        self.n_bytes = 0;
        std::mem::replace(&mut self.records, room)
    }

    /// Bytes that the records take, estimated.
    pub(crate) fn cost(&self) -> usize {
        self.n_bytes + self.records.len() * RECORD_COST
    }

    pub(crate) fn fault(&mut self, index: usize, reason: FaultReason) {
        self.counts.add(reason, 1);
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { index, reason });
        }
    }
}

/// Turns payloads into records. Keeps only buffers between them; one for each thread.
#[derive(Debug)]
pub struct Decoder {
    limits: MessageLimits,
    inflater: Inflater,
    messages: MessageReader,
}

impl Decoder {
    pub fn new(limits: MessageLimits) -> Decoder {
        let output_max = usize::try_from(limits.decompressed_max.0).unwrap_or(usize::MAX);
        Decoder { limits, inflater: Inflater::new(output_max), messages: MessageReader::new() }
    }

    /// Adds the payload's records and faults to `decoded`. Total: any bytes will do.
    pub fn decode(&mut self, payload: &[u8], arrival: &Arrival, decoded: &mut Decoded) {
        let chunk = self.decode_unless_chunk(payload, arrival, decoded);
        if chunk.is_some() {
            decoded.n_messages += 1;
            decoded.fault(0, FaultReason::NestedChunk);
        }
    }

    /// The same, but a payload that is a chunk is returned, without its compression: some senders compress the chunks
    /// rather than the message.
    pub(crate) fn decode_unless_chunk(
        &mut self,
        payload: &[u8],
        arrival: &Arrival,
        decoded: &mut Decoded,
    ) -> Option<Vec<u8>> {
        let mut chunk = None;
        match self.inflater.inflate(payload) {
            Ok(plain) if plain.bytes.starts_with(&chunk::MAGIC) => chunk = Some(plain.bytes.to_vec()),
            Ok(plain) => read_payload(plain.bytes, arrival, &self.limits, &mut self.messages, decoded),
            Err(reason) => {
                decoded.n_messages += 1;
                decoded.fault(0, reason);
            }
        }
        self.inflater.shrink();
        chunk
    }

    /// The same for a payload that is known to have no compression.
    pub(crate) fn decode_plain(&mut self, payload: &[u8], arrival: &Arrival, decoded: &mut Decoded) {
        if payload.starts_with(&chunk::MAGIC) {
            decoded.n_messages += 1;
            return decoded.fault(0, FaultReason::NestedChunk);
        }
        read_payload(payload, arrival, &self.limits, &mut self.messages, decoded);
    }
}

/// Reads the messages of an uncompressed payload.
fn read_payload(
    payload: &[u8],
    arrival: &Arrival,
    limits: &MessageLimits,
    messages: &mut MessageReader,
    decoded: &mut Decoded,
) {
    decoded.n_bytes += payload.len();
    // Checking first is several times faster than the lossy conversion, which goes byte by byte.
    let text = std::str::from_utf8(payload).map_or_else(|_| String::from_utf8_lossy(payload), Cow::Borrowed);
    if matches!(text, Cow::Owned(_)) {
        decoded.fault(0, FaultReason::InvalidUtf8);
    }
    decoded.records.reserve(messages.expected(payload.len()));
    let n_messages = read_messages(&text, arrival, limits, messages, decoded);
    decoded.n_messages += n_messages;
    messages.expect_more(payload.len(), n_messages);
    if n_messages == 0 {
        decoded.n_messages += 1;
        decoded.fault(0, FaultReason::Empty);
    }
}

/// Reads objects one after another, whatever stands between them; returns how many there were.
fn read_messages(
    text: &str,
    arrival: &Arrival,
    limits: &MessageLimits,
    messages: &mut MessageReader,
    decoded: &mut Decoded,
) -> usize {
    let messages_max = limits.decompressed_max.0.saturating_mul(RECORDS_COST_FACTOR) / RECORD_COST as u64;
    let messages_max = usize::try_from(messages_max).map_or(MESSAGES_MAX, |max| max.clamp(1, MESSAGES_MAX));
    let mut reader = Reader::new(text);
    let mut reread_len = 0;
    let mut index = 0;
    while let Some(byte) = reader.peek() {
        if matches!(byte, b'[' | b']') {
            reader.bump();
            continue;
        }
        if index == messages_max {
            decoded.fault(index, FaultReason::AbandonedRest);
            return index + 1;
        }
        let start = reader.offset();
        if byte == b'{' {
            match messages.read(&mut reader, arrival, limits, |reason| decoded.fault(index, reason)) {
                Ok(record) => {
                    decoded.records.extend(record);
                    index += 1;
                }
                Err(error) => {
                    decoded.fault(index, FaultReason::InvalidJson);
                    index += 1;
                    let Some(next) = next_line_with_object(text, start + 1) else { break };
                    reread_len += error.offset.saturating_sub(next);
                    if reread_len > REREAD_MAX {
                        decoded.fault(index, FaultReason::AbandonedRest);
                        return index + 1;
                    }
                    reader.seek(next);
                }
            }
        } else {
            decoded.fault(index, FaultReason::InvalidJson);
            index += 1;
            let Some(skipped) = memchr::memchr(b'{', &text.as_bytes()[start..]) else { break };
            reader.seek(start + skipped);
        }
    }
    index
}

/// Where the next line begins that starts with an object.
fn next_line_with_object(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'\n', &bytes[from..]).map(|at| from + at + 1).find_map(|line| {
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b',');
        let indent = bytes[line..].iter().take_while(is_space).count();
        (bytes.get(line + indent) == Some(&b'{')).then_some(line + indent)
    })
}

/// How many bytes at the beginning are whole objects that need no NUL to be known as such.
pub(crate) fn whole_objects_len(payload: &[u8], line_end: LineEnd) -> usize {
    let valid_len = std::str::from_utf8(payload).map_or_else(|error| error.valid_up_to(), str::len);
    let Ok(text) = std::str::from_utf8(&payload[..valid_len]) else { return 0 };
    let mut reader = Reader::new(text);
    let mut whole_len = 0;
    while reader.peek() == Some(b'{') && reader.skip_value().is_ok() {
        let end = reader.offset();
        let next = reader.peek();
        let is_whole = match line_end {
            LineEnd::NextObject => next == Some(b'{') && text[end..reader.offset()].contains('\n'),
            LineEnd::Any => matches!(next, Some(b'{') | None),
        };
        if !is_whole {
            break;
        }
        whole_len = reader.offset();
    }
    whole_len
}

/// What must follow an object so that it counts as whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// A line break and another object: then neither is part of the first.
    NextObject,
    /// Another object, or nothing from a sender that has fallen silent.
    Any,
}

#[cfg(test)]
mod tests;
