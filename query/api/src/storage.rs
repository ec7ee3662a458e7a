//! `/api/watchfire/v1/storage`: disk, memory, and what the stores hold, miss and have lost.

use crate::Api;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use std::sync::Arc;
use watchfire_logstore::{LogStoreStatus, RetireReason, Retiring};
use watchfire_model::{TimeNs, Timestamp};
use watchfire_tsdb::{DamagedBlock, LostSamples, TsdbStatus};

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/watchfire/v1/storage", get(storage))
        .route("/api/watchfire/v1/storage/retention", get(retention))
}

/// What only the binary knows: the machine that it runs on, and its backups.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Resources {
    pub disk: Disk,
    pub memory: Memory,
    /// Oldest first.
    pub backups: Vec<BackupStatus>,
    pub log_scrub: Scrub,
    pub metric_scrub: Scrub,
}

/// The medium that the data lies on, in bytes.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Disk {
    pub total: u64,
    pub available: u64,
    /// Whether data is taken in.
    pub has_room: bool,
    /// Below this much of `available` data is refused.
    pub free_min: u64,
    /// Kept back for work that makes room.
    pub reserve: u64,
}

/// In bytes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Memory {
    /// `memory_limit`.
    pub limit: u64,
    /// What the process has, as the kernel counts it.
    pub resident: u64,
    pub pools: Vec<PoolStatus>,
}

/// Memory that several share, in bytes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PoolStatus {
    pub name: &'static str,
    pub limit: u64,
    pub used: u64,
    pub peak: u64,
    /// How often somebody was refused.
    pub refusals: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct BackupStatus {
    pub name: String,
    /// Unix milliseconds.
    pub created: i64,
    pub bytes: u64,
    pub objects: usize,
    /// The transactions of the stores that it holds.
    pub logs_manifest: u64,
    pub metrics_manifest: u64,
    pub catalog_manifest: u64,
}

/// How far the reading of everything is.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Scrub {
    /// Of this round.
    pub checked_bytes: u64,
    pub total_bytes: u64,
    /// When the last round ended, Unix milliseconds.
    pub last_completed: Option<i64>,
}

#[derive(Debug, Serialize)]
struct StorageBody {
    disk: Disk,
    memory: Memory,
    logs: LogsBody,
    metrics: MetricsBody,
    backups: Vec<BackupStatus>,
}

#[derive(Debug, Serialize)]
struct LogsBody {
    records: u64,
    #[serde(flatten)]
    store: StoreBody,
}

#[derive(Debug, Serialize)]
struct MetricsBody {
    /// Active ones.
    series: u64,
    samples: u64,
    #[serde(flatten)]
    store: StoreBody,
}

/// What both stores have, sizes in bytes and times in Unix milliseconds.
#[derive(Debug, Serialize)]
struct StoreBody {
    blocks: u64,
    bytes: u64,
    wal_bytes: u64,
    memory: u64,
    oldest: Option<i64>,
    newest: Option<i64>,
    replay: Option<ReplayBody>,
    damaged: Vec<DamageBody>,
    lost: Vec<DamageBody>,
    scrub: Scrub,
}

#[derive(Debug, Serialize)]
struct ReplayBody {
    bytes_done: u64,
    bytes_total: u64,
}

#[derive(Debug, Serialize)]
struct DamageBody {
    block: String,
    what: String,
    /// Records or samples.
    rows: u64,
    start: i64,
    end: i64,
}

/// What retention would delete of the logs now.
#[derive(Debug, Serialize)]
struct RetentionBody {
    records: u64,
    bytes: u64,
    blocks: Vec<RetiringBody>,
}

#[derive(Debug, Serialize)]
struct RetiringBody {
    block: String,
    /// Several joined by commas.
    stream: String,
    records: u64,
    bytes: u64,
    /// Earliest and latest event time, Unix milliseconds.
    start: i64,
    end: i64,
    /// Why, in words.
    reason: String,
}

