//! What became of log records, by the container that wrote them.
//!
//! Inputs write down what they have received and what was lost of it; the page shows for each container how complete its log
//! is. Three kinds of records are missing from a log:
//! - *lost by name*: the record was read, so its container is known, and then could not be stored;
//! - *shared losses*: nobody read it (the kernel dropped it, chunks are missing, its bytes are unreadable), only its sender or
//!   its input is known. Such losses are shared among the containers that sent the same way in the same five seconds, in
//!   proportion to their records: those from the same port, else from the same address, else by the same input. An estimate, and
//!   shown as one; whoever sends rubbish from a container's own address makes its log look worse than it is;
//! - *unshared losses*: of a sender that got no record through at that time. They are in the total only.
//!
//! Invariants
//! - In each row, in the remainder and in their sum: `received = stored + refused + lost by name + waiting`.
//! - Rows that go to make room leave their sums in the remainder: the total never shrinks.
//! - Memory is bounded: rows, senders of a period, bytes of a name.

mod container;
mod period;

pub use container::Container;

use crate::status::{ContainerCounts, ContainerStatus, ContainersStatus, Loss};
use crate::{Fate, LogRecord, TimeNs};
use container::ContainerRef;
use foldhash::fast::RandomState;
use period::Period;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Containers that a ledger keeps apart by default; the least recently seen go first.
pub const CONTAINERS_MAX: usize = 10_000;
/// Losses without a container are shared this often.
const PERIOD_NS: i64 = 5_000_000_000;
/// The part of all rows that goes at once when there are too many.
const EVICTED_PART: usize = 8;

/// The table. Cheap enough for every batch of an input: it is locked twice for each, and not for each record.
#[derive(Debug)]
pub struct Ledger {
    containers_max: usize,
    books: Mutex<Books>,
}

/// Records of one batch as the ledger knows them, to say later what became of them.
#[derive(Debug, Clone, Default)]
pub struct Entries {
    groups: Vec<(SocketAddr, RowId)>,
    /// For each record its place in `groups`.
    group_of: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RowId {
    index: u32,
    /// Of the row when it got this id: another container may have its place by now.
    generation: u32,
}

#[derive(Debug, Default)]
struct Books {
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_container: HashMap<Container, u32, RandomState>,
    /// Sums of the rows that are gone.
    remainder: Counts,
    forgotten: u64,
    period: Period,
    /// Unix nanoseconds; the period ends when a time outside of it is seen.
    period_start: i64,
    unshared_losses: f64,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    row: Option<Row>,
}

/// One container.
#[derive(Debug)]
struct Row {
    container: Container,
    counts: Counts,
    first_seen: TimeNs,
    last_seen: TimeNs,
    /// Records of this period by the place of their sender.
    recent: Vec<(usize, u64)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    received: u64,
    stored: u64,
    refused: u64,
    /// By [`Fate::LOST`], in its order.
    lost: [u64; Fate::LOST.len()],
    shared_losses: f64,
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger::new(CONTAINERS_MAX)
    }
}

impl Ledger {
    /// `containers_max`: at least 1.
    pub fn new(containers_max: usize) -> Ledger {
        Ledger { containers_max: containers_max.max(1), books: Mutex::default() }
    }

