//! What a process takes of memory, looked at ten times a second.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const PERIOD: Duration = Duration::from_millis(100);

/// Watches until it is asked for the peak.
#[derive(Debug)]
pub(crate) struct Watch {
    peak: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Watch {
    pub(crate) fn start(process: u32) -> Watch {
        let (peak, stopped) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, over) = (Arc::clone(&peak), Arc::clone(&stopped));
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                seen.fetch_max(resident_bytes(process).unwrap_or(0), Ordering::Relaxed);
                std::thread::park_timeout(PERIOD);
            }
        });
        Watch { peak, stopped, thread }
    }

    /// Bytes that are resident now.
    pub(crate) fn resident(process: u32) -> u64 {
        resident_bytes(process).unwrap_or(0)
    }

    /// The most bytes that were resident at any look.
    pub(crate) fn peak(self) -> u64 {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().expect("the watch does not panic");
        self.peak.load(Ordering::Relaxed)
    }
}

/// `VmRSS` of `/proc/<process>/status`.
fn resident_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
