//! GELF over UDP. Each socket has two threads: one takes datagrams from the kernel, many at a time, and does nothing else,
//! so that a burst waits in our own queue instead of overflowing the kernel's small buffer; the other decodes.

use crate::config::UdpConfig;
use crate::counters::InputCounters;
use crate::datagrams::{DatagramDecoder, Outcome};
use crate::drops::KernelDrops;
use crate::fault::FaultReason;
use crate::queue::{Batch, Popped, Queue};
use crate::receipt::BatchReceipt;
use crate::socket::{self, BATCH_LEN, BatchReceiver};
use crate::{GelfError, Now, STOP_CHECK};
use socket2::Socket;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use watchfire_model::status::InputStatus;
use watchfire_model::{ByteSize, RecordSink, TimeNs};

const TRANSPORT: &str = "UDP";
/// How often chunked messages expire and the kernel's losses are read.
const SWEEP_NS: i64 = 200_000_000;
/// Memory of decoded records beyond which they are handed over at once.
const DECODED_MAX: usize = 8 << 20;
/// Batches of datagrams whose records are handed over together.
const JOINED_MAX: usize = 32;
/// How long records wait for those of further batches, as every hand-over has its costs for everybody behind. Little beside
/// the time after which they have to be durable.
const JOIN_WAIT: Duration = Duration::from_millis(4);
/// How long a receiving thread lets datagrams gather when there were few: waking up for each one costs more than all else.
const GATHER_MAX: Duration = Duration::from_millis(4);

/// A running input.
#[derive(Debug)]
pub struct UdpInput {
    local_addr: SocketAddr,
    shared: Arc<Shared>,
    drops: Vec<Arc<KernelDrops>>,
    warnings: Vec<String>,
    queues: Vec<Arc<Queue>>,
    receivers: Vec<JoinHandle<()>>,
    decoders: Vec<JoinHandle<()>>,
}

/// What all threads of the input use.
struct Shared {
    sink: Arc<dyn RecordSink>,
    now: Now,
    counters: Arc<InputCounters>,
    stop: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("counters", &self.counters).field("stop", &self.stop).finish_non_exhaustive()
    }
}

impl UdpInput {
    /// Binds the sockets and starts the threads.
    pub fn start(config: UdpConfig, sink: Arc<dyn RecordSink>, now: Now) -> Result<UdpInput, GelfError> {
        config.validate()?;
        let listen_error =
            |action| move |source| GelfError::Listen { action, transport: TRANSPORT, address: config.listen, source };
        let share_port = config.threads > 1;
        let bind = |address| socket::bind_udp(address, share_port, STOP_CHECK);
        let first = bind(config.listen).map_err(listen_error("listen on"))?;
        let local_addr = socket::local_addr(&first).map_err(listen_error("find out the port of"))?;
        let mut sockets = vec![first];
        while sockets.len() < config.threads {
            sockets.push(bind(local_addr).map_err(listen_error("share"))?);
        }
        let counters = Arc::new(InputCounters::new("gelf-udp", local_addr.to_string()));
        let shared = Arc::new(Shared { sink, now, counters: Arc::clone(&counters), stop: AtomicBool::new(false) });
        let mut input = UdpInput {
            local_addr,
            shared,
            drops: Vec::new(),
            warnings: Vec::new(),
            queues: Vec::new(),
            receivers: Vec::new(),
            decoders: Vec::new(),
        };
        let asked = usize::try_from(config.receive_buffer.0).unwrap_or(usize::MAX).min(i32::MAX as usize / 2);
        for socket in sockets {
            let got = socket::set_receive_buffer(&socket, asked).map_err(listen_error("set the receive buffer of"))?;
            counters.set_receive_buffer(got as u64);
            if got < asked && input.warnings.is_empty() {
                input.warnings.push(small_buffer_warning(asked, got));
            }
            input.start_threads(config, socket, got).map_err(|source| {
                input.stop();
                GelfError::Thread { transport: TRANSPORT, source }
            })?;
        }
        Ok(input)
    }

