//! Puts chunked messages together. GELF 1.1, "Chunking": all chunks must arrive within five seconds.
//!
//! A message is known by its sender (address and port) and its id, so that equal ids of different senders do not mix.
//! Behind some NATs the chunks of one message come from different ports: parts of the same address, id and count, which
//! together are whole, are joined once all of them have been quiet for [`SPLIT_QUIET_NS`].
//!
//! Invariants
//! - Memory is bounded in bytes and in messages, and so is each sender's part of it: a sender over its share loses its own
//!   oldest message. When all together are over, the oldest messages of the address that holds most go, and among its ports
//!   those of the port that holds most: a flood, also one of forged ports, pushes itself out before anybody else.
//! - Every message that is begun ends up complete or in [`Reassembler::take_lost`].
//! - Time is an argument; a clock that jumps can only make messages expire early.

use crate::chunk::{Chunk, MessageId};
use crate::config::ChunkLimits;
use crate::fault::FaultReason;
use flate2::Crc;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use watchfire_model::TimeNs;

/// How long the parts of a message from several ports must be quiet before they are joined.
const SPLIT_QUIET_NS: i64 = 300_000_000;
/// How long a complete message is remembered to recognise chunks that the network has doubled. Shorter than any reuse of
/// an id.
const COMPLETE_MEMORY_NS: i64 = 500_000_000;
/// Messages that are remembered after their end.
const ENDED_MAX: usize = 1024;
/// Bytes of one message before decompression.
const MESSAGE_LEN_MAX: usize = 8 << 20;
/// The part of a limit that is freed at once when it is exceeded.
const EVICTED_PART: usize = 4;
/// What a message costs beside its bytes and pieces.
const MESSAGE_OVERHEAD: usize = 512;

/// What became of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// More chunks are needed.
    Waiting,
    /// The message is whole.
    Complete(Vec<u8>),
    /// The chunk was not needed or not acceptable.
    Dropped(FaultReason),
}

/// A message that never became whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    pub sender: SocketAddr,
    pub reason: FaultReason,
    /// Chunks that had arrived, of `count`.
    pub n_received: u8,
    pub count: u8,
}

/// What has happened so far; the six figures that Graylog gives, and four more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReassemblyCounts {
    pub chunks: u64,
    /// Incomplete messages now.
    pub waiting_messages: i64,
    pub complete_messages: u64,
    pub expired_messages: u64,
    pub expired_chunks: u64,
    /// Chunks that expired messages lacked.
    pub missing_chunks: u64,
    pub duplicate_chunks: u64,
    pub conflicting_chunks: u64,
    pub late_chunks: u64,
    pub evicted_messages: u64,
}

impl ReassemblyCounts {
    pub(crate) fn add(&mut self, more: &ReassemblyCounts) {
        self.chunks += more.chunks;
        self.waiting_messages += more.waiting_messages;
        self.complete_messages += more.complete_messages;
        self.expired_messages += more.expired_messages;
        self.expired_chunks += more.expired_chunks;
        self.missing_chunks += more.missing_chunks;
        self.duplicate_chunks += more.duplicate_chunks;
        self.conflicting_chunks += more.conflicting_chunks;
        self.late_chunks += more.late_chunks;
        self.evicted_messages += more.evicted_messages;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    sender: SocketAddr,
    message_id: MessageId,
}

/// A message that waits for chunks. The chunks stand in `bytes` in order of arrival.
#[derive(Debug)]
struct Pending {
    /// Grows with each message that is begun.
    sequence: u64,
    first: TimeNs,
    last: TimeNs,
    n_received: u8,
    /// Where each chunk stands in `bytes`, by its index.
    pieces: Box<[Option<Piece>]>,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    offset: u32,
    len: u32,
}

/// A message that is over, to recognise its stragglers.
#[derive(Debug)]
struct Ended {
    at: TimeNs,
    /// Checksums of the chunks that had arrived, by index.
    checksums: Box<[Option<u32>]>,
}

#[derive(Debug, Default)]
struct Share {
    memory: usize,
    /// Sequences of the sender's messages.
    messages: BTreeSet<u64>,
}

/// All incomplete messages of one socket.
#[derive(Debug)]
pub struct Reassembler {
    timeout_ns: i64,
    memory_max: usize,
    messages_max: usize,
    share_memory_max: usize,
    share_messages_max: usize,
    pending: HashMap<Key, Pending>,
    /// Every pending message by its sequence, the oldest first.
    order: BTreeMap<u64, Key>,
    shares: HashMap<SocketAddr, Share>,
    memory: usize,
    next_sequence: u64,
    ended: HashMap<Key, Ended>,
    ended_order: VecDeque<Key>,
    lost: Vec<Lost>,
    counts: ReassemblyCounts,
}

impl Reassembler {
    pub fn new(limits: ChunkLimits) -> Reassembler {
        let memory_max = usize::try_from(limits.memory.0).unwrap_or(usize::MAX);
        let share = |whole: usize| (whole / 100).saturating_mul(usize::from(limits.sender_share_percent)).max(1);
        Reassembler {
            timeout_ns: i64::try_from(limits.timeout.0.saturating_mul(1_000_000)).unwrap_or(i64::MAX),
            memory_max,
            messages_max: limits.messages_max,
            share_memory_max: share(memory_max),
            share_messages_max: share(limits.messages_max),
            pending: HashMap::new(),
            order: BTreeMap::new(),
            shares: HashMap::new(),
            memory: 0,
            next_sequence: 0,
            ended: HashMap::new(),
            ended_order: VecDeque::new(),
            lost: Vec::new(),
            counts: ReassemblyCounts::default(),
        }
    }