impl From<Retiring> for RetiringBody {
    fn from(block: Retiring) -> RetiringBody {
        let reason = match block.reason {
            RetireReason::Age { retention } => format!("all of it is older than {retention}"),
            RetireReason::StreamBytes { bytes_max } => format!("its stream takes more than {bytes_max}"),
            RetireReason::Bytes { bytes_max } => format!("all logs take more than {bytes_max}"),
        };
        RetiringBody {
            block: block.key,
            stream: block.stream.to_string(),
            records: block.rows,
            bytes: block.bytes,
            start: block.times.0.to_ms().0,
            end: block.times.1.to_ms().0,
            reason,
        }
    }
}

impl ReplayBody {
    fn new(bytes_done: u64, bytes_total: u64) -> ReplayBody {
        ReplayBody { bytes_done, bytes_total }
    }
}

/// `GET /api/watchfire/v1/storage/retention`: a preview; the deletion itself follows within seconds.
async fn retention(State(api): State<Arc<Api>>) -> Json<RetentionBody> {
    let blocks: Vec<RetiringBody> = api.logs.retention_preview().into_iter().map(RetiringBody::from).collect();
    let (records, bytes) =
        blocks.iter().fold((0, 0), |(records, bytes), block| (records + block.records, bytes + block.bytes));
    Json(RetentionBody { records, bytes, blocks })
}

async fn storage(State(api): State<Arc<Api>>) -> Json<StorageBody> {
    let Resources { disk, memory, backups, log_scrub, metric_scrub } = (api.resources)();
    let (logs, metrics) = (api.logs.status(), api.tsdb.status());
    let body = StorageBody {
        disk,
        memory,
        logs: LogsBody { records: logs.records, store: of_logs(logs, log_scrub) },
        metrics: MetricsBody {
            series: metrics.series,
            samples: metrics.head_samples + metrics.blocks.iter().map(|block| block.samples).sum::<u64>(),
            store: of_metrics(metrics, metric_scrub),
        },
        backups,
    };
    Json(body)
}

fn of_logs(status: LogStoreStatus, scrub: Scrub) -> StoreBody {
    let ms = |time: TimeNs| time.to_ms().0;
    let damage = |block, what, rows, (start, end): (TimeNs, TimeNs)| DamageBody {
        block,
        what,
        rows,
        start: ms(start),
        end: ms(end),
    };
    StoreBody {
        blocks: status.blocks,
        bytes: status.block_bytes,
        wal_bytes: status.wal_bytes,
        memory: status.memory.total(),
        oldest: status.times.map(|(oldest, _)| ms(oldest)),
        newest: status.times.map(|(_, newest)| ms(newest)),
        replay: status.replay.map(|replay| ReplayBody::new(replay.bytes_done, replay.bytes_total)),
        damaged: status.damaged.into_iter().map(|one| damage(one.key, one.what, one.rows, one.times)).collect(),
        lost: status.lost.into_iter().map(|one| damage(one.key, one.what, one.rows, one.times)).collect(),
        scrub,
    }
}

fn of_metrics(status: TsdbStatus, scrub: Scrub) -> StoreBody {
    let damage = |block, what, rows, (start, end): (Timestamp, Timestamp)| DamageBody {
        block,
        what,
        rows,
        start: start.0,
        end: end.0,
    };
    let of_damaged = |one: DamagedBlock| damage(one.key, one.reason, one.samples, (one.min_time, one.max_time));
    let of_lost = |one: LostSamples| damage(one.block, one.reason, one.samples, (one.min_time, one.max_time));
    StoreBody {
        blocks: status.blocks.len() as u64,
        bytes: status.blocks.iter().map(|block| block.bytes).sum(),
        wal_bytes: status.wal_bytes,
        memory: status.head_bytes,
        oldest: status.min_time.map(|time| time.0),
        newest: status.max_time.map(|time| time.0),
        replay: status.replay.map(|replay| ReplayBody::new(replay.bytes_done, replay.bytes_total)),
        damaged: status.damage.into_iter().map(of_damaged).collect(),
        lost: status.lost.into_iter().map(of_lost).collect(),
        scrub,
    }
}
