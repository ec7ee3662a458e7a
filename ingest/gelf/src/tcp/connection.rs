//! One connection: reads frames, stores them, and reads on.

use super::Shared;
use crate::STOP_CHECK;
use crate::decode::{Arrival, Decoded, Decoder, LineEnd, whole_objects_len};
use crate::fault::FaultReason;
use crate::receipt::BatchReceipt;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use socket2::{Socket, TcpKeepalive};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use watchfire_model::{Fate, Refused};

/// Stack of a connection's thread; messages are read without deep recursion.
const STACK_LEN: usize = 256 << 10;
/// Buffer that each connection has in any case.
const BUFFER_LEN: usize = 16 << 10;
/// What a connection takes from the network before it stores it.
const BATCH_LEN_MAX: usize = 8 << 20;
/// How long a connection waits for a store that refuses, before its records count as lost.
const STORE_PATIENCE: Duration = Duration::from_secs(10);
const STORE_RETRY: Duration = Duration::from_millis(50);
/// Frames that are decoded and stored together, and the bytes after which there are no more.
const PIECE_FRAMES_MAX: usize = 8192;
const PIECE_LEN_MAX: usize = 1 << 20;
/// After this much silence the kernel asks whether the other end still lives.
const KEEPALIVE: Duration = Duration::from_mins(1);
/// First bytes of a TLS handshake. RFC 8446, 5.1.
const TLS_HELLO: [u8; 2] = [0x16, 0x03];
/// How often a connection without an unfinished frame wakes up by itself. It is woken when it has to end.
const IDLE_CHECK: Duration = Duration::from_mins(1);

/// What the accepting thread knows of a connection.
#[derive(Debug)]
pub(super) struct ConnectionState {
    socket: Socket,
    /// A whole message has come.
    pub(super) has_sent: AtomicBool,
    /// It has to make room for another.
    pub(super) is_evicted: AtomicBool,
    pub(super) opened: Instant,
}

impl ConnectionState {
    /// Ends its waiting for bytes; it then looks what is wanted of it.
    pub(super) fn wake(&self) {
        // A connection that is over already needs no waking.
        let _ = self.socket.shutdown(Shutdown::Read);
    }
}

/// A running connection.
pub(super) struct Running {
    pub(super) state: Arc<ConnectionState>,
    pub(super) thread: JoinHandle<()>,
}

/// One open connection.
pub(super) struct Connection {
    shared: Arc<Shared>,
    state: Arc<ConnectionState>,
    peer: SocketAddr,
    /// How long it waits for bytes.
    read_timeout: Duration,
    decoder: Decoder,
    /// Bytes not yet stored.
    buffer: Vec<u8>,
    /// So many bytes of `buffer` hold no NUL.
    without_nul_len: usize,
    /// Length of `buffer` when it was last searched for whole objects, in vain.
    without_object_len: usize,
    /// Length of `buffer` when the sender was last found silent.
    quiet_len: usize,
    /// When the frame at hand was begun.
    frame_start: Instant,
    is_first_frame: bool,
}

/// What reading gave.
enum Arrived {
    Bytes,
    /// Nothing for as long as it waited.
    Nothing,
    End,
}

impl Connection {
    /// Starts the thread of a connection.
    pub(super) fn start(shared: Arc<Shared>, socket: Socket, peer: SocketAddr) -> io::Result<Running> {
        let connection = Connection::new(shared, socket, peer);
        let state = Arc::clone(&connection.state);
        let thread = thread::Builder::new().name("gelf-tcp-conn".to_owned()).stack_size(STACK_LEN);
        let thread = thread.spawn(move || connection.run())?;
        Ok(Running { state, thread })
    }

    fn new(shared: Arc<Shared>, socket: Socket, peer: SocketAddr) -> Connection {
        shared.counters.connection_opened();
        let state = ConnectionState {
            socket,
            has_sent: AtomicBool::default(),
            is_evicted: AtomicBool::default(),
            opened: Instant::now(),
        };
        let decoder = Decoder::new(shared.config.messages);
        Connection {
            shared,
            state: Arc::new(state),
            peer,
            read_timeout: Duration::ZERO,
            decoder,
            buffer: Vec::with_capacity(BUFFER_LEN),
            without_nul_len: 0,
            without_object_len: 0,
            quiet_len: 0,
            frame_start: Instant::now(),
            is_first_frame: true,
        }
    }

