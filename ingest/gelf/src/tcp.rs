//! GELF over TCP: JSON messages, each ended by a NUL byte. Leniently also by a line break before the next object, by the
//! end of the connection, or by silence behind a whole object.
//!
//! Each connection has a thread with a small stack, at most `connections_max` of them: Docker opens one connection for
//! each container, and each is stored at its own pace. A connection takes all that has arrived, stores it, and reads on
//! when it is durable: a sender that is too fast is slowed down by TCP itself, not by a queue of ours. Connections that never
//! sent a message are ended when others need their place, and only then: a quiet container would lose its first line.

use crate::config::TcpConfig;
use crate::counters::InputCounters;
use crate::decode::{Arrival, Decoded, Decoder, LineEnd, RECORD_COST, whole_objects_len};
use crate::fault::{Consequence, FaultReason};
use crate::receipt::BatchReceipt;
use crate::udp::is_pause;
use crate::{GelfError, Now, STOP_CHECK, socket};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use socket2::{Socket, TcpKeepalive};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use watchfire_model::status::InputStatus;
use watchfire_model::{Fate, RecordSink, Refused};

const TRANSPORT: &str = "TCP";
/// Connections that the kernel may hold before they are accepted.
const BACKLOG: i32 = 1024;
/// Stack of a connection's thread; messages are read without deep recursion.
const STACK_LEN: usize = 256 << 10;
/// Connections that are ending to make room for others.
const EVICTED_MAX: usize = 64;
/// A connection has so much time for its first message before it may have to make room.
const SILENCE_GRACE: Duration = Duration::from_secs(2);
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
/// How often a connection looks whether it is its turn to decode.
const TURN_CHECK: Duration = Duration::from_millis(5);
/// After this much silence the kernel asks whether the other end still lives.
const KEEPALIVE: Duration = Duration::from_mins(1);
/// First bytes of a TLS handshake. RFC 8446, 5.1.
const TLS_HELLO: [u8; 2] = [0x16, 0x03];

/// A running input.
#[derive(Debug)]
pub struct TcpInput {
    local_addr: SocketAddr,
    counters: Arc<InputCounters>,
    stop: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl TcpInput {
    /// Listens and starts to accept.
    pub fn start(config: TcpConfig, sink: Arc<dyn RecordSink>, now: Now) -> Result<TcpInput, GelfError> {
        config.validate()?;
        let listen_error =
            |action| move |source| GelfError::Listen { action, transport: TRANSPORT, address: config.listen, source };
        let listener = socket::listen_tcp(config.listen, BACKLOG, STOP_CHECK).map_err(listen_error("listen on"))?;
        let local_addr = socket::local_addr(&listener).map_err(listen_error("find out the port of"))?;
        let counters = Arc::new(InputCounters::new("gelf-tcp", local_addr.to_string()));
        let stop = Arc::<AtomicBool>::default();
        let shared = Shared {
            config,
            sink,
            now,
            counters: Arc::clone(&counters),
            stop: Arc::clone(&stop),
            held: AtomicUsize::default(),
            decoding: AtomicUsize::default(),
        };
        let acceptor = thread::Builder::new()
            .name("gelf-tcp".to_owned())
            .spawn(move || accept(&listener, &Arc::new(shared)))
            .map_err(|source| GelfError::Thread { transport: TRANSPORT, source })?;
        Ok(TcpInput { local_addr, counters, stop, acceptor: Some(acceptor) })
    }

    /// Where it listens, with the real port when port 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    pub fn counters(&self) -> Arc<InputCounters> {
        Arc::clone(&self.counters)
    }

    pub fn status(&self) -> InputStatus {
        self.counters.status()
    }

    /// Closes all connections, storing the whole messages that have arrived, and returns when all threads have ended.
    pub fn stop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(acceptor) = self.acceptor.take() {
            // A thread that panicked has printed why; there is nothing else to do about it here.
            drop(acceptor.join());
        }
    }
}

impl Drop for TcpInput {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What all connections use.
struct Shared {
    config: TcpConfig,
    sink: Arc<dyn RecordSink>,
    now: Now,
    counters: Arc<InputCounters>,
    stop: Arc<AtomicBool>,
    /// Bytes of all buffers beyond [`BUFFER_LEN`] each.
    held: AtomicUsize,
    /// Bytes that the records of all connections take, estimated before they are decoded.
    decoding: AtomicUsize,
}

/// Leave to decode a piece; given back when its records are stored.
struct Turn<'a> {
    shared: &'a Shared,
    cost: usize,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.shared.decoding.fetch_sub(self.cost, Relaxed);
    }
}

/// What the accepting thread knows of a connection.
#[derive(Debug)]
struct ConnectionState {
    /// A whole message has come.
    has_sent: AtomicBool,
    /// It has to make room for another.
    is_evicted: AtomicBool,
    opened: Instant,
}

/// A running connection.
struct Running {
    state: Arc<ConnectionState>,
    thread: JoinHandle<()>,
}

