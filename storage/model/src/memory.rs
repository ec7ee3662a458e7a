//! A bounded amount of memory that several share.

use crate::ByteSize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what is held of one share of the memory limit, and refuses what would exceed it.
///
/// It allocates nothing itself: whoever is about to hold much asks first, and holds a [`MemoryHold`] as long.
#[derive(Debug)]
pub struct MemoryPool {
    what: &'static str,
    limit: u64,
    used: AtomicU64,
    peak: AtomicU64,
    refused: AtomicU64,
}

/// A part of a pool; given back when dropped.
#[derive(Debug)]
pub struct MemoryHold {
    pool: Arc<MemoryPool>,
    bytes: u64,
}

/// The share is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} hold all of the {} that they may take together: try again in a moment", ByteSize(*limit))]
pub struct OutOfMemory {
    /// Who shares the pool, for example `queries`.
    pub what: &'static str,
    /// Bytes.
    pub limit: u64,
}

impl MemoryPool {
    /// A pool of `limit` bytes for `what`, a plural as an error's text begins with it: `queries`, `request bodies`.
    pub fn new(what: &'static str, limit: ByteSize) -> Arc<MemoryPool> {
        let zero = || AtomicU64::new(0);
        Arc::new(MemoryPool { what, limit: limit.0, used: zero(), peak: zero(), refused: zero() })
    }

    /// Takes `bytes`.
    ///
    /// # Errors
    /// They would exceed the limit; nothing is taken, and the refusal is counted.
    pub fn take(self: &Arc<MemoryPool>, bytes: u64) -> Result<MemoryHold, OutOfMemory> {
        self.add(bytes)?;
        Ok(MemoryHold { pool: Arc::clone(self), bytes })
    }

    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes held now.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The most bytes that were held at once.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// How often somebody was refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: u64) -> Result<(), OutOfMemory> {
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        let Ok(before) = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(OutOfMemory { what: self.what, limit: self.limit });
        };
        self.peak.fetch_max(before + bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl MemoryHold {
    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Holds `bytes` from now on, more or less than before.
    ///
    /// # Errors
    /// There are not so many left; what was held before is still held.
    pub fn resize(&mut self, bytes: u64) -> Result<(), OutOfMemory> {
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.pool.add(more)?,
            None => drop(self.pool.used.fetch_sub(self.bytes - bytes, Ordering::Relaxed)),
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for MemoryHold {
    fn drop(&mut self) {
        self.pool.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_never_exceeds_the_limit() {
        let pool = MemoryPool::new("queries", ByteSize(100));
        let mut first = pool.take(60).unwrap();
        let error = pool.take(41).unwrap_err();
        assert_eq!(
            error.to_string(),
            "queries hold all of the 100B that they may take together: try again in a moment"
        );
        first.resize(100).unwrap();
        assert!(first.resize(101).is_err());
        assert_eq!((first.bytes(), pool.used(), pool.refused()), (100, 100, 2));
        first.resize(10).unwrap();
        let second = pool.take(90).unwrap();
        drop(first);
        assert_eq!((second.bytes(), pool.used(), pool.peak()), (90, 90, 100));
        assert!(pool.take(u64::MAX).is_err());
        drop(second);
        assert_eq!(pool.used(), 0);
    }
}
