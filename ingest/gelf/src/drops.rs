//! Datagrams that the kernel dropped before anybody could read them.
//!
//! The kernel counts them for each socket. `SO_MEMINFO` gives that number at any time, also after the last datagram
//! (`SO_RXQ_OVFL` gives the same number, but only along with the next datagram). `/proc/net/udp` shows it too: it is read as a
//! cross-check, and where a sandbox has no `SO_MEMINFO`. The larger of the two counts.

use crate::counters::InputCounters;
use crate::fault::FaultReason;
use crate::socket;
use parking_lot::Mutex;
use rustix::fs::fstat;
use socket2::Socket;
use std::sync::Arc;
use std::time::{Duration, Instant};
use watchfire_model::{Ledger, TimeNs};

/// How often `/proc/net/udp` is read: it lists all sockets of the machine.
const PROC_INTERVAL: Duration = Duration::from_secs(1);
const PROC_FILES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];

/// Counts what the kernel dropped for one socket.
#[derive(Debug)]
pub(crate) struct KernelDrops {
    socket: Arc<Socket>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    by_option: Wrapping,
    by_proc: Wrapping,
    proc_read: Option<Instant>,
    /// Drops that are in the counters.
    counted: u64,
}

/// The sum of a counter of the kernel, which wraps at 2^32.
#[derive(Debug, Default)]
struct Wrapping {
    last: u32,
    sum: u64,
}

impl Wrapping {
    fn advance(&mut self, value: u32) {
        self.sum += u64::from(value.wrapping_sub(self.last));
        self.last = value;
    }
}

impl KernelDrops {
    pub(crate) fn new(socket: Arc<Socket>) -> KernelDrops {
        KernelDrops { socket, seen: Mutex::default() }
    }

    /// Adds what was dropped since the last call to the counters, and to the ledger as nobody's in particular.
    pub(crate) fn count(&self, counters: &InputCounters, ledger: &Ledger, now: TimeNs) {
        let mut seen = self.seen.lock();
        if let Ok(drops) = socket::kernel_drops(&self.socket) {
            seen.by_option.advance(drops);
        }
        if seen.proc_read.is_none_or(|read| read.elapsed() >= PROC_INTERVAL) {
            seen.proc_read = Some(Instant::now());
            if let Some(drops) = self.drops_by_proc() {
                seen.by_proc.advance(drops);
            }
        }
        let drops = seen.by_option.sum.max(seen.by_proc.sum);
        let more = drops - seen.counted;
        seen.counted = drops;
        drop(seen);
        if more > 0 {
            let messages = counters.add_unread(FaultReason::KernelBufferFull, more);
            counters.set_error(format!("{more} datagrams: {}", FaultReason::KernelBufferFull.text()));
            ledger.lose(counters.kind(), None, messages, now);
        }
    }

    fn drops_by_proc(&self) -> Option<u32> {
        let inode = fstat(&self.socket).ok()?.st_ino;
        PROC_FILES.iter().find_map(|file| drops_of(&std::fs::read_to_string(file).ok()?, inode))
    }
}

/// Drops of the socket with this inode in the text of `/proc/net/udp`: its columns are the tenth and the last.
/// Linux: `net/ipv4/udp.c`, `udp4_format_sock`.
fn drops_of(text: &str, inode: u64) -> Option<u32> {
    text.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let of_socket = columns.nth(9)?.parse() == Ok(inode);
        if of_socket { columns.nth(2)?.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(inode: u64, want: Option<u32>) {
        let text = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  411: 00000000:2FA9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 901125 2 0000000000000000 17
  900: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 22 2 0000000000000000 4294967295
  901: 0100007F:0035 00000000
";
        assert_eq!(drops_of(text, inode), want, "inode {inode}");
    }

    #[test]
    fn drops_stand_in_the_last_column() {
        check(901_125, Some(17));
        check(22, Some(u32::MAX));
        check(23, None);
        check(0, None);
        assert_eq!(drops_of("", 1), None);
    }

    #[test]
    fn the_kernels_counter_wraps() {
        let mut drops = Wrapping::default();
        for value in [5, 5, u32::MAX, 3] {
            drops.advance(value);
        }
        assert_eq!(drops.sum, u64::from(u32::MAX) + 4);
    }
}
