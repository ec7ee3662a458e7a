//! Where time comes from. Cores take times as arguments; whoever has to look does it through [`Clock`].

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use watchfire_model::TimeNs;

/// Tells the time of day. It may jump in both directions: nothing is ever deleted because of one reading alone.
pub trait Clock: Send + Sync + std::fmt::Debug {
    fn now(&self) -> TimeNs;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> TimeNs {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        TimeNs(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is told.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: AtomicI64,
}

impl ManualClock {
    pub fn new(now: TimeNs) -> ManualClock {
        ManualClock { now: AtomicI64::new(now.0) }
    }

    pub fn set(&self, now: TimeNs) {
        self.now.store(now.0, Ordering::SeqCst);
    }

    pub fn advance_ms(&self, ms: i64) {
        self.now.fetch_add(ms * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> TimeNs {
        TimeNs(self.now.load(Ordering::SeqCst))
    }
}
