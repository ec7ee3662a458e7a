//! What the process takes of the machine, under the names that every Prometheus client library uses.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::{fmt, fs};

/// Reads `/proc/self` when `/metrics` is asked.
#[derive(Debug)]
pub(crate) struct Process;

/// One reading. What the kernel does not tell stays out.
#[derive(Debug, Default, PartialEq)]
struct Reading {
    cpu_seconds: Option<f64>,
    resident_bytes: Option<u64>,
    open_fds: Option<u64>,
    start_seconds: Option<f64>,
}

/// Bytes of memory that the process has now, as the kernel counts them; 0 where it does not tell.
pub(crate) fn resident_bytes() -> u64 {
    fs::read_to_string("/proc/self/statm").ok().and_then(|text| resident(&text)).unwrap_or(0)
}

impl Reading {
    fn now() -> Reading {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_seconds(&text));
        let times = times(&stat);
        Reading {
            cpu_seconds: times.map(|(cpu, _)| cpu as f64 / ticks),
            resident_bytes: fs::read_to_string("/proc/self/statm").ok().and_then(|text| resident(&text)),
            open_fds: fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as u64),
            start_seconds: times.zip(boot).map(|((_, start), boot)| boot + start as f64 / ticks),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Reading { cpu_seconds, resident_bytes, open_fds, start_seconds } = Reading::now();
        if let Some(seconds) = cpu_seconds {
            let counter = ConstCounter::new(seconds);
            let help = "Total user and system CPU time spent in seconds";
            counter.encode(encoder.encode_descriptor(
                "process_cpu",
                help,
                Some(&Unit::Seconds),
                counter.metric_type(),
            )?)?;
        }
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: Option<f64>| {
            let Some(value) = value else { return Ok(()) };
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
        };
        let bytes = resident_bytes.map(|bytes| bytes as f64);
        gauge("process_resident_memory", "Resident memory size in bytes", Some(&Unit::Bytes), bytes)?;
        gauge("process_open_fds", "Number of open file descriptors", None, open_fds.map(|fds| fds as f64))?;
        let help = "Start time of the process since unix epoch in seconds";
        gauge("process_start_time", help, Some(&Unit::Seconds), start_seconds)
    }
}

/// CPU time and start, in clock ticks: fields 14, 15 and 22 of `/proc/<pid>/stat`, counted behind the name in brackets.
fn times(stat: &str) -> Option<(u64, u64)> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let start = fields.nth(6)?.parse().ok()?;
    Some((user + system, start))
}

fn resident(statm: &str) -> Option<u64> {
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn boot_seconds(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_lines_are_read() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 777 1000 20";
        assert_eq!(times(stat), Some((300, 777)));
        assert_eq!(times("42 (x"), None);
        assert_eq!(boot_seconds("cpu 1\nbtime 1700000000\n"), Some(1.7e9));
        assert_eq!(resident("100 7 3"), Some(7 * rustix::param::page_size() as u64));
    }

    #[test]
    fn this_process_has_memory_files_and_a_start() {
        let Reading { cpu_seconds, resident_bytes, open_fds, start_seconds } = Reading::now();
        assert!(cpu_seconds.is_some() && start_seconds > Some(1.7e9));
        assert!(resident_bytes > Some(1 << 20) && open_fds > Some(2));
    }
}
