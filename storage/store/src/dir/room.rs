//! Room on the medium: when to stop taking data in, and what is kept back for the work that makes room.

use super::{DirStorage, Metrics, home, io_error, storage_error};
use crate::StorageError;
use parking_lot::Mutex;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use watchfire_model::ByteSize;

/// The medium is looked at no more often than this.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// After a write found the medium full, there is no room for so long, whatever it says about itself: quotas do not show.
const FULL_PAUSE: Duration = Duration::from_secs(1);
/// However large the medium is, this much free space is enough.
const FREE_BYTES_MAX: u64 = 10 << 30;
/// There is room again when so much more than needed is free: one hundredth of the medium, at most 1 GiB.
const HYSTERESIS_PERCENT: u64 = 1;
const HYSTERESIS_BYTES_MAX: u64 = 1 << 30;
/// The reserve takes at most this part of the medium.
const RESERVE_PERCENT: u64 = 2;
/// The file that the reserve is.
const RESERVE_NAME: &str = "RESERVE";

/// How much of the medium may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceOptions {
    /// Data from outside is refused from this part of the medium on, in percent (default 95, at most 100), or while less
    /// than 10 GiB would be free on a large one, whichever comes later. Counted as `df` does.
    pub used_max_percent: u8,
    /// Kept back for flushes, compaction and retention on a full medium, but at most 2 % of it. Default 64 MiB; 0 for
    /// none.
    pub reserve_bytes_max: ByteSize,
}

impl Default for SpaceOptions {
    fn default() -> SpaceOptions {
        SpaceOptions { used_max_percent: 95, reserve_bytes_max: ByteSize::from_mib(64) }
    }
}

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceStatus {
    /// What the medium has for processes like this one, in bytes.
    pub total: u64,
    /// What of it is free, in bytes; the reserve is not.
    pub available: u64,
    /// Whether data from outside is taken in.
    pub has_room: bool,
    /// Data from outside is refused while less than this is free, in bytes.
    pub free_min: u64,
    /// What is kept back now, in bytes.
    pub reserve_bytes: u64,
}

#[derive(Debug)]
pub(super) struct Room {
    options: SpaceOptions,
    opened: Instant,
    /// When to look again, in milliseconds since the opening.
    next_look_ms: AtomicU64,
    is_enough: AtomicBool,
    /// Bytes that may still be written before it has to be looked at again, however soon that is.
    left: AtomicI64,
    /// Bytes of the reserve that exists.
    reserve_bytes: AtomicU64,
    /// Held while the reserve is made and given away.
    reserve_change: Mutex<()>,
    pub(super) metrics: Metrics,
}

impl Room {
    pub(super) fn new(options: SpaceOptions, reserve_bytes: u64) -> Room {
        Room {
            options,
            opened: Instant::now(),
            next_look_ms: AtomicU64::new(0),
            is_enough: AtomicBool::new(true),
            left: AtomicI64::new(0),
            reserve_bytes: AtomicU64::new(reserve_bytes),
            reserve_change: Mutex::new(()),
            metrics: Metrics::default(),
        }
    }

    /// So many bytes are written: a fast medium fills up between two looks.
    pub(super) fn was_written(&self, bytes: usize) {
        self.left.fetch_sub(bytes as i64, Ordering::Relaxed);
    }

    /// A write found the medium full.
    pub(super) fn was_full(&self) {
        self.set_room(false);
        self.metrics.full_writes.inc();
        self.look_after(FULL_PAUSE);
    }

