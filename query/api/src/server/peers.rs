//! How many connections each address has open.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is counted of connections that were refused. Clones share the counter.
#[derive(Debug, Clone, Default)]
pub struct PeerMetrics {
    refused: Counter,
}

impl PeerMetrics {
    pub fn register(&self, registry: &mut Registry) {
        let help = "HTTP connections closed because their address had as many as it may";
        registry.register("api_refused_connections", help, self.refused.clone());
    }
}

/// The table. As large as connections are open.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    max: usize,
    metrics: PeerMetrics,
}

/// A connection's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    peers: Peers,
    address: IpAddr,
}

impl Peers {
    pub(super) fn new(max: usize, metrics: PeerMetrics) -> Peers {
        Peers { open: Arc::default(), max, metrics }
    }

    /// A place for one more connection of the address, if it may have one.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut open = self.open();
        let count = open.entry(address).or_default();
        if *count >= self.max {
            self.metrics.refused.inc();
            return None;
        }
        *count += 1;
        Some(Place { peers: self.clone(), address })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.peers.open();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places() {
        let peers = Peers::new(2, PeerMetrics::default());
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = peers.enter(address("10.0.0.1")).unwrap();
        let _second = peers.enter(address("::ffff:10.0.0.1")).unwrap();
        assert!(peers.enter(address("10.0.0.1")).is_none());
        assert!(peers.enter(address("10.0.0.2")).is_some());
        assert_eq!(peers.metrics.refused.get(), 1);
        drop(first);
        assert!(peers.enter(address("10.0.0.1")).is_some());
        assert_eq!(peers.open().len(), 1, "addresses without a connection are forgotten");
    }
}
