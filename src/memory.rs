//! How `memory_limit` is divided: every part of the process that may grow gets a share, and keeps to it by itself.

use crate::config::Config;
use crate::process;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use watchfire_api::{Memory, PoolStatus};
use watchfire_model::{ByteSize, MemoryPool};
use watchfire_pipeline::PipelineOptions;
use watchfire_push::Limits;
use watchfire_scrape::ScrapeLimits;

/// Below this there is no room for a useful share of everything.
pub(crate) const LIMIT_MIN: ByteSize = ByteSize::from_mib(128);
/// Where the machine says nothing of its memory.
const LIMIT_UNKNOWN: ByteSize = ByteSize::from_mib(1024);

/// Bytes of pages that may be read at once: room for one of the largest at least.
const PAGES_MIN: u64 = 16 << 20;
const PAGES_MAX: u64 = 1 << 30;
/// An active series, roughly.
const SERIES_BYTES: u64 = 1200;
/// A TCP connection of the log input with its thread, as measured.
const CONNECTION_BYTES: u64 = 112 << 10;
/// Different series that one target may bring within an hour.
const TARGET_SERIES_MIN: u64 = 5_000;
const TARGET_SERIES_MAX: u64 = 1_000_000;

/// The shares, in thousandths of the limit. What is left (about a tenth) is the program itself, its threads and what the
/// allocator has not returned yet.
mod share {
    /// One memtable of the log store; two of them and a block being built may exist at once.
    pub(super) const MEMTABLE: u64 = 60;
    pub(super) const LOG_CACHE: u64 = 50;
    pub(super) const METRIC_HEAD: u64 = 220;
    /// Pages of targets while they are read.
    pub(super) const PAGES: u64 = 50;
    pub(super) const METRIC_INDEX_CACHE: u64 = 50;
    pub(super) const METRIC_PAGE_CACHE: u64 = 30;
    pub(super) const QUERIES: u64 = 100;
    pub(super) const BODIES: u64 = 70;
    /// Each of two: records that wait for the store, and records that are being stored.
    pub(super) const PIPELINE_QUEUE: u64 = 35;
    pub(super) const DATAGRAMS: u64 = 20;
    pub(super) const REASSEMBLY: u64 = 20;
    pub(super) const TCP_FRAMES: u64 = 30;
    pub(super) const TCP_CONNECTIONS: u64 = 40;
}

/// What each part may take, in bytes.
#[derive(Debug)]
pub(crate) struct MemoryPlan {
    pub(crate) limit: ByteSize,
    pub(crate) metric_head: ByteSize,
    pub(crate) metric_index_cache: ByteSize,
    pub(crate) metric_page_cache: ByteSize,
    pub(crate) pipeline_queue: ByteSize,
    pages: ByteSize,
    /// What one query may hold of `queries`.
    pub(crate) query_max: ByteSize,
    pub(crate) queries: Arc<MemoryPool>,
    /// Bodies of requests that bring data in, as read and as decoded.
    pub(crate) bodies: Arc<MemoryPool>,
}

