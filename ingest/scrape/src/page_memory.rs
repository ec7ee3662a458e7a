//! What the pages of all targets may take of memory while they are received and read. Where it runs out, the largest page
//! that is not being read yet goes: a target that sends without end does not cost the others theirs.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Notify;
use watchfire_model::ByteSize;

/// A share of memory for pages.
#[derive(Debug)]
pub(crate) struct PageMemory {
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bytes: u64,
    /// By the number of the page.
    pages: BTreeMap<u64, Entry>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    bytes: u64,
    /// What to call when the page has to go; none once it is being read.
    receiver: Option<Arc<Notify>>,
}

/// A page's part; given back when dropped.
#[derive(Debug)]
pub(crate) struct PageHold {
    memory: Arc<PageMemory>,
    number: u64,
    evicted: Arc<Notify>,
}

/// There is no room for the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no room for the page: it was {bytes} bytes so far, and all pages together may take {max}")]
pub(crate) struct NoRoom {
    pub(crate) bytes: u64,
    pub(crate) max: u64,
}

impl PageMemory {
    pub(crate) fn new(bytes_max: ByteSize) -> Arc<PageMemory> {
        Arc::new(PageMemory { bytes_max: bytes_max.0, state: Mutex::default() })
    }

    /// Begins a page that is about to be received.
    pub(crate) fn begin(self: &Arc<PageMemory>) -> PageHold {
        let evicted = Arc::new(Notify::new());
        let mut state = self.state.lock();
        let number = state.next;
        state.next += 1;
        state.pages.insert(number, Entry { bytes: 0, receiver: Some(Arc::clone(&evicted)) });
        PageHold { memory: Arc::clone(self), number, evicted }
    }
}

impl PageHold {
    /// Takes `more` bytes, at the cost of larger pages where there is no room.
    pub(crate) fn grow(&self, more: u64) -> Result<(), NoRoom> {
        let max = self.memory.bytes_max;
        let mut state = self.memory.state.lock();
        let own = state.pages.get(&self.number).map_or(0, |entry| entry.bytes);
        let refused = NoRoom { bytes: own + more, max };
        if !state.pages.contains_key(&self.number) {
            return Err(refused);
        }
        while state.bytes + more > max {
            let larger = state.pages.iter().filter(|(_, entry)| entry.receiver.is_some() && entry.bytes > own + more);
            let largest = larger.max_by_key(|(_, entry)| entry.bytes).map(|(number, _)| *number);
            let evicted = largest.and_then(|number| state.pages.remove(&number)).ok_or(refused)?;
            state.bytes -= evicted.bytes;
            if let Some(receiver) = evicted.receiver {
                receiver.notify_one();
            }
        }
        state.bytes += more;
        if let Some(entry) = state.pages.get_mut(&self.number) {
            entry.bytes += more;
        }
        Ok(())
    }

    /// The page is whole and its turn has come: from now on it is read, and stays until it is dropped.
    pub(crate) fn settle(&self) -> Result<(), NoRoom> {
        match self.memory.state.lock().pages.get_mut(&self.number) {
            Some(entry) => {
                entry.receiver = None;
                Ok(())
            }
            None => Err(self.no_room()),
        }
    }

    fn no_room(&self) -> NoRoom {
        NoRoom { bytes: self.memory.bytes_max, max: self.memory.bytes_max }
    }

    /// Resolves when the page has to make room for others.
    pub(crate) async fn evicted(&self) -> NoRoom {
        self.evicted.notified().await;
        self.no_room()
    }
}

impl Drop for PageHold {
    fn drop(&mut self) {
        let mut state = self.memory.state.lock();
        if let Some(entry) = state.pages.remove(&self.number) {
            state.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_largest_page_makes_room() {
        let memory = PageMemory::new(ByteSize(100));
        let (large, small, late) = (memory.begin(), memory.begin(), memory.begin());
        large.grow(60).unwrap();
        small.grow(30).unwrap();
        late.grow(20).unwrap();
        assert_eq!(large.evicted().await, NoRoom { bytes: 100, max: 100 });
        assert_eq!(memory.state.lock().bytes, 50);
        assert!(large.grow(1).is_err() && large.settle().is_err(), "it has lost its place");
        assert_eq!(small.grow(60), Err(NoRoom { bytes: 90, max: 100 }), "it is the largest itself");
        drop((large, small, late));
        assert_eq!(memory.state.lock().bytes, 0);
        assert!(memory.state.lock().pages.is_empty());
    }

    #[test]
    fn a_page_being_read_stays() {
        let memory = PageMemory::new(ByteSize(100));
        let (read, late) = (memory.begin(), memory.begin());
        read.grow(90).unwrap();
        read.settle().unwrap();
        assert_eq!(late.grow(20), Err(NoRoom { bytes: 20, max: 100 }));
        read.grow(10).unwrap();
    }
}