    /// Something was deleted: whoever waits for room need not wait longer.
    pub(super) fn was_freed(&self) {
        if !self.has_room() {
            self.look_after(LOOK_INTERVAL);
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.is_enough.load(Ordering::Relaxed)
    }

    fn set_room(&self, has_room: bool) {
        self.is_enough.store(has_room, Ordering::Relaxed);
        self.metrics.has_room.set(has_room.into());
    }

    fn look_after(&self, pause: Duration) {
        self.next_look_ms.store(self.elapsed_ms() + pause.as_millis() as u64, Ordering::Relaxed);
    }

    /// True for one caller when it is time to look.
    fn is_time(&self) -> bool {
        if self.has_room() && self.left.load(Ordering::Relaxed) < 0 {
            return true;
        }
        let now = self.elapsed_ms();
        let next = self.next_look_ms.load(Ordering::Relaxed);
        let later = now + LOOK_INTERVAL.as_millis() as u64;
        now >= next && self.next_look_ms.compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn elapsed_ms(&self) -> u64 {
        self.opened.elapsed().as_millis() as u64
    }

    /// Bytes that have to be free to take data in.
    fn needed(&self, total: u64) -> u64 {
        let free_percent = 100 - u64::from(self.options.used_max_percent.min(100));
        percent(total, free_percent).min(FREE_BYTES_MAX)
    }
}

impl DirStorage {
    /// How much room there is, looked at now.
    pub fn space_status(&self) -> Result<SpaceStatus, StorageError> {
        let space = self.files.space(&self.root);
        let space = space.map_err(|error| io_error("measure", &self.root.to_string_lossy(), error))?;
        let reserve_bytes = self.room.reserve_bytes.load(Ordering::Relaxed);
        let has_room = self.has_room_now();
        let free_min = self.room.needed(space.total);
        Ok(SpaceStatus { total: space.total, available: space.available, has_room, free_min, reserve_bytes })
    }

    /// Makes the reserve if there is none and room for it: call it now and then, it is cheap. Nothing is kept back where
    /// the medium would then have no room for data.
    ///
    /// # Errors
    /// The medium's; a medium that is too full is none.
    pub fn keep_reserve(&self) -> Result<(), StorageError> {
        let _change = self.room.reserve_change.lock();
        let reserve_bytes = &self.room.reserve_bytes;
        if reserve_bytes.load(Ordering::Relaxed) > 0 || self.room.options.reserve_bytes_max.0 == 0 {
            return Ok(());
        }
        let space = self.files.space(&self.root);
        let space = space.map_err(|error| io_error("measure", &self.root.to_string_lossy(), error))?;
        let wanted = self.room.options.reserve_bytes_max.0.min(percent(space.total, RESERVE_PERCENT));
        let free = self.room.needed(space.total) + hysteresis(space.total);
        if wanted == 0 || space.available < free.saturating_add(wanted) {
            return Ok(());
        }
        let path = self.reserve_path();
        let make = || {
            let mut file = self.files.create_new(&path)?;
            file.allocate(wanted)?;
            file.sync()?;
            self.files.sync_directory(&self.root)
        };
        match make() {
            Ok(()) => reserve_bytes.store(wanted, Ordering::Relaxed),
            Err(error) => {
                let _ = self.files.unlink(&path);
                match storage_error("write", RESERVE_NAME, error) {
                    StorageError::Full { .. } => self.room.was_full(),
                    error => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// What [`crate::Storage::has_room`] says.
    pub(super) fn has_room_now(&self) -> bool {
        if self.room.is_time() {
            self.look_for_room();
        }
        self.room.has_room()
    }

    /// Looks at the medium. One that cannot be measured is as it was.
    pub(super) fn look_for_room(&self) {
        let Ok(space) = self.files.space(&self.root) else { return };
        let needed = self.room.needed(space.total);
        let wanted = if self.room.has_room() { needed } else { needed.saturating_add(hysteresis(space.total)) };
        self.room.set_room(space.available >= wanted);
        // Half of it, as blocks and directories take space too.
        let left = space.available.saturating_sub(needed) / 2;
        self.room.left.store(i64::try_from(left).unwrap_or(i64::MAX), Ordering::Relaxed);
        let metrics = &self.room.metrics;
        metrics.total.set(space.total as i64);
        metrics.available.set(space.available as i64);
        metrics.reserve.set(self.room.reserve_bytes.load(Ordering::Relaxed) as i64);
    }

    pub(super) fn give_reserve(&self) -> bool {
        let _change = self.room.reserve_change.lock();
        let reserve_bytes = &self.room.reserve_bytes;
        if reserve_bytes.load(Ordering::Relaxed) == 0 {
            return false;
        }
        match self.files.unlink(&self.reserve_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return false,
            _ => reserve_bytes.store(0, Ordering::Relaxed),
        }
        // Some file systems give the blocks back only when the removal is durable; if that fails, the next write tells.
        let _ = home::sync(&*self.files, &self.root);
        true
    }

    fn reserve_path(&self) -> PathBuf {
        self.root.join(RESERVE_NAME)
    }
}

/// Bytes of the reserve that an earlier process made.
pub(super) fn reserve_bytes(files: &dyn super::files::FileSystem, root: &std::path::Path) -> u64 {
    match files.look_up(&root.join(RESERVE_NAME)) {
        Ok(super::files::EntryKind::File { len }) => len,
        _ => 0,
    }
}

fn hysteresis(total: u64) -> u64 {
    percent(total, HYSTERESIS_PERCENT).min(HYSTERESIS_BYTES_MAX)
}

fn percent(total: u64, percent: u64) -> u64 {
    total / 100 * percent
}