    fn run(mut self) {
        if self.state.socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE)).is_err() {
            return;
        }
        if let Err(reason) = self.serve() {
            self.shared.lose(self.peer, reason);
        }
    }

    /// Reads and stores until the other end closes; the error is why this end does.
    fn serve(&mut self) -> Result<(), FaultReason> {
        let frame_max = self.frame_max();
        loop {
            match self.read()? {
                Arrived::Bytes => self.store_frames()?,
                Arrived::Nothing => self.store_quiet(),
                Arrived::End if self.state.is_evicted.load(Relaxed) => return Err(FaultReason::ConnectionLimit),
                Arrived::End => return self.store_nul_frames(self.buffer.len()),
            }
            if self.buffer.len() > frame_max {
                return Err(FaultReason::FrameTooLong);
            }
            if self.buffer.is_empty() {
                self.shrink();
            } else if self.frame_start.elapsed() > self.shared.config.frame_timeout.as_duration() {
                return Err(FaultReason::FrameTimeout);
            }
            if self.shared.stop.load(Relaxed) {
                return self.store_nul_frames(self.buffer.len());
            }
        }
    }

    /// Waits for bytes and takes all that are there, up to [`BATCH_LEN_MAX`].
    fn read(&mut self) -> Result<Arrived, FaultReason> {
        let len_before = self.buffer.len();
        if len_before == 0 {
            self.frame_start = Instant::now();
        }
        if !self.make_room() {
            return Err(FaultReason::FrameMemory);
        }
        if !self.set_read_timeout(if len_before == 0 { IDLE_CHECK } else { STOP_CHECK }) {
            return Ok(Arrived::End);
        }
        let mut flags = RecvFlags::empty();
        let arrived = loop {
            match rustix::net::recv(&self.state.socket, spare_capacity(&mut self.buffer), flags) {
                Ok((0, _)) => break Arrived::End,
                Ok(_) => {
                    flags = RecvFlags::DONTWAIT;
                    if self.buffer.len() >= BATCH_LEN_MAX || !self.make_room() {
                        break Arrived::Bytes;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.buffer.len() > len_before => break Arrived::Bytes,
                Err(Errno::AGAIN) => return Ok(Arrived::Nothing),
                // A connection that was reset is over as well.
                Err(_) => break Arrived::End,
            }
        };
        let n_bytes = (self.buffer.len() - len_before) as u64;
        if self.is_first_frame && self.buffer.starts_with(&TLS_HELLO) {
            return Err(FaultReason::TlsHello);
        }
        self.shared.counters.add_received(0, n_bytes, (self.shared.now)());
        Ok(arrived)
    }

    /// Waits so long for bytes from now on; false when the connection is over.
    fn set_read_timeout(&mut self, timeout: Duration) -> bool {
        let is_set = self.read_timeout == timeout || self.state.socket.set_read_timeout(Some(timeout)).is_ok();
        self.read_timeout = timeout;
        is_set
    }

    /// Room for more bytes; false when all connections together hold too much.
    fn make_room(&mut self) -> bool {
        let capacity = self.buffer.capacity();
        if self.buffer.len() < capacity {
            return true;
        }
        let memory_max = usize::try_from(self.shared.config.memory.0).unwrap_or(usize::MAX);
        let add = |held: usize| held.checked_add(capacity).filter(|held| *held <= memory_max);
        if self.shared.held.fetch_update(Relaxed, Relaxed, add).is_err() {
            return false;
        }
        // Twice of what there was; exact, so that what is held stays known.
        self.buffer.reserve_exact(capacity);
        true
    }

    /// Gives memory back between bursts.
    fn shrink(&mut self) {
        if self.buffer.capacity() > BUFFER_LEN {
            self.shared.held.fetch_sub(self.buffer.capacity() - BUFFER_LEN, Relaxed);
            self.buffer = Vec::with_capacity(BUFFER_LEN);
        }
    }

    /// Stores the frames that have their end.
    fn store_frames(&mut self) -> Result<(), FaultReason> {
        self.quiet_len = 0;
        if let Some(last) = memchr::memrchr(0, &self.buffer[self.without_nul_len..]) {
            return self.store_nul_frames(self.without_nul_len + last + 1);
        }
        self.without_nul_len = self.buffer.len();
        // A sender of lines. Searching only after the buffer has grown by half keeps the work linear.
        if self.buffer.len() > self.without_object_len + self.without_object_len / 2 {
            let whole_len = whole_objects_len(&self.buffer, LineEnd::NextObject);
            self.store(whole_len);
            self.without_object_len = self.buffer.len();
        }
        Ok(())
    }

    /// Stores the frames in the first `len` bytes, of which the last needs no NUL, up to one that is too long.
    fn store_nul_frames(&mut self, len: usize) -> Result<(), FaultReason> {
        let frame_max = self.frame_max();
        let frames = self.buffer[..len].split(|byte| *byte == 0);
        let good_len: usize = frames.take_while(|frame| frame.len() <= frame_max).map(|frame| frame.len() + 1).sum();
        self.store(good_len.min(len));
        if good_len < len { Err(FaultReason::FrameTooLong) } else { Ok(()) }
    }

    fn frame_max(&self) -> usize {
        usize::try_from(self.shared.config.frame_max.0).unwrap_or(usize::MAX)
    }

    /// Stores whole objects whose sender has fallen silent without ending the frame.
    fn store_quiet(&mut self) {
        if self.buffer.len() != self.quiet_len {
            self.store(whole_objects_len(&self.buffer, LineEnd::Any));
            self.quiet_len = self.buffer.len();
        }
    }

    /// Stores the first `len` bytes, which are whole frames, and removes them from the buffer. As long as that takes, nothing
    /// more is read: TCP slows the sender down.
    fn store(&mut self, len: usize) {
        if len == 0 {
            return;
        }
        self.is_first_frame = false;
        let mut start = 0;
        while start < len {
            let end = piece_end(&self.buffer[..len], start);
            self.store_piece(start..end);
            start = end;
        }
        self.buffer.drain(..len);
        self.without_nul_len = 0;
        self.without_object_len = 0;
        self.frame_start = Instant::now();
    }

    /// Stores the frames in a part of the buffer.
    fn store_piece(&mut self, piece: Range<usize>) {
        let shared = Arc::clone(&self.shared);
        let _turn = shared.wait_for_turn(&self.buffer[piece.clone()]);
        let mut decoded = self.decode(piece.clone());
        let receipt = self.count(&decoded);
        if decoded.records.is_empty() {
            return;
        }
        self.state.has_sent.store(true, Relaxed);
        let mut refusing_since = None;
        let fate = loop {
            let Err(refused) = shared.sink.store(decoded.records) else { break Fate::Stored };
            let is_over = match refused {
                // Others are being stored: it will be this one's turn.
                Refused::Busy => {
                    refusing_since = None;
                    false
                }
                Refused::Stopping => true,
                Refused::DiskFull(_) | Refused::Storage(_) => {
                    refusing_since.get_or_insert_with(Instant::now).elapsed() > STORE_PATIENCE
                }
            };
            if is_over || shared.stop.load(Relaxed) {
                break fate_of(&refused);
            }
            thread::park_timeout(STORE_RETRY);
            decoded = self.decode(piece.clone());
        };
        receipt.settle_all(fate);
    }

    fn decode(&mut self, piece: Range<usize>) -> Decoded {
        let arrival = Arrival { sender: self.peer.ip(), received: (self.shared.now)() };
        let mut decoded = Decoded::default();
        for frame in self.buffer[piece].split(|byte| *byte == 0) {
            if !frame.trim_ascii().is_empty() {
                self.decoder.decode(frame, &arrival, &mut decoded);
            }
        }
        decoded
    }

    /// Counts what was decoded; what becomes of the records is told to the receipt.
    fn count(&self, decoded: &Decoded) -> BatchReceipt {
        let Shared { counters, sink, now, .. } = &*self.shared;
        let now = now();
        counters.add_received(decoded.n_messages as u64, 0, now);
        for (reason, count) in decoded.counts.iter() {
            counters.add_faults(reason, u64::from(count));
            if reason.is_loss() {
                counters.set_error(format!("{}: {}", self.peer.ip(), reason.text()));
            }
        }
        let (refused, dropped) = (decoded.counts.n_refused(), decoded.counts.n_dropped());
        if refused + dropped > 0 {
            counters.add_lost_of(self.peer.ip(), refused, dropped, now);
            sink.ledger().lose(counters.kind(), Some(self.peer), refused + dropped, now);
        }
        let senders = std::iter::repeat_n(self.peer, decoded.records.len());
        BatchReceipt::receive(counters, sink.ledger(), senders.zip(&decoded.records), now)
    }
}

/// Where a piece ends that begins at `start`: behind a frame, so that its records do not take too much memory.
fn piece_end(frames: &[u8], start: usize) -> usize {
    let mut end = start;
    for at in memchr::memchr_iter(0, &frames[start..]).take(PIECE_FRAMES_MAX) {
        end = start + at + 1;
        if end - start >= PIECE_LEN_MAX {
            return end;
        }
    }
    let is_last = memchr::memchr(0, &frames[end..]).is_none();
    // The last frame needs no NUL.
    if is_last { frames.len() } else { end }
}

/// What became of records that the store kept refusing.
fn fate_of(refused: &Refused) -> Fate {
    match refused {
        Refused::Busy => Fate::PipelineFull,
        Refused::DiskFull(_) => Fate::DiskFull,
        Refused::Storage(_) => Fate::StoreFailed,
        Refused::Stopping => Fate::Stopping,
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.held.fetch_sub(self.buffer.capacity().saturating_sub(BUFFER_LEN), Relaxed);
        self.shared.counters.connection_closed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_pieces(frames: &[u8], want: &[usize]) {
        let mut ends = vec![0];
        while ends[ends.len() - 1] < frames.len() {
            ends.push(piece_end(frames, ends[ends.len() - 1]));
        }
        let lens: Vec<usize> = ends.windows(2).map(|ends| ends[1] - ends[0]).collect();
        assert_eq!(lens, want);
    }

    #[test]
    fn frames_are_decoded_in_pieces() {
        check_pieces(b"{}", &[2]);
        check_pieces(b"{}\0{}\0{}", &[8]);
        let large = [vec![b'x'; PIECE_LEN_MAX], vec![0]].concat();
        check_pieces(&large.repeat(2), &[PIECE_LEN_MAX + 1; 2]);
        let small = b"{}\0".repeat(PIECE_FRAMES_MAX * 2 + 1);
        check_pieces(&small, &[3 * PIECE_FRAMES_MAX, 3 * PIECE_FRAMES_MAX, 3]);
        check_pieces(&small[..small.len() - 1], &[3 * PIECE_FRAMES_MAX, 3 * PIECE_FRAMES_MAX + 2]);
    }
}
