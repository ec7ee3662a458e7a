//! `/api/v1/status/*`: what this server is and how it is doing.

use super::envelope::Success;
use crate::Api;
use crate::error::PromError;
use crate::params::{ParamError, Params};
use crate::time_text::rfc3339_ns;
use axum::extract::State;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use watchfire_model::{QueryBudget, SelectError, SeriesSource, TimeRange, Timestamp};

/// Prometheus' `PrometheusVersion`. No `features`: with any in it Grafana takes us for Mimir.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuildInfo {
    version: &'static str,
    revision: &'static str,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

/// Prometheus' `RuntimeInfo`; what only a Go program has is 0 or empty.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuntimeInfo {
    start_time: String,
    #[serde(rename = "CWD")]
    working_directory: String,
    hostname: String,
    server_time: String,
    reload_config_success: bool,
    last_config_time: String,
    /// Blocks of samples that are damaged.
    corruption_count: usize,
    goroutine_count: usize,
    #[serde(rename = "GOMAXPROCS")]
    cores: usize,
    #[serde(rename = "GOMEMLIMIT")]
    memory_limit: u64,
    #[serde(rename = "GOGC")]
    collector: &'static str,
    #[serde(rename = "GODEBUG")]
    debug: &'static str,
    storage_retention: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Config {
    yaml: String,
}

/// Prometheus' `TSDBStatus`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tsdb {
    head_stats: HeadStats,
    series_count_by_metric_name: Vec<Count>,
    label_value_count_by_label_name: Vec<Count>,
    memory_in_bytes_by_label_name: Vec<Count>,
    series_count_by_label_value_pair: Vec<Count>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadStats {
    num_series: u64,
    num_label_pairs: u64,
    /// Our head has no chunks: samples by 120, as many as a chunk of Prometheus holds.
    chunk_count: u64,
    min_time: i64,
    max_time: i64,
}

#[derive(Debug, Serialize)]
struct Count {
    name: String,
    value: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Blocks {
    blocks: Vec<Block>,
}

/// A block's `meta.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    ulid: String,
    min_time: i64,
    /// Exclusive, as there.
    max_time: i64,
    stats: BlockStats,
    compaction: Compaction,
    version: u8,
}

#[derive(Debug, Serialize)]
struct BlockStats {
    #[serde(rename = "numSamples")]
    samples: u64,
    #[serde(rename = "numSeries")]
    series: u64,
    #[serde(rename = "numChunks")]
    chunks: u64,
    /// On disk; ours.
    #[serde(rename = "numBytes")]
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Compaction {
    level: u8,
    sources: [String; 1],
}

/// How far the write-ahead log is read, in our bytes instead of segments.
#[derive(Debug, Serialize)]
pub(super) struct WalReplay {
    min: u64,
    max: u64,
    current: u64,
}

/// The Prometheus release whose API we answer like: clients choose what they ask by it.
const PROMETHEUS_VERSION: &str = "3.14.0";
/// Entries of each list of `status/tsdb` where the request does not say.
const TOP: usize = 10;
/// The most that a request may ask for.
const TOP_MAX: usize = 10_000;
/// Samples in a chunk of Prometheus' head.
const CHUNK_SAMPLES: u64 = 120;

/// `GET /api/v1/status/buildinfo`. Our own version is in `revision`.
pub(super) async fn build_info(State(api): State<Arc<Api>>) -> Success<BuildInfo> {
    Success::new(BuildInfo {
        version: PROMETHEUS_VERSION,
        revision: api.version,
        branch: "watchfire",
        build_user: "",
        build_date: "",
        go_version: "",
    })
}

/// `GET /api/v1/status/runtimeinfo`.
pub(super) async fn runtime_info(State(api): State<Arc<Api>>) -> Success<RuntimeInfo> {
    let facts = api.host.runtime();
    Success::new(RuntimeInfo {
        start_time: rfc3339_ns(api.started),
        working_directory: facts.working_directory,
        hostname: facts.host_name,
        server_time: rfc3339_ns(api.clock.now()),
        reload_config_success: facts.reload_succeeded,
        last_config_time: rfc3339_ns(facts.last_reload.to_ns()),
        corruption_count: api.tsdb.status().damage.len(),
        goroutine_count: 0,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_limit: facts.memory_limit,
        collector: "",
        debug: "",
        storage_retention: facts.retention,
    })
}

/// `GET /api/v1/status/config`: the configuration in force, secrets hidden.
pub(super) async fn config(State(api): State<Arc<Api>>) -> Success<Config> {
    Success::new(Config { yaml: api.host.config() })
}

/// `GET /api/v1/status/flags`.
pub(super) async fn flags(State(api): State<Arc<Api>>) -> Success<BTreeMap<&'static str, String>> {
    Success::new(api.host.flags())
}