impl Shared {
    /// Waits until the records of a piece fit beside those of the other connections; one piece always does.
    fn wait_for_turn(&self, piece: &[u8]) -> Turn<'_> {
        let n_objects = memchr::memchr_iter(b'{', piece).count();
        let cost = n_objects * RECORD_COST + piece.len();
        let memory_max = usize::try_from(self.config.memory.0).unwrap_or(usize::MAX);
        let fits = |held: usize| (held == 0 || held + cost <= memory_max).then_some(held + cost);
        while self.decoding.fetch_update(Relaxed, Relaxed, fits).is_err() {
            thread::park_timeout(TURN_CHECK);
        }
        Turn { shared: self, cost }
    }

    /// Counts something of a sender that was lost, and keeps the reason in words.
    fn lose(&self, sender: IpAddr, reason: FaultReason) {
        let now = (self.now)();
        let is_dropped = u64::from(reason.consequence() == Consequence::Dropped);
        self.counters.add_faults(reason, 1);
        self.counters.add_lost_of(sender, 1 - is_dropped, is_dropped, now);
        self.counters.set_error(format!("{sender}: {}", reason.text()));
        self.sink.ledger().lose(self.counters.kind(), Some(sender), 1, now);
    }
}

/// Accepts connections until told to stop, then waits for those that are open.
fn accept(listener: &Socket, shared: &Arc<Shared>) {
    let mut connections: Vec<Running> = Vec::new();
    while !shared.stop.load(Relaxed) {
        let accepted = listener.accept();
        connections.retain(|connection| !connection.thread.is_finished());
        match accepted {
            Ok((socket, address)) => {
                let sender = address.as_socket().map(|address| address.ip().to_canonical());
                let Some(sender) = sender else { continue };
                if connections.len() >= shared.config.connections_max && !make_room(&connections) {
                    shared.lose(sender, FaultReason::ConnectionLimit);
                    continue;
                }
                match Connection::start(Arc::clone(shared), socket, sender) {
                    Ok(connection) => connections.push(connection),
                    Err(_) => shared.lose(sender, FaultReason::ConnectionLimit),
                }
            }
            Err(error) if is_pause(&error) => {}
            Err(error) => {
                // Out of file descriptors, mostly: closing connections will help.
                shared.counters.set_error(format!("cannot accept a connection: {error}"));
                thread::park_timeout(STOP_CHECK);
            }
        }
    }
    for connection in connections {
        drop(connection.thread.join());
    }
}

/// Ends the oldest connection that never sent a message and had some time to; false when there is none. It is over within
/// [`STOP_CHECK`], until then there is one connection more: at most [`EVICTED_MAX`] at once.
fn make_room(connections: &[Running]) -> bool {
    let (evicted, others): (Vec<_>, Vec<_>) =
        connections.iter().map(|connection| &connection.state).partition(|state| state.is_evicted.load(Relaxed));
    let silent = others.iter().filter(|state| !state.has_sent.load(Relaxed) && state.opened.elapsed() >= SILENCE_GRACE);
    match silent.min_by_key(|state| state.opened) {
        Some(oldest) if evicted.len() < EVICTED_MAX => {
            oldest.is_evicted.store(true, Relaxed);
            true
        }
        _ => false,
    }
}

/// One open connection.
struct Connection {
    shared: Arc<Shared>,
    socket: Socket,
    sender: IpAddr,
    state: Arc<ConnectionState>,
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
    /// Nothing for [`STOP_CHECK`].
    Nothing,
    End,
}

impl Connection {
    /// Starts the thread of a connection.
    fn start(shared: Arc<Shared>, socket: Socket, sender: IpAddr) -> io::Result<Running> {
        let connection = Connection::new(shared, socket, sender);
        let state = Arc::clone(&connection.state);
        let thread = thread::Builder::new().name("gelf-tcp-conn".to_owned()).stack_size(STACK_LEN);
        let thread = thread.spawn(move || connection.run())?;
        Ok(Running { state, thread })
    }

    fn new(shared: Arc<Shared>, socket: Socket, sender: IpAddr) -> Connection {
        shared.counters.connection_opened();
        let state = ConnectionState {
            has_sent: AtomicBool::default(),
            is_evicted: AtomicBool::default(),
            opened: Instant::now(),
        };
        let decoder = Decoder::new(shared.config.messages);
        Connection {
            shared,
            socket,
            sender,
            state: Arc::new(state),
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
        let prepared = self
            .socket
            .set_read_timeout(Some(STOP_CHECK))
            .and_then(|()| self.socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE)));
        if prepared.is_err() {
            return;
        }
        if let Err(reason) = self.serve() {
            self.shared.lose(self.sender, reason);
        }
    }

    /// Reads and stores until the other end closes; the error is why this end does.
    fn serve(&mut self) -> Result<(), FaultReason> {
        let frame_max = self.frame_max();
        loop {
            match self.read()? {
                Arrived::Bytes => self.store_frames()?,
                Arrived::Nothing => self.store_quiet(),
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
            if self.state.is_evicted.load(Relaxed) {
                return Err(FaultReason::ConnectionLimit);
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
        let mut flags = RecvFlags::empty();
        let arrived = loop {
            match rustix::net::recv(&self.socket, spare_capacity(&mut self.buffer), flags) {
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
        let arrival = Arrival { sender: self.sender, received: (self.shared.now)() };
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
                counters.set_error(format!("{}: {}", self.sender, reason.text()));
            }
        }
        let (refused, dropped) = (decoded.counts.n_refused(), decoded.counts.n_dropped());
        if refused + dropped > 0 {
            counters.add_lost_of(self.sender, refused, dropped, now);
            sink.ledger().lose(counters.kind(), Some(self.sender), refused + dropped, now);
        }
        let senders = std::iter::repeat_n(self.sender, decoded.records.len());
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
pub(crate) mod tests;
