//! Both stores and the catalog, their directory and their clock.

use crate::backup::{self, Backup};
use crate::config::Config;
use crate::memory::MemoryPlan;
use crate::scrubbing::Progress;
use anyhow::Context;
use std::path::PathBuf;
use std::sync::Arc;
use watchfire_api::{BackupStatus, Disk, Resources};
use watchfire_catalog::Catalog;
use watchfire_logstore::LogStore;
use watchfire_model::TimeNs;
use watchfire_store::{Clock, DirStorage, SpaceOptions, Storage, SystemClock};
use watchfire_tsdb::{Tsdb, TsdbOptions};

#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) directory: Arc<DirStorage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) logs: Arc<LogStore>,
    pub(crate) tsdb: Arc<Tsdb>,
    pub(crate) catalog: Arc<Catalog>,
}

impl Stores {
    /// Opens them; what their write-ahead logs hold follows in the background.
    pub(crate) fn open(config: &Config, memory: &MemoryPlan) -> anyhow::Result<Stores> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let space = SpaceOptions { used_max_percent: config.storage.used_max_percent, ..SpaceOptions::default() };
        let directory = DirStorage::open_with(&config.storage.directory, space);
        let directory = Arc::new(directory.context("cannot open the data directory")?);
        let storage: Arc<dyn Storage> = Arc::clone(&directory) as Arc<dyn Storage>;
        let catalog = Catalog::open(Arc::clone(&storage), Arc::clone(&clock)).context("cannot open the catalog")?;
        let defaults = TsdbOptions::default();
        let options = TsdbOptions {
            retention: config.metrics.retention,
            bytes_max: config.metrics.bytes_max,
            retention_rules: config.metrics.retention_rules(),
            series_max: config.metrics.series_max,
            exemplars_max: config.storage.exemplars.max_exemplars,
            head_bytes_max: memory.metric_head,
            page_cache: memory.metric_page_cache.min(defaults.page_cache),
            index_cache: memory.metric_index_cache.min(defaults.index_cache),
            ..defaults
        };
        let tsdb =
            Tsdb::open(Arc::clone(&storage), Arc::clone(&clock), options).context("cannot open the metric store")?;
        let logs = LogStore::open(storage, Arc::clone(&clock), config.logs.store_options())
            .context("cannot open the log store")?;
        Ok(Stores { directory, clock, logs: Arc::new(logs), tsdb: Arc::new(tsdb), catalog: Arc::new(catalog) })
    }

    pub(crate) fn now(&self) -> Arc<dyn Fn() -> TimeNs + Send + Sync> {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || clock.now())
    }

    /// What the API shows of the machine.
    pub(crate) fn resources(
        &self,
        memory: &Arc<MemoryPlan>,
        scrubbed: Arc<Progress>,
        backups: PathBuf,
    ) -> Arc<dyn Fn() -> Resources + Send + Sync> {
        let (directory, memory) = (Arc::clone(&self.directory), Arc::clone(memory));
        Arc::new(move || Resources {
            disk: disk(&directory),
            memory: memory.status(),
            backups: backup::list(&backups).into_iter().map(backup_status).collect(),
            log_scrub: scrubbed.logs(),
            metric_scrub: scrubbed.metrics(),
        })
    }
}

/// Zeros where the medium does not tell; the notices say so then.
fn disk(directory: &DirStorage) -> Disk {
    directory.space_status().map_or_else(
        |_| Disk::default(),
        |space| Disk {
            total: space.total,
            available: space.available,
            has_room: space.has_room,
            reserve: space.reserve_bytes,
            free_min: space.free_min,
        },
    )
}

fn backup_status(backup: Backup) -> BackupStatus {
    let Backup { name, created, bytes, objects, logs_manifest, metrics_manifest, catalog_manifest, .. } = backup;
    BackupStatus { name, created, bytes, objects, logs_manifest, metrics_manifest, catalog_manifest }
}