    /// Takes in one chunk.
    pub fn insert(&mut self, sender: SocketAddr, chunk: Chunk<'_>, now: TimeNs) -> Inserted {
        self.counts.chunks += 1;
        let key = Key { sender, message_id: chunk.message_id };
        if chunk.count == 1 {
            self.counts.complete_messages += 1;
            return Inserted::Complete(chunk.payload.to_vec());
        }
        if !self.pending.contains_key(&key) {
            if let Some(reason) = self.straggler(&key, &chunk, now) {
                return Inserted::Dropped(reason);
            }
            self.begin(key, chunk.count, now);
        }
        let pending = self.pending.get_mut(&key).expect("it was there or has just begun");
        if pending.pieces.len() != usize::from(chunk.count) {
            return Inserted::Dropped(FaultReason::ChunkCountChanged);
        }
        if let Some(known) = pending.piece(chunk.index) {
            let reason =
                if known == chunk.payload { FaultReason::DuplicateChunk } else { FaultReason::ConflictingChunk };
            self.count_dropped(reason);
            return Inserted::Dropped(reason);
        }
        let cost_before = pending.memory();
        pending.push(chunk.index, chunk.payload, now);
        let cost = pending.memory() - cost_before;
        let (is_whole, len) = (pending.is_whole(), pending.bytes.len());
        self.memory += cost;
        self.shares.entry(sender).or_default().memory += cost;
        if is_whole {
            return Inserted::Complete(self.complete(&key, now));
        }
        if len > MESSAGE_LEN_MAX {
            self.drop_message(&key, FaultReason::TooLarge);
            return Inserted::Waiting;
        }
        self.make_room(sender);
        Inserted::Waiting
    }

    /// Gives up what has waited too long, and joins messages whose chunks came from several ports: those are appended to
    /// `complete`. Call it a few times a second.
    pub fn expire(&mut self, now: TimeNs, complete: &mut Vec<(SocketAddr, Vec<u8>)>) {
        self.join_split(now, complete);
        while let Some((_, &key)) = self.order.first_key_value() {
            let age = now.0.saturating_sub(self.pending[&key].first.0);
            if (0..self.timeout_ns).contains(&age) {
                break;
            }
            let pending = self.drop_message(&key, FaultReason::IncompleteMessage);
            self.counts.expired_messages += 1;
            self.counts.expired_chunks += u64::from(pending.n_received);
            self.counts.missing_chunks += pending.pieces.len() as u64 - u64::from(pending.n_received);
            self.remember(key, &pending, now);
        }
        while let Some(key) = self.ended_order.front() {
            let is_over = self
                .ended
                .get(key)
                .is_none_or(|ended| !(0..self.timeout_ns).contains(&now.0.saturating_sub(ended.at.0)));
            if !is_over {
                break;
            }
            self.ended.remove(key);
            self.ended_order.pop_front();
        }
    }

