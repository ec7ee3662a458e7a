//! Datagrams as records: whole messages, chunks of messages, compressed or not. Time is an argument.

use crate::chunk::{Chunk, ChunkError, parse_chunk};
use crate::config::{ChunkLimits, MessageLimits};
use crate::decode::{Arrival, Decoded, Decoder};
use crate::fault::FaultReason;
use crate::reassembly::{Inserted, Reassembler, ReassemblyCounts};
use std::net::SocketAddr;
use watchfire_model::TimeNs;

/// Everything between a datagram and its records; one for each socket.
#[derive(Debug)]
pub struct DatagramDecoder {
    decoder: Decoder,
    reassembler: Reassembler,
    /// What the datagrams held since it was last taken out.
    pub decoded: Decoded,
}

/// What one datagram led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    pub n_records: u64,
    /// Messages that were not acceptable.
    pub n_refused: u64,
    /// Messages that were lost on the way.
    pub n_dropped: u64,
}

impl DatagramDecoder {
    pub fn new(messages: MessageLimits, chunks: ChunkLimits) -> DatagramDecoder {
        DatagramDecoder {
            decoder: Decoder::new(messages),
            reassembler: Reassembler::new(chunks),
            decoded: Decoded::default(),
        }
    }

    /// Takes in a datagram; records and faults are added to [`DatagramDecoder::decoded`].
    pub fn insert(&mut self, sender: SocketAddr, datagram: &[u8], received: TimeNs) -> Outcome {
        let before = self.so_far();
        self.decode(sender, datagram, received);
        self.since(before)
    }

    /// Ends what has waited too long. Call it a few times a second; returns what it led to, by sender: chunked messages
    /// that were lost since the last call, also to make room, and those that were found to be whole. Records of the latter
    /// are added in this order.
    pub fn expire(&mut self, now: TimeNs) -> Vec<(SocketAddr, Outcome)> {
        let mut complete = Vec::new();
        self.reassembler.expire(now, &mut complete);
        let mut outcomes = Vec::new();
        for (sender, payload) in complete {
            let before = self.so_far();
            self.decode_whole(sender, &payload, now);
            outcomes.push((sender, self.since(before)));
        }
        for lost in self.reassembler.take_lost() {
            let before = self.so_far();
            self.decoded.fault(0, lost.reason);
            outcomes.push((lost.sender, self.since(before)));
        }
        outcomes
    }

    /// Everything decoded since it was last taken out.
    fn so_far(&self) -> Outcome {
        Outcome {
            n_records: self.decoded.records.len() as u64,
            n_refused: self.decoded.counts.n_refused(),
            n_dropped: self.decoded.counts.n_dropped(),
        }
    }

    fn since(&self, before: Outcome) -> Outcome {
        let now = self.so_far();
        Outcome {
            n_records: now.n_records - before.n_records,
            n_refused: now.n_refused - before.n_refused,
            n_dropped: now.n_dropped - before.n_dropped,
        }
    }

    /// What happened to chunks since the last call.
    pub(crate) fn take_counts(&mut self) -> ReassemblyCounts {
        self.reassembler.take_counts()
    }

    fn decode(&mut self, sender: SocketAddr, datagram: &[u8], received: TimeNs) {
        match parse_chunk(datagram) {
            Ok(chunk) => return self.insert_chunk(sender, chunk, received),
            Err(ChunkError::NotChunked) => {}
            Err(error) => return self.decoded.fault(0, chunk_fault(error)),
        }
        let arrival = Arrival { sender: sender.ip(), received };
        let inner_chunk = self.decoder.decode_unless_chunk(datagram, &arrival, &mut self.decoded);
        match inner_chunk.as_deref().map(parse_chunk) {
            None => {}
            Some(Ok(chunk)) => self.insert_chunk(sender, chunk, received),
            Some(Err(error)) => self.decoded.fault(0, chunk_fault(error)),
        }
    }

    fn insert_chunk(&mut self, sender: SocketAddr, chunk: Chunk<'_>, received: TimeNs) {
        match self.reassembler.insert(sender, chunk, received) {
            Inserted::Waiting => {}
            Inserted::Complete(payload) => self.decode_whole(sender, &payload, received),
            Inserted::Dropped(reason) => self.decoded.fault(0, reason),
        }
    }

    fn decode_whole(&mut self, sender: SocketAddr, payload: &[u8], received: TimeNs) {
        self.decoder.decode(payload, &Arrival { sender: sender.ip(), received }, &mut self.decoded);
    }
}

fn chunk_fault(error: ChunkError) -> FaultReason {
    match error {
        ChunkError::NotChunked => FaultReason::InvalidJson,
        ChunkError::Truncated { .. } => FaultReason::ChunkTruncated,
        ChunkError::Sequence { .. } => FaultReason::ChunkSequence,
    }
}
