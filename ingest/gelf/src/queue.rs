//! Datagrams on their way from the receiving to the decoding thread, so that slow decoding does not fill the kernel's
//! small buffer.

use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use watchfire_model::TimeNs;

/// Emptied batches kept for reuse.
const SPARE_MAX: usize = 8;
/// A batch that grew beyond this is not kept.
const SPARE_BYTES_MAX: usize = 256 << 10;

/// Datagrams that arrived together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub received: TimeNs,
    bytes: Vec<u8>,
    /// Sender and end of each datagram in `bytes`.
    datagrams: Vec<(SocketAddr, usize)>,
}

impl Batch {
    pub(crate) fn push(&mut self, sender: SocketAddr, datagram: &[u8]) {
        self.bytes.extend_from_slice(datagram);
        self.datagrams.push((sender, self.bytes.len()));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        let mut start = 0;
        self.datagrams.iter().map(move |&(sender, end)| {
            let datagram = &self.bytes[start..end];
            start = end;
            (sender, datagram)
        })
    }

    fn memory(&self) -> usize {
        self.bytes.capacity() + self.datagrams.capacity() * size_of::<(SocketAddr, usize)>()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
    }
}

/// A queue bounded in bytes, between one receiving and one decoding thread.
#[derive(Debug)]
pub(crate) struct Queue {
    memory_max: usize,
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Batch>,
    memory: usize,
    spare: Vec<Batch>,
    is_closed: bool,
}

/// What a queue gives.
#[derive(Debug)]
pub(crate) enum Popped {
    Batch(Batch),
    /// Nothing came within the time.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

impl Queue {
    pub(crate) fn new(memory_max: usize) -> Queue {
        Queue { memory_max, state: Mutex::default(), filled: Condvar::new() }
    }

    /// An empty batch, mostly with room already.
    pub(crate) fn spare(&self) -> Batch {
        self.state.lock().spare.pop().unwrap_or_default()
    }

    /// Adds a batch, or returns it when the queue is full.
    pub(crate) fn push(&self, batch: Batch) -> Result<(), Batch> {
        let mut state = self.state.lock();
        let memory = batch.memory();
        if state.memory + memory > self.memory_max {
            return Err(batch);
        }
        state.memory += memory;
        state.batches.push_back(batch);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// The oldest batch; waits up to `timeout` for one.
    pub(crate) fn pop(&self, timeout: Duration) -> Popped {
        let mut state = self.state.lock();
        if state.batches.is_empty() && !state.is_closed && !timeout.is_zero() {
            self.filled.wait_for(&mut state, timeout);
        }
        match state.batches.pop_front() {
            Some(batch) => {
                state.memory -= batch.memory();
                Popped::Batch(batch)
            }
            None if state.is_closed => Popped::Closed,
            None => Popped::Nothing,
        }
    }

    /// Takes a batch back for reuse.
    pub(crate) fn recycle(&self, mut batch: Batch) {
        batch.clear();
        let mut state = self.state.lock();
        if state.spare.len() < SPARE_MAX && batch.memory() <= SPARE_BYTES_MAX {
            state.spare.push(batch);
        }
    }

    /// Ends the queue: what is in it can still be taken out.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_and_a_closed_one_drains() {
        let queue = Queue::new(3000);
        let sender = SocketAddr::from(([127, 0, 0, 1], 1));
        let batch = || {
            let mut batch = Batch::default();
            batch.push(sender, &[7; 1000]);
            batch.push(sender, b"");
            batch
        };
        assert!(queue.push(batch()).is_ok());
        assert!(queue.push(batch()).is_ok());
        assert!(queue.push(batch()).is_err());
        queue.close();
        let Popped::Batch(first) = queue.pop(Duration::ZERO) else { panic!("two batches wait") };
        assert_eq!(first.iter().map(|(_, datagram)| datagram.len()).collect::<Vec<_>>(), [1000, 0]);
        queue.recycle(first);
        assert_eq!(queue.spare().iter().count(), 0);
        assert!(matches!(queue.pop(Duration::ZERO), Popped::Batch(_)));
        assert!(matches!(queue.pop(Duration::ZERO), Popped::Closed));
    }
}