impl MemoryPlan {
    /// Divides the limit. Settings of single parts stay in force where they are smaller than the part's share; the others
    /// are lowered in `config`.
    pub(crate) fn divide(config: &mut Config) -> MemoryPlan {
        let limit = config.memory_limit.unwrap_or_else(default_limit);
        let of = |thousandths: u64| ByteSize(limit.0 / 1000 * thousandths);
        lower(&mut config.logs.store.memtable_bytes_max, of(share::MEMTABLE));
        lower(&mut config.logs.store.cache_bytes_max, of(share::LOG_CACHE));
        let gelf = &mut config.logs.gelf;
        let threads = gelf.udp.threads.max(1) as u64;
        lower(&mut gelf.udp.queue, ByteSize(of(share::DATAGRAMS).0 / threads));
        lower(&mut gelf.udp.chunks.memory, ByteSize(of(share::REASSEMBLY).0 / threads));
        lower(&mut gelf.tcp.memory, of(share::TCP_FRAMES));
        let connections = of(share::TCP_CONNECTIONS).0 / CONNECTION_BYTES;
        gelf.tcp.connections_max = gelf.tcp.connections_max.min(usize::try_from(connections).unwrap_or(usize::MAX));
        let bodies = of(share::BODIES);
        // Two senders at least are served at once.
        lower(&mut gelf.http.messages.decompressed_max, ByteSize(bodies.0 / 2));
        lower(&mut gelf.http.body_max, ByteSize(bodies.0 / 4));
        let queries = of(share::QUERIES);
        MemoryPlan {
            limit,
            metric_head: config.metrics.head_bytes_max.unwrap_or(of(share::METRIC_HEAD)),
            metric_index_cache: of(share::METRIC_INDEX_CACHE),
            metric_page_cache: of(share::METRIC_PAGE_CACHE),
            pipeline_queue: of(share::PIPELINE_QUEUE),
            pages: of(share::PAGES),
            query_max: ByteSize(queries.0 / 2),
            queries: MemoryPool::new("queries", queries),
            bodies: MemoryPool::new("request bodies", bodies),
        }
    }

    /// What the process takes and the pools hold, for the page.
    pub(crate) fn status(&self) -> Memory {
        let pool = |name, pool: &MemoryPool| PoolStatus {
            name,
            limit: pool.limit(),
            used: pool.used(),
            peak: pool.peak(),
            refusals: pool.refused(),
        };
        Memory {
            limit: self.limit.0,
            resident: process::resident_bytes(),
            pools: vec![pool("queries", &self.queries), pool("bodies", &self.bodies)],
        }
    }

    /// What the shared pools hold, for `/metrics`.
    pub(crate) fn metrics(self: Arc<MemoryPlan>) -> MemoryMetrics {
        MemoryMetrics(self)
    }

    /// What scraping may take: pages within their share, and series such that one target fills no more than about a quarter
    /// of what active series may take.
    pub(crate) fn scrape(&self) -> ScrapeLimits {
        ScrapeLimits {
            page_bytes_max: ByteSize(self.pages.0.clamp(PAGES_MIN, PAGES_MAX)),
            target_series_max: (self.metric_head.0 / SERIES_BYTES / 4).clamp(TARGET_SERIES_MIN, TARGET_SERIES_MAX),
        }
    }

    /// What one request of remote write may hold.
    pub(crate) fn push(&self) -> Limits {
        let mut limits = Limits::default();
        lower(&mut limits.body_max, ByteSize(self.bodies.limit() / 4));
        lower(&mut limits.message_max, ByteSize(self.bodies.limit() / 2));
        limits
    }

    /// The pipeline's options within its share.
    pub(crate) fn pipeline(&self) -> PipelineOptions {
        let mut options = PipelineOptions::default();
        lower(&mut options.queue_bytes_max, self.pipeline_queue);
        lower(&mut options.storing_bytes_max, self.pipeline_queue);
        options
    }
}

/// Reads the plan when `/metrics` is asked.
#[derive(Debug)]
pub(crate) struct MemoryMetrics(Arc<MemoryPlan>);

impl Collector for MemoryMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let plan = &*self.0;
        let limit = ConstGauge::new(plan.limit.0);
        let bytes = Some(&Unit::Bytes);
        let help = "What the process may take of memory";
        limit.encode(encoder.encode_descriptor("memory_limit", help, bytes, limit.metric_type())?)?;
        let pools = [("queries", &plan.queries), ("bodies", &plan.bodies)];
        let mut gauges = |name: &str, help: &str, value: fn(&MemoryPool) -> u64| {
            let mut family = encoder.encode_descriptor(name, help, bytes, MetricType::Gauge)?;
            for (name, pool) in pools {
                ConstGauge::new(value(pool)).encode(family.encode_family(&[("pool", name)])?)?;
            }
            Ok(())
        };
        gauges("memory_pool_limit", "What a shared pool of memory has", MemoryPool::limit)?;
        gauges("memory_pool_used", "What is held of a shared pool of memory", MemoryPool::used)?;
        gauges("memory_pool_peak", "The most that was held of a shared pool of memory at once", MemoryPool::peak)?;
        let help = "Requests refused because a shared pool of memory was used up";
        let mut family = encoder.encode_descriptor("memory_pool_refusals", help, None, MetricType::Counter)?;
        for (name, pool) in pools {
            ConstCounter::new(pool.refused()).encode(family.encode_family(&[("pool", name)])?)?;
        }
        Ok(())
    }
}