    fn start_threads(&mut self, config: UdpConfig, socket: Socket, buffer_len: usize) -> io::Result<()> {
        let index = self.decoders.len();
        let socket = Arc::new(socket);
        let drops = Arc::new(KernelDrops::new(Arc::clone(&socket)));
        let queue = Arc::new(Queue::new(usize::try_from(config.queue.0).unwrap_or(usize::MAX)));
        self.drops.push(Arc::clone(&drops));
        self.queues.push(Arc::clone(&queue));
        let receiver = Receiver {
            socket,
            queue: Arc::clone(&queue),
            shared: Arc::clone(&self.shared),
            // A datagram takes a nanosecond for each byte at the fastest: so much may gather without filling the buffer.
            gather: GATHER_MAX.min(Duration::from_nanos(buffer_len as u64)),
        };
        let worker = Worker {
            queue,
            shared: Arc::clone(&self.shared),
            drops,
            datagrams: DatagramDecoder::new(config.messages, config.chunks),
            runs: Vec::new(),
            last_sweep: TimeNs::MIN,
        };
        let named = |name: String| thread::Builder::new().name(name);
        self.decoders.push(named(format!("gelf-decode-{index}")).spawn(move || worker.run())?);
        self.receivers.push(named(format!("gelf-udp-{index}")).spawn(move || receiver.run())?);
        Ok(())
    }

    /// Where it listens, with the real port when port 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What an operator should change, in words.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub fn counters(&self) -> Arc<InputCounters> {
        Arc::clone(&self.shared.counters)
    }

    pub fn status(&self) -> InputStatus {
        for drops in &self.drops {
            drops.count(&self.shared.counters, self.shared.sink.ledger(), (self.shared.now)());
        }
        self.shared.counters.status()
    }

    /// Stops receiving, decodes what has arrived, and returns when all threads have ended.
    pub fn stop(&mut self) {
        self.shared.stop.store(true, Relaxed);
        for receiver in self.receivers.drain(..) {
            receiver.thread().unpark();
            join(receiver);
        }
        for queue in &self.queues {
            queue.close();
        }
        self.decoders.drain(..).for_each(join);
    }
}

impl Drop for UdpInput {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A thread that panicked has printed why; the others still have to end.
fn join(thread: JoinHandle<()>) {
    drop(thread.join());
}

fn small_buffer_warning(asked: usize, got: usize) -> String {
    format!(
        "the kernel gives GELF over UDP a receive buffer of {} instead of {}, bursts may be lost: run \
         `sysctl -w net.core.rmem_max={asked}`, write `net.core.rmem_max={asked}` into \
         /etc/sysctl.d/90-watchfire.conf, and restart Watchfire",
        ByteSize(got as u64),
        ByteSize(asked as u64),
    )
}

/// The thread that empties the kernel's buffer.
struct Receiver {
    socket: Arc<Socket>,
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    gather: Duration,
}

impl Receiver {
    fn run(self) {
        let mut buffers = BatchReceiver::new();
        while !self.shared.stop.load(Relaxed) {
            match buffers.receive(&self.socket) {
                Ok(n) => {
                    self.pass_on(&buffers);
                    if n < BATCH_LEN {
                        thread::park_timeout(self.gather);
                    }
                }
                Err(error) if is_pause(&error) => {}
                Err(error) => {
                    self.shared.counters.set_error(format!("cannot receive: {error}"));
                    thread::park_timeout(STOP_CHECK);
                }
            }
        }
    }

    fn pass_on(&self, buffers: &BatchReceiver) {
        let mut batch = self.queue.spare();
        batch.received = (self.shared.now)();
        let (mut n, mut n_bytes, mut n_truncated) = (0, 0, 0);
        for datagram in buffers.datagrams() {
            n += 1;
            n_bytes += datagram.payload.len() as u64;
            match datagram.sender {
                Some(sender) if !datagram.is_truncated => batch.push(sender, datagram.payload),
                _ => n_truncated += 1,
            }
        }
        self.shared.counters.add_received(n, n_bytes, batch.received);
        if n_truncated > 0 {
            self.shared.counters.add_faults(FaultReason::TruncatedDatagram, n_truncated);
            self.shared.sink.ledger().lose(self.shared.counters.kind(), None, n_truncated, batch.received);
        }
        if let Err(refused) = self.queue.push(batch) {
            self.drop_batch(&refused);
            self.queue.recycle(refused);
        }
    }

