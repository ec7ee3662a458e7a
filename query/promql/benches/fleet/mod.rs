//! Series in memory, of the shape that the shared generator sends: hosts with gauges and counters per CPU, disk and
//! container, applications with request counters and histograms.

use std::sync::Arc;
use watchfire_model::{Labels, Matcher, QueryBudget, Samples, SelectError, SeriesReader, SeriesSource, TimeRange};

/// Unix milliseconds of the first sample.
pub(crate) const START: i64 = 1_700_000_000_000;
/// Of the last one.
pub(crate) const END: i64 = START + 24 * 3600 * 1000;
const STEP_MS: i64 = 15_000;
const TARGETS: usize = 5;
const SERIES_PER_TARGET: usize = 1000;

pub(crate) struct Fleet {
    /// Sorted by labels.
    series: Vec<Arc<One>>,
}

struct One {
    labels: Labels,
    samples: Samples,
}

/// How a series moves.
#[derive(Clone, Copy)]
enum Kind {
    Const,
    Counter,
    Gauge,
}

impl Fleet {
    pub(crate) fn new() -> Fleet {
        let mut series = Vec::new();
        for target in 0..TARGETS {
            let mut made = if target % 2 == 0 { host(target) } else { application(target) };
            made.truncate(SERIES_PER_TARGET);
            for (index, (labels, kind)) in made.into_iter().enumerate() {
                series.push(Arc::new(One {
                    labels,
                    samples: samples(kind, (target * SERIES_PER_TARGET + index) as u64),
                }));
            }
        }
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Fleet { series }
    }
}

fn samples(kind: Kind, seed: u64) -> Samples {
    let mut random = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut value = (seed % 1000) as f64;
    let mut samples = Samples::default();
    for tick in 0..=(END - START) / STEP_MS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let unit = (random >> 11) as f64 / (1_u64 << 53) as f64;
        value = match kind {
            Kind::Const => value,
            // An application restarts now and then.
            Kind::Counter if tick % 2880 == 2000 => 0.0,
            Kind::Counter => value + (unit * 40.0).floor(),
            Kind::Gauge => (value + (unit - 0.5) * 10.0).abs(),
        };
        samples.push(START + tick * STEP_MS, value);
    }
    samples
}

type Made = Vec<(Labels, Kind)>;

fn labels(target: usize, job: &str, pairs: &[(&str, &str)]) -> Labels {
    let instance = format!("host-{target:05}:9100");
    let mut builder = Labels::from_pairs(pairs.iter().copied()).to_builder();
    builder.set("job", job).set("instance", instance);
    builder.build()
}

fn host(target: usize) -> Made {
    let mut made = Made::new();
    let mut add = |pairs: &[(&str, &str)], kind| made.push((labels(target, "node", pairs), kind));
    for name in
        ["node_load1", "node_load5", "node_load15", "node_memory_MemAvailable_bytes", "node_memory_MemFree_bytes"]
    {
        add(&[("__name__", name)], Kind::Gauge);
    }
    add(&[("__name__", "node_context_switches_total")], Kind::Counter);
    for cpu in 0..31 {
        for mode in ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"] {
            add(&[("__name__", "node_cpu_seconds_total"), ("cpu", &cpu.to_string()), ("mode", mode)], Kind::Counter);
        }
    }
    for disk in 0..8 {
        let device = format!("sd{disk}");
        for name in
            ["node_disk_reads_completed_total", "node_disk_written_bytes_total", "node_disk_io_time_seconds_total"]
        {
            add(&[("__name__", name), ("device", &device)], Kind::Counter);
        }
        let mount = format!("/data/{disk}");
        add(&[("__name__", "node_filesystem_avail_bytes"), ("device", &device), ("mountpoint", &mount)], Kind::Gauge);
        add(&[("__name__", "node_filesystem_size_bytes"), ("device", &device), ("mountpoint", &mount)], Kind::Const);
    }
    for card in 0..6 {
        let device = if card == 0 { "eth0".to_owned() } else { format!("veth{card:04}") };
        for name in ["node_network_receive_bytes_total", "node_network_transmit_bytes_total"] {
            add(&[("__name__", name), ("device", &device)], Kind::Counter);
        }
    }
    for container in 0..SERIES_PER_TARGET {
        let (pod, namespace) = (format!("svc-{}-{container:08x}", container % 11), format!("ns-{}", container % 7));
        for (name, kind) in [
            ("container_cpu_usage_seconds_total", Kind::Counter),
            ("container_memory_working_set_bytes", Kind::Gauge),
            ("container_network_receive_bytes_total", Kind::Counter),
            ("kube_pod_container_status_restarts_total", Kind::Const),
        ] {
            add(&[("__name__", name), ("namespace", &namespace), ("pod", &pod)], kind);
        }
    }
    made
}

/// Upper bounds of the histograms' buckets.
const BOUNDS: [&str; 13] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "+Inf"];

fn application(target: usize) -> Made {
    let mut made = Made::new();
    let mut add = |pairs: &[(&str, &str)], kind| made.push((labels(target, "app", pairs), kind));
    add(&[("__name__", "app_build_info"), ("version", "1.2.0")], Kind::Const);
    for queue in ["mail", "billing", "index", "thumb"] {
        add(&[("__name__", "app_queue_depth"), ("queue", queue)], Kind::Gauge);
        add(&[("__name__", "app_queue_oldest_age_seconds"), ("queue", queue)], Kind::Gauge);
    }
    for path in 0..SERIES_PER_TARGET / 40 {
        let handler = format!("/api/v1/users/{path}");
        for method in ["GET", "POST"] {
            for code in ["200", "404", "400", "500"] {
                let name = ("__name__", "http_requests_total");
                add(&[name, ("code", code), ("handler", &handler), ("method", method)], Kind::Counter);
            }
            for bound in BOUNDS {
                let name = ("__name__", "http_request_duration_seconds_bucket");
                add(&[name, ("le", bound), ("handler", &handler), ("method", method)], Kind::Counter);
            }
        }
    }
    made
}

struct Reader(Arc<One>);

impl SeriesReader for Reader {
    fn labels(&self) -> &Labels {
        &self.0.labels
    }

    fn read(&self, range: TimeRange, budget: &QueryBudget, into: &mut Samples) -> Result<(), SelectError> {
        let samples = &self.0.samples;
        let from = samples.times.partition_point(|time| *time < range.start.0);
        let to = samples.times.partition_point(|time| *time <= range.end.0);
        into.extend_from(samples, from..to.max(from));
        Ok(budget.take_samples((to - from) as u64)?)
    }
}

impl SeriesSource for Fleet {
    fn select(
        &self,
        matchers: &[Matcher],
        _: TimeRange,
        _: &QueryBudget,
    ) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        let found = self.series.iter().filter(|one| matchers.iter().all(|matcher| matcher.matches_labels(&one.labels)));
        Ok(found.map(|one| Box::new(Reader(Arc::clone(one))) as Box<dyn SeriesReader>).collect())
    }
}