    /// Writes down what an input has read, with the address that each record came from. Each record must later be settled
    /// once.
    pub fn receive<'a>(
        &self,
        input: &'static str,
        records: impl IntoIterator<Item = (SocketAddr, &'a LogRecord)>,
        now: TimeNs,
    ) -> Entries {
        let mut groups: Vec<(SocketAddr, ContainerRef<'a>, u64)> = Vec::new();
        let mut by_group: HashMap<(SocketAddr, ContainerRef<'a>), u32, RandomState> = HashMap::default();
        let records = records.into_iter();
        let mut group_of = Vec::with_capacity(records.size_hint().0);
        for (sender, record) in records {
            let key = (sender, ContainerRef::of(record));
            // A container's records mostly come in a row.
            let last = group_of.last().copied().filter(|last| {
                let (sender, container, _) = &groups[*last as usize];
                (sender, container) == (&key.0, &key.1)
            });
            let group = last.or_else(|| by_group.get(&key).copied()).unwrap_or_else(|| {
                let group = groups.len() as u32;
                groups.push((sender, key.1.clone(), 0));
                by_group.insert(key, group);
                group
            });
            groups[group as usize].2 += 1;
            group_of.push(group);
        }
        let mut books = self.lock();
        books.enter_period(now);
        let groups = groups.into_iter().map(|(sender, container, records)| {
            let id = books.row_of(&container.to_container(), self.containers_max, now);
            let source = books.period.receive(input, sender, records);
            let row = books.row_mut(id).expect("it was just found or made");
            row.counts.received += records;
            row.last_seen = now;
            row.note_recent(source, records);
            (sender, id)
        });
        let groups = groups.collect();
        Entries { groups, group_of }
    }

    /// Writes down what became of some records of a batch, counted from zero.
    pub fn settle(&self, entries: &Entries, records: Range<usize>, fate: Fate) {
        let counts = entries.count(records);
        let mut books = self.lock();
        for ((_, id), n) in entries.groups.iter().zip(counts).filter(|(_, n)| *n > 0) {
            match books.row_mut(*id) {
                Some(row) => row.counts.settle(fate, n),
                None => books.remainder.settle(fate, n),
            }
        }
    }

    /// Writes down losses whose container is unknown: of a sender, or of a whole input. Senders without ports have port 0.
    pub fn lose(&self, input: &'static str, sender: Option<SocketAddr>, lost: u64, now: TimeNs) {
        let mut books = self.lock();
        books.enter_period(now);
        books.period.lose(input, sender, lost);
    }

    /// How complete the logs are: the total, and so many containers, the least complete first.
    pub fn status(&self, now: TimeNs, containers_shown: usize) -> ContainersStatus {
        let mut books = self.lock();
        books.enter_period(now);
        let mut rows: Vec<&Row> = books.rows().collect();
        rows.sort_by(|a, b| {
            let by_missing = b.counts.missing_part().total_cmp(&a.counts.missing_part());
            let by_received = || b.counts.received.cmp(&a.counts.received);
            by_missing.then_with(by_received).then_with(|| a.container.cmp(&b.container))
        });
        rows.truncate(containers_shown);
        ContainersStatus { containers: rows.into_iter().map(Row::status).collect(), ..books.totals() }
    }

    /// The sums alone. Losses of the last five seconds may be missing.
    pub fn totals(&self) -> ContainersStatus {
        self.lock().totals()
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// Records in the batch.
    pub fn len(&self) -> usize {
        self.group_of.len()
    }

    pub fn is_empty(&self) -> bool {
        self.group_of.is_empty()
    }

    /// How many of these records came from each address; an address may be named more than once.
    pub fn senders(&self, records: Range<usize>) -> impl Iterator<Item = (IpAddr, u64)> + '_ {
        let counts = self.count(records);
        self.groups.iter().zip(counts).filter(|(_, n)| *n > 0).map(|((sender, _), n)| (sender.ip(), n))
    }

    /// Records of each group.
    fn count(&self, records: Range<usize>) -> Vec<u64> {
        let mut counts = vec![0; self.groups.len()];
        for group in self.group_of.get(records).unwrap_or_default() {
            counts[*group as usize] += 1;
        }
        counts
    }
}

impl Books {
    /// Shares the losses of a period that is over. A clock that jumps only ends it early.
    fn enter_period(&mut self, now: TimeNs) {
        if !(0..PERIOD_NS).contains(&now.0.saturating_sub(self.period_start)) {
            self.share();
            self.period_start = now.0;
        }
    }

    fn share(&mut self) {
        let rows = self.slots.iter_mut().filter_map(|slot| slot.row.as_mut());
        self.unshared_losses += self.period.share(rows);
    }

    fn totals(&self) -> ContainersStatus {
        let mut total = self.remainder;
        for row in self.rows() {
            total.add(&row.counts);
        }
        ContainersStatus {
            containers: Vec::new(),
            known: self.by_container.len(),
            forgotten: self.forgotten,
            total: total.status(),
            unshared_losses: rounded(self.unshared_losses),
        }
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.slots.iter().filter_map(|slot| slot.row.as_ref())
    }

    fn row_mut(&mut self, id: RowId) -> Option<&mut Row> {
        let slot = &mut self.slots[id.index as usize];
        if slot.generation == id.generation { slot.row.as_mut() } else { None }
    }

    /// The row of a container, made where there is none.
    fn row_of(&mut self, container: &Container, containers_max: usize, now: TimeNs) -> RowId {
        if let Some(&index) = self.by_container.get(container) {
            return RowId { index, generation: self.slots[index as usize].generation };
        }
        if self.by_container.len() >= containers_max {
            self.forget(containers_max.div_ceil(EVICTED_PART));
        }
        let row = Row {
            container: container.clone(),
            counts: Counts::default(),
            first_seen: now,
            last_seen: now,
            recent: Vec::new(),
        };
        let index = self.free.pop().unwrap_or(self.slots.len() as u32);
        if index as usize == self.slots.len() {
            self.slots.push(Slot { generation: 0, row: None });
        }
        self.slots[index as usize].row = Some(row);
        self.by_container.insert(container.clone(), index);
        RowId { index, generation: self.slots[index as usize].generation }
    }

    /// Drops the `n` rows least recently seen, and keeps their sums.
    fn forget(&mut self, n: usize) {
        self.share();
        let mut times: Vec<(TimeNs, u32)> = self
            .by_container
            .values()
            .filter_map(|index| Some((self.slots[*index as usize].row.as_ref()?.last_seen, *index)))
            .collect();
        times.sort_unstable();
        for (_, index) in times.into_iter().take(n) {
            let slot = &mut self.slots[index as usize];
            slot.generation = slot.generation.wrapping_add(1);
            let row = slot.row.take().expect("every container in the index has a row");
            self.by_container.remove(&row.container);
            self.remainder.add(&row.counts);
            self.free.push(index);
            self.forgotten += 1;
        }
    }
}

impl Row {
    fn note_recent(&mut self, source: usize, records: u64) {
        match self.recent.iter_mut().find(|(known, _)| *known == source) {
            Some((_, known)) => *known += records,
            None => self.recent.push((source, records)),
        }
    }

    fn status(&self) -> ContainerStatus {
        ContainerStatus {
            container: self.container.name.to_string(),
            host: self.container.host.to_string(),
            counts: self.counts.status(),
            first_seen: self.first_seen.to_ms(),
            last_seen: self.last_seen.to_ms(),
        }
    }
}

impl Counts {
    fn settle(&mut self, fate: Fate, n: u64) {
        match Fate::LOST.iter().position(|lost| *lost == fate) {
            Some(at) => self.lost[at] += n,
            None if fate == Fate::Refused => self.refused += n,
            None => self.stored += n,
        }
    }

    fn add(&mut self, more: &Counts) {
        self.received += more.received;
        self.stored += more.stored;
        self.refused += more.refused;
        self.lost.iter_mut().zip(more.lost).for_each(|(sum, n)| *sum += n);
        self.shared_losses += more.shared_losses;
    }

    fn lost(&self) -> u64 {
        self.lost.iter().sum()
    }

    /// The estimated part that is missing, 0 to 1; 0 while nothing is known.
    fn missing_part(&self) -> f64 {
        let missing = self.lost() as f64 + self.shared_losses;
        if missing > 0.0 { missing / (self.stored as f64 + missing) } else { 0.0 }
    }

    fn status(&self) -> ContainerCounts {
        let lost = Fate::LOST.iter().zip(self.lost).filter(|(_, count)| *count > 0);
        let settled = self.stored + self.refused + self.lost();
        let is_known = self.stored > 0 || self.missing_part() > 0.0;
        // Rounded down: 100 is said only where nothing is missing.
        let percent = ((1.0 - self.missing_part()) * 100_000.0).floor() / 1000.0;
        ContainerCounts {
            received: self.received,
            stored: self.stored,
            refused: self.refused,
            waiting: self.received.saturating_sub(settled),
            losses: lost.map(|(fate, count)| Loss { reason: fate.label(), count }).collect(),
            shared_losses: rounded(self.shared_losses),
            completeness_percent: is_known.then_some(percent),
        }
    }
}

/// With three decimals.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests;