/// `GET /api/v1/status/tsdb?limit=`: what the series in memory come from.
pub(super) async fn tsdb(State(asked): State<Arc<Api>>, params: Params) -> Result<Success<Tsdb>, PromError> {
    let limit = params.get("limit").map(|text| match text.parse::<usize>() {
        Ok(limit) if limit > TOP_MAX => Err(ParamError::Other(format!("limit must not exceed {TOP_MAX}"))),
        Ok(limit) if limit > 0 => Ok(limit),
        _ => Err(ParamError::Other("limit must be a positive number".to_owned())),
    });
    let limit = limit.transpose()?.unwrap_or(TOP);
    let api = Arc::clone(&asked);
    let work = move |budget: &QueryBudget| {
        let (status, cardinality) = (api.tsdb.status(), api.tsdb.cardinality(limit));
        let or_zero = |time: Option<Timestamp>| time.map_or(0, |time| time.0);
        Ok::<_, SelectError>(Tsdb {
            head_stats: HeadStats {
                num_series: status.series,
                num_label_pairs: cardinality.label_pairs,
                chunk_count: status.head_samples.div_ceil(CHUNK_SAMPLES),
                min_time: or_zero(status.head_min_time),
                max_time: or_zero(status.head_max_time),
            },
            memory_in_bytes_by_label_name: bytes_by_label(&api, &cardinality.values_by_label, budget)?,
            series_count_by_metric_name: counts(cardinality.series_by_metric),
            label_value_count_by_label_name: counts(cardinality.values_by_label),
            series_count_by_label_value_pair: counts(cardinality.series_by_pair),
        })
    };
    Ok(Success::new(asked.workers.run(None, work).await??))
}

/// `GET /api/v1/status/tsdb/blocks`.
pub(super) async fn blocks(State(api): State<Arc<Api>>) -> Success<Blocks> {
    let blocks = api.tsdb.status().blocks.into_iter().map(|block| Block {
        compaction: Compaction { level: 1, sources: [block.key.clone()] },
        ulid: block.key,
        min_time: block.min_time.0,
        max_time: block.max_time.0.saturating_add(1),
        stats: BlockStats {
            samples: block.samples,
            series: block.series,
            chunks: block.samples.div_ceil(CHUNK_SAMPLES),
            bytes: block.bytes,
        },
        version: 1,
    });
    Success::new(Blocks { blocks: blocks.collect() })
}

/// `GET /api/v1/status/walreplay`.
pub(super) async fn wal_replay(State(api): State<Arc<Api>>) -> Success<WalReplay> {
    let (max, current) = api.tsdb.status().replay.map_or((0, 0), |replay| (replay.bytes_total, replay.bytes_done));
    Success::new(WalReplay { min: 0, max, current })
}

fn counts(pairs: Vec<(String, u64)>) -> Vec<Count> {
    pairs.into_iter().map(|(name, value)| Count { name, value }).collect()
}

/// What the values of these labels take, each of which the head keeps once; the largest first.
fn bytes_by_label(api: &Api, labels: &[(String, u64)], budget: &QueryBudget) -> Result<Vec<Count>, SelectError> {
    let mut counts = Vec::new();
    for (name, _) in labels {
        let values = api.tsdb.label_values(name, &[], TimeRange::ALL, budget)?;
        counts.push(Count { name: name.clone(), value: values.iter().map(|value| value.len() as u64).sum() });
    }
    counts.sort_by(|a, b| b.value.cmp(&a.value).then_with(|| a.name.cmp(&b.name)));
    Ok(counts)
}