    /// The messages lost since the last call.
    pub fn take_lost(&mut self) -> Vec<Lost> {
        std::mem::take(&mut self.lost)
    }

    /// What happened since the last call; `waiting_messages` is the change since then.
    pub(crate) fn take_counts(&mut self) -> ReassemblyCounts {
        std::mem::take(&mut self.counts)
    }

    /// Bytes that incomplete messages take now.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Whether a chunk without a pending message belongs to one that is over.
    fn straggler(&mut self, key: &Key, chunk: &Chunk<'_>, now: TimeNs) -> Option<FaultReason> {
        let ended = self.ended.get(key)?;
        if ended.checksums.len() != usize::from(chunk.count) {
            return None;
        }
        let age = now.0.saturating_sub(ended.at.0);
        let was_complete = ended.checksums.iter().all(Option::is_some);
        let memory_ns = if was_complete { COMPLETE_MEMORY_NS } else { self.timeout_ns };
        let reason = match ended.checksums[usize::from(chunk.index)] {
            _ if !(0..memory_ns).contains(&age) => return None,
            None => FaultReason::LateChunk,
            Some(known) if known == checksum(chunk.payload) => FaultReason::DuplicateChunk,
            Some(_) => return None,
        };
        self.count_dropped(reason);
        Some(reason)
    }

    fn begin(&mut self, key: Key, count: u8, now: TimeNs) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let pending = Pending {
            sequence,
            first: now,
            last: now,
            n_received: 0,
            pieces: vec![None; usize::from(count)].into_boxed_slice(),
            bytes: Vec::new(),
        };
        let share = self.shares.entry(key.sender).or_default();
        share.messages.insert(sequence);
        share.memory += pending.memory();
        self.memory += pending.memory();
        self.order.insert(sequence, key);
        self.pending.insert(key, pending);
        self.counts.waiting_messages += 1;
    }

    /// Drops the sender's own oldest messages while it is over its share, then what makes room for all.
    fn make_room(&mut self, sender: SocketAddr) {
        while let Some(share) = self.shares.get(&sender)
            && (share.memory > self.share_memory_max || share.messages.len() > self.share_messages_max)
            && let Some(oldest) = share.messages.first()
        {
            self.evict(self.order[oldest]);
        }
        if self.memory > self.memory_max || self.pending.len() > self.messages_max {
            for key in self.eviction_order() {
                if self.memory <= part_kept(self.memory_max) && self.pending.len() <= part_kept(self.messages_max) {
                    break;
                }
                self.evict(key);
            }
        }
    }

    /// All pending messages, those that should go first at the front: the oldest of the address that holds most. Several go at
    /// once, which makes up for the cost of looking at all.
    fn eviction_order(&self) -> Vec<Key> {
        let is_memory = self.memory > self.memory_max;
        let cost = |pending: &Pending| if is_memory { pending.memory() } else { 1 };
        // What each message and the newer ones of its port hold together.
        let mut of_port: HashMap<SocketAddr, usize> = HashMap::new();
        let mut of_address: HashMap<IpAddr, Vec<(usize, Reverse<u64>, Key)>> = HashMap::new();
        for (sequence, key) in self.order.iter().rev() {
            let held = of_port.entry(key.sender).or_default();
            *held += cost(&self.pending[key]);
            of_address.entry(key.sender.ip()).or_default().push((*held, Reverse(*sequence), *key));
        }
        // The same for each address, the messages of its lighter ports coming first.
        let mut ranked = Vec::with_capacity(self.order.len());
        for messages in of_address.values_mut() {
            messages.sort_unstable_by_key(|(held, age, _)| (*held, *age));
            let mut held = 0;
            for (_, age, key) in messages {
                held += cost(&self.pending[key]);
                ranked.push((Reverse(held), Reverse(*age), *key));
            }
        }
        ranked.sort_unstable_by_key(|(held, age, _)| (*held, *age));
        ranked.into_iter().map(|(_, _, key)| key).collect()
    }

    fn evict(&mut self, key: Key) {
        self.drop_message(&key, FaultReason::EvictedMessage);
        self.counts.evicted_messages += 1;
    }

    fn complete(&mut self, key: &Key, now: TimeNs) -> Vec<u8> {
        let pending = self.remove(key);
        self.counts.complete_messages += 1;
        self.remember(*key, &pending, now);
        pending.into_message()
    }