fn lower(setting: &mut ByteSize, share: ByteSize) {
    setting.0 = setting.0.min(share.0);
}

/// Half of what the machine, or the control group that the process is confined to, has.
fn default_limit() -> ByteSize {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_of(&text));
    let group =
        fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| group_limit(&text, Path::new("/sys/fs/cgroup")));
    let available = [machine, group].into_iter().flatten().min();
    available.map_or(LIMIT_UNKNOWN, |bytes| ByteSize((bytes / 2).max(LIMIT_MIN.0)))
}

/// `MemTotal` of `/proc/meminfo`, in bytes.
fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The smallest limit of the process's control group and those above it: `memory.max` of version 2, or
/// `memory.limit_in_bytes` of version 1. `groups` is `/proc/self/cgroup`, lines of `id:controllers:path`.
fn group_limit(groups: &str, root: &Path) -> Option<u64> {
    let mut smallest = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (base, file) = match controllers {
            "" => (root.to_path_buf(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => continue,
        };
        let group = base.join(path.trim_start_matches('/'));
        // In a container the path may name a place that only the host sees: then its root is the container's own group.
        for directory in group.ancestors().take_while(|directory| directory.starts_with(&base)) {
            let limit = fs::read_to_string(directory.join(file)).ok().and_then(|text| text.trim().parse().ok());
            smallest = smallest.into_iter().chain(limit).min();
        }
    }
    smallest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fit_into_the_limit() {
        let all = 3 * share::MEMTABLE
            + share::LOG_CACHE
            + share::METRIC_HEAD
            + share::PAGES
            + share::METRIC_INDEX_CACHE
            + share::METRIC_PAGE_CACHE
            + share::QUERIES
            + share::BODIES
            + 2 * share::PIPELINE_QUEUE
            + share::DATAGRAMS
            + share::REASSEMBLY
            + share::TCP_FRAMES
            + share::TCP_CONNECTIONS;
        assert!(all <= 940, "{all} thousandths are given away");
    }

    #[test]
    fn a_small_limit_lowers_settings_and_a_large_one_raises_none() {
        let mut small = Config::parse("memory_limit: 256MiB").unwrap();
        let plan = MemoryPlan::divide(&mut small);
        assert!(small.logs.store.memtable_bytes_max < ByteSize::from_mib(16));
        assert!(small.logs.gelf.http.body_max.0 * 2 <= plan.bodies.limit());
        assert!(plan.pipeline().queue_bytes_max < ByteSize::from_mib(11));
        let mut large = Config::parse("memory_limit: 64GiB").unwrap();
        MemoryPlan::divide(&mut large);
        assert_eq!(large.logs, Config::default().logs);
    }

    #[test]
    fn the_machine_and_its_groups_say_what_there_is() {
        assert_eq!(total_of("MemTotal:       24689000 kB\nMemFree: 1 kB\n"), Some(24_689_000 * 1024));
        assert_eq!(total_of("nothing"), None);
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("a/b");
        fs::create_dir_all(&group).unwrap();
        fs::write(group.join("memory.max"), "max\n").unwrap();
        fs::write(root.path().join("a/memory.max"), "1000\n").unwrap();
        assert_eq!(group_limit("0::/a/b\n", root.path()), Some(1000));
        assert_eq!(group_limit("0::/elsewhere\n", root.path()), None);
        fs::create_dir_all(root.path().join("memory/c")).unwrap();
        fs::write(root.path().join("memory/c/memory.limit_in_bytes"), "500\n").unwrap();
        assert_eq!(group_limit("3:cpu,memory:/c\n0::/a/b\n", root.path()), Some(500));
        assert_eq!(group_limit("nonsense", root.path()), None);
    }
}
