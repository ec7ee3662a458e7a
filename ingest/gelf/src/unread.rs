//! Datagrams that were lost before anybody read them, as messages: a message in chunks is several datagrams, and which of
//! those that were lost belonged together nobody knows. So as many messages are counted as there were among as many
//! datagrams that were read.

use crate::reassembly::ReassemblyCounts;

/// What was lost unread so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Unread {
    datagrams: u64,
    /// Estimated.
    messages: u64,
    /// The same before it was rounded.
    estimate: f64,
}

impl Unread {
    /// Adds lost datagrams; how many messages more these are. `received`: datagrams that were read.
    pub(crate) fn lose(&mut self, datagrams: u64, received: u64, chunks: &ReassemblyCounts) -> u64 {
        self.datagrams += datagrams;
        self.estimate += datagrams as f64 * messages_per_datagram(received, chunks);
        let before = self.messages;
        self.messages = (self.estimate.round() as u64).clamp(before, self.datagrams);
        self.messages - before
    }

    /// Datagrams that are counted as no message of their own.
    pub(crate) fn further_chunks(&self) -> u64 {
        self.datagrams - self.messages
    }
}

/// 1 where nothing was read.
fn messages_per_datagram(received: u64, chunks: &ReassemblyCounts) -> f64 {
    let waiting = u64::try_from(chunks.waiting_messages).unwrap_or(0);
    let chunked = chunks.complete_messages + chunks.expired_messages + chunks.evicted_messages + waiting;
    // What is read is counted before its chunks are.
    let further = chunks.chunks.saturating_sub(chunked).min(received);
    if received == 0 { 1.0 } else { (received - further) as f64 / received as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `whole` messages and `chunked` ones of three chunks were read.
    #[track_caller]
    fn check(whole: u64, chunked: u64, lost: &[u64], want: u64) {
        let chunks =
            ReassemblyCounts { chunks: 3 * chunked, complete_messages: chunked, ..ReassemblyCounts::default() };
        let mut unread = Unread::default();
        let messages: u64 = lost.iter().map(|lost| unread.lose(*lost, whole + 3 * chunked, &chunks)).sum();
        assert_eq!(messages, want, "{lost:?} lost");
        assert_eq!(unread.further_chunks(), lost.iter().sum::<u64>() - want);
    }

    #[test]
    fn lost_datagrams_are_counted_as_messages() {
        check(0, 0, &[7], 7);
        check(100, 0, &[7, 3], 10);
        check(0, 50, &[30, 3], 11);
        check(0, 50, &[1; 300], 100);
        check(50, 50, &[200], 100);
        check(1_794_760, 5_240, &[1_200_000, 4_000], 1_197_031);
    }

    #[test]
    fn counters_that_do_not_fit_do_no_harm() {
        let chunks = ReassemblyCounts { chunks: 9, waiting_messages: -2, ..ReassemblyCounts::default() };
        let mut unread = Unread::default();
        assert_eq!((unread.lose(5, 2, &chunks), unread.lose(0, 0, &chunks)), (0, 0));
        assert_eq!(unread.lose(3, 0, &chunks), 3);
    }
}