    fn drop_message(&mut self, key: &Key, reason: FaultReason) -> Pending {
        let pending = self.remove(key);
        let count = pending.pieces.len() as u8;
        self.lost.push(Lost { sender: key.sender, reason, n_received: pending.n_received, count });
        pending
    }

    fn remove(&mut self, key: &Key) -> Pending {
        let pending = self.pending.remove(key).expect("callers name a pending message");
        self.order.remove(&pending.sequence);
        self.counts.waiting_messages -= 1;
        let share = self.shares.get_mut(&key.sender).expect("a sender has a share while a message of it waits");
        share.messages.remove(&pending.sequence);
        share.memory -= pending.memory();
        self.memory -= pending.memory();
        if share.messages.is_empty() {
            self.shares.remove(&key.sender);
        }
        pending
    }

    fn remember(&mut self, key: Key, pending: &Pending, now: TimeNs) {
        if self.ended_order.len() >= ENDED_MAX
            && let Some(oldest) = self.ended_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
        let checksums = (0..pending.pieces.len()).map(|index| pending.piece(index as u8).map(checksum)).collect();
        self.ended.insert(key, Ended { at: now, checksums });
        self.ended_order.push_back(key);
    }

    /// Joins quiet messages of equal address, id and count whose chunks complete each other.
    fn join_split(&mut self, now: TimeNs, complete: &mut Vec<(SocketAddr, Vec<u8>)>) {
        let mut groups: HashMap<(IpAddr, MessageId, usize), Vec<Key>> = HashMap::new();
        for key in self.order.values() {
            let pending = &self.pending[key];
            if now.0.saturating_sub(pending.last.0) >= SPLIT_QUIET_NS {
                groups.entry((key.sender.ip(), key.message_id, pending.pieces.len())).or_default().push(*key);
            }
        }
        for ((_, _, count), keys) in groups {
            let n_chunks: usize = keys.iter().map(|key| usize::from(self.pending[key].n_received)).sum();
            let has = |index: u8| keys.iter().any(|key| self.pending[key].piece(index).is_some());
            if keys.len() < 2 || n_chunks != count || !(0..count as u8).all(has) {
                continue;
            }
            let parts: Vec<Pending> = keys.iter().map(|key| self.remove(key)).collect();
            let pieces = (0..count as u8).flat_map(|index| parts.iter().filter_map(move |part| part.piece(index)));
            complete.push((keys[0].sender, pieces.collect::<Vec<_>>().concat()));
            self.counts.complete_messages += 1;
        }
    }

    fn count_dropped(&mut self, reason: FaultReason) {
        match reason {
            FaultReason::DuplicateChunk => self.counts.duplicate_chunks += 1,
            FaultReason::ConflictingChunk => self.counts.conflicting_chunks += 1,
            FaultReason::LateChunk => self.counts.late_chunks += 1,
            _ => {}
        }
    }
}

impl Pending {
    fn piece(&self, index: u8) -> Option<&[u8]> {
        let piece = self.pieces[usize::from(index)]?;
        Some(&self.bytes[piece.offset as usize..][..piece.len as usize])
    }

    fn push(&mut self, index: u8, payload: &[u8], now: TimeNs) {
        self.pieces[usize::from(index)] = Some(Piece { offset: self.bytes.len() as u32, len: payload.len() as u32 });
        self.bytes.extend_from_slice(payload);
        self.n_received += 1;
        self.last = now;
    }

    fn is_whole(&self) -> bool {
        usize::from(self.n_received) == self.pieces.len()
    }

    fn memory(&self) -> usize {
        MESSAGE_OVERHEAD + size_of_val(&*self.pieces) + self.bytes.capacity()
    }

    /// The whole message; moves nothing when the chunks arrived in order.
    fn into_message(self) -> Vec<u8> {
        let offsets = self.pieces.iter().flatten().map(|piece| piece.offset);
        if offsets.is_sorted() {
            return self.bytes;
        }
        (0..self.pieces.len()).filter_map(|index| self.piece(index as u8)).collect::<Vec<_>>().concat()
    }
}

/// What is left of a limit after messages had to go.
fn part_kept(max: usize) -> usize {
    max - max / EVICTED_PART
}

fn checksum(payload: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(payload);
    crc.sum()
}

#[cfg(test)]
mod tests;
