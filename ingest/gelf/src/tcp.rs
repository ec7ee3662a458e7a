//! GELF over TCP: JSON messages, each ended by a NUL byte. Leniently also by a line break before the next object, by the
//! end of the connection, or by silence behind a whole object.
//!
//! Each connection has a thread with a small stack, at most `connections_max` of them: Docker opens one connection for
//! each container, and each is stored at its own pace. A connection takes all that has arrived, stores it, and reads on
//! when it is durable: a sender that is too fast is slowed down by TCP itself, not by a queue of ours. Connections that never
//! sent a message are ended when others need their place, and only then: a quiet container would lose its first line.

mod connection;

use crate::config::TcpConfig;
use crate::counters::InputCounters;
use crate::decode::RECORD_COST;
use crate::fault::{Consequence, FaultReason};
use crate::udp::is_pause;
use crate::{GelfError, Now, STOP_CHECK, socket};
use connection::{Connection, Running};
use socket2::Socket;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use watchfire_model::RecordSink;
use watchfire_model::status::InputStatus;

const TRANSPORT: &str = "TCP";
/// Connections that the kernel may hold before they are accepted.
const BACKLOG: i32 = 1024;
/// Connections that are ending to make room for others.
const EVICTED_MAX: usize = 64;
/// A connection has so much time for its first message before it may have to make room.
const SILENCE_GRACE: Duration = Duration::from_secs(2);
/// How often a connection looks whether it is its turn to decode.
const TURN_CHECK: Duration = Duration::from_millis(5);

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
    /// Bytes of all buffers beyond what each connection has in any case.
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
    fn lose(&self, peer: SocketAddr, reason: FaultReason) {
        let sender = peer.ip();
        let now = (self.now)();
        let is_dropped = u64::from(reason.consequence() == Consequence::Dropped);
        self.counters.add_faults(reason, 1);
        self.counters.add_lost_of(sender, 1 - is_dropped, is_dropped, now);
        self.counters.set_error(format!("{sender}: {}", reason.text()));
        self.sink.ledger().lose(self.counters.kind(), Some(peer), 1, now);
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
                let Some(peer) = address.as_socket().map(socket::normalise) else { continue };
                if connections.len() >= shared.config.connections_max && !make_room(&connections) {
                    shared.lose(peer, FaultReason::ConnectionLimit);
                    continue;
                }
                match Connection::start(Arc::clone(shared), socket, peer) {
                    Ok(connection) => connections.push(connection),
                    Err(_) => shared.lose(peer, FaultReason::ConnectionLimit),
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
    for connection in &connections {
        connection.state.wake();
    }
    for connection in connections {
        drop(connection.thread.join());
    }
}

/// Ends the oldest connection that never sent a message and had some time to; false when there is none. Until its thread has
/// ended there is one connection more: at most [`EVICTED_MAX`] at once.
fn make_room(connections: &[Running]) -> bool {
    let (evicted, others): (Vec<_>, Vec<_>) =
        connections.iter().map(|connection| &connection.state).partition(|state| state.is_evicted.load(Relaxed));
    let silent = others.iter().filter(|state| !state.has_sent.load(Relaxed) && state.opened.elapsed() >= SILENCE_GRACE);
    match silent.min_by_key(|state| state.opened) {
        Some(oldest) if evicted.len() < EVICTED_MAX => {
            oldest.is_evicted.store(true, Relaxed);
            oldest.wake();
            true
        }
        _ => false,
    }
}

#[cfg(test)]
pub(crate) mod tests;
