//! Shares losses that name no container among the containers that sent at the same time, the same way.

use super::Row;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Senders of one period that are told apart; further ones of an input count as one.
const SOURCES_MAX: usize = 8192;

/// Who came in where: a sender of an input. Containers have a port each where their log driver sends, so that the port tells
/// more than the address.
type Key = (&'static str, SocketAddr);

/// What came and what was lost since the last sharing.
#[derive(Debug, Default)]
pub(super) struct Period {
    sources: Vec<Source>,
    by_key: HashMap<Key, usize>,
    /// Losses of inputs that name no sender either.
    inputs: HashMap<&'static str, u64>,
}

#[derive(Debug)]
struct Source {
    input: &'static str,
    address: IpAddr,
    records: u64,
    lost: f64,
}

impl Period {
    /// Counts records of a sender; returns the place of the sender, good until the next [`Period::share`].
    pub(super) fn receive(&mut self, input: &'static str, sender: SocketAddr, records: u64) -> usize {
        let source = self.source(input, sender);
        self.sources[source].records += records;
        source
    }

    pub(super) fn lose(&mut self, input: &'static str, sender: Option<SocketAddr>, lost: u64) {
        match sender {
            Some(sender) => {
                let source = self.source(input, sender);
                self.sources[source].lost += lost as f64;
            }
            None => *self.inputs.entry(input).or_default() += lost,
        }
    }

    /// Gives each row its share and begins anew; returns what no row could be given, because no record came from there.
    pub(super) fn share<'a>(&mut self, rows: impl Iterator<Item = &'a mut Row>) -> f64 {
        let unshared = self.share_lost_of_inputs() + self.share_lost_of_addresses();
        for row in rows {
            for (source, records) in row.recent.drain(..) {
                let Source { records: all, lost, .. } = self.sources[source];
                row.counts.shared_losses += lost * records as f64 / all as f64;
            }
        }
        *self = Period::default();
        unshared
    }

    /// What an input lost goes to its senders; returns what had none.
    fn share_lost_of_inputs(&mut self) -> f64 {
        let mut unshared = 0.0;
        for (input, lost) in &self.inputs {
            let lost = *lost as f64;
            let of_input = |source: &&Source| source.input == *input;
            let records: u64 = self.sources.iter().filter(of_input).map(|source| source.records).sum();
            if records == 0 {
                unshared += lost;
                continue;
            }
            for source in self.sources.iter_mut().filter(|source| source.input == *input) {
                source.lost += lost * source.records as f64 / records as f64;
            }
        }
        unshared
    }

    /// What was lost of a port that got no record through goes to the other ports of its address; returns what had none.
    fn share_lost_of_addresses(&mut self) -> f64 {
        let mut of_address: HashMap<(&'static str, IpAddr), (u64, f64)> = HashMap::new();
        for source in &self.sources {
            let (records, lost) = of_address.entry((source.input, source.address)).or_default();
            *records += source.records;
            *lost += if source.records == 0 { source.lost } else { 0.0 };
        }
        for source in self.sources.iter_mut().filter(|source| source.records > 0) {
            let (records, lost) = of_address[&(source.input, source.address)];
            source.lost += lost * source.records as f64 / records as f64;
        }
        of_address.values().filter(|(records, _)| *records == 0).map(|(_, lost)| lost).sum()
    }

    fn source(&mut self, input: &'static str, sender: SocketAddr) -> usize {
        let mut key = (input, sender);
        if self.sources.len() >= SOURCES_MAX && !self.by_key.contains_key(&key) {
            key = (input, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)));
        }
        *self.by_key.entry(key).or_insert_with(|| {
            self.sources.push(Source { input, address: key.1.ip(), records: 0, lost: 0.0 });
            self.sources.len() - 1
        })
    }
}