    /// Counts the datagrams of a batch that found no room.
    fn drop_batch(&self, batch: &Batch) {
        let Shared { counters, sink, .. } = &*self.shared;
        let mut of_sender = HashMap::<SocketAddr, u64>::new();
        for (sender, _) in batch.iter() {
            *of_sender.entry(sender).or_default() += 1;
        }
        for (sender, n) in of_sender {
            let messages = counters.add_unread(FaultReason::QueueFull, n);
            counters.add_lost_of(sender.ip(), 0, messages, batch.received);
            sink.ledger().lose(counters.kind(), Some(sender), messages, batch.received);
        }
        counters.set_error(FaultReason::QueueFull.text().to_owned());
    }
}

/// The socket's time-out, or a signal.
pub(crate) fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// The thread that turns datagrams into records.
struct Worker {
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    drops: Arc<KernelDrops>,
    datagrams: DatagramDecoder,
    /// Whose the records are that were decoded since they were last handed over, in their order, and what was lost.
    runs: Vec<(SocketAddr, Outcome)>,
    last_sweep: TimeNs,
}

impl Worker {
    fn run(mut self) {
        loop {
            match self.queue.pop(STOP_CHECK) {
                Popped::Batch(batch) => {
                    self.decode_batch(batch);
                    self.join_batches();
                }
                Popped::Nothing => {}
                Popped::Closed => break,
            }
            self.sweep();
            self.hand_over();
        }
        // Nothing more will come: what is incomplete now stays so.
        for (sender, outcome) in self.datagrams.expire(TimeNs::MAX) {
            self.note(sender, outcome);
        }
        self.hand_over();
        self.count_drops();
    }

    /// Decodes what else is there, or comes within [`JOIN_WAIT`].
    fn join_batches(&mut self) {
        let mut has_waited = false;
        let mut n_joined = 1;
        while n_joined < JOINED_MAX {
            match self.queue.pop(Duration::ZERO) {
                Popped::Batch(batch) => {
                    self.decode_batch(batch);
                    n_joined += 1;
                }
                Popped::Nothing if !has_waited => {
                    thread::park_timeout(JOIN_WAIT);
                    has_waited = true;
                }
                Popped::Nothing | Popped::Closed => break,
            }
        }
    }

    fn decode_batch(&mut self, batch: Batch) {
        for (sender, datagram) in batch.iter() {
            let outcome = self.datagrams.insert(sender, datagram, batch.received);
            self.note(sender, outcome);
            if self.datagrams.decoded.cost() > DECODED_MAX {
                self.hand_over();
            }
        }
        self.queue.recycle(batch);
    }

    /// Ends what has waited too long, a few times a second.
    fn sweep(&mut self) {
        let now = (self.shared.now)();
        if (0..SWEEP_NS).contains(&now.0.saturating_sub(self.last_sweep.0)) {
            return;
        }
        self.last_sweep = now;
        self.count_drops();
        for (sender, outcome) in self.datagrams.expire(now) {
            self.note(sender, outcome);
        }
    }

    fn count_drops(&self) {
        self.drops.count(&self.shared.counters, self.shared.sink.ledger(), (self.shared.now)());
    }

    /// Notes whose records were decoded. Neighbours mostly have the same sender.
    fn note(&mut self, sender: SocketAddr, more: Outcome) {
        match self.runs.last_mut().filter(|(known, _)| *known == sender) {
            Some((_, outcome)) => {
                outcome.n_records += more.n_records;
                outcome.n_refused += more.n_refused;
                outcome.n_dropped += more.n_dropped;
            }
            None => self.runs.push((sender, more)),
        }
    }

    /// Gives the batch's records to the sink and its numbers to the counters and the ledger.
    fn hand_over(&mut self) {
        let Shared { counters, sink, .. } = &*self.shared;
        let now = (self.shared.now)();
        let decoded = &mut self.datagrams.decoded;
        for (reason, count) in decoded.counts.iter() {
            counters.add_faults(reason, u64::from(count));
        }
        if let Some(fault) = decoded.faults.iter().rfind(|fault| fault.reason.is_loss()) {
            counters.set_error(fault.reason.text().to_owned());
        }
        let records = decoded.take();
        counters.add_chunks(&self.datagrams.take_counts());
        for (sender, Outcome { n_refused, n_dropped, .. }) in &self.runs {
            let lost = n_refused + n_dropped;
            if lost > 0 {
                counters.add_lost_of(sender.ip(), *n_refused, *n_dropped, now);
                sink.ledger().lose(counters.kind(), Some(*sender), lost, now);
            }
        }
        if !records.is_empty() {
            let senders =
                self.runs.iter().flat_map(|(sender, run)| std::iter::repeat_n(*sender, run.n_records as usize));
            let receipt = BatchReceipt::receive(counters, sink.ledger(), senders.zip(&records), now);
            sink.offer(records, Arc::new(receipt));
        }
        self.runs.clear();
    }
}

#[cfg(test)]
mod tests;
