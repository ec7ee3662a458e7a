//! Data directories that no server uses: checked, backed up, restored.

use crate::backup::{self, Sources};
use crate::cli::{BackupArgs, CheckDataArgs, RestoreArgs};
use crate::client;
use anyhow::{Context, bail, ensure};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use watchfire_catalog::Catalog;
use watchfire_logstore::{LogStore, LogStoreOptions};
use watchfire_model::ByteSize;
use watchfire_store::{Clock, DirStorage, Storage, SystemClock};
use watchfire_tsdb::{Tsdb, TsdbOptions};

/// Bytes between two looks at whether all is read.
const SCRUB_BYTES: u64 = 1 << 30;

/// `watchfire check data`: fails when anything is damaged and not repaired.
pub(crate) fn check(args: &CheckDataArgs) -> anyhow::Result<()> {
    ensure!(args.directory.join("FORMAT").exists(), "{} is no data directory", args.directory.display());
    let stores = Stores::open(&args.directory)?;
    let mut damages = stores.scrub()?;
    if !damages.is_empty() && args.repair {
        stores.repair()?;
        damages = stores.scrub()?;
    }
    let lost = stores.lost();
    let mut out = std::io::stdout().lock();
    for damage in &damages {
        writeln!(out, "damaged: {damage}")?;
    }
    for lost in &lost {
        writeln!(out, "lost: {lost}")?;
    }
    writeln!(out, "{} read in {}", ByteSize(stores.bytes()).rounded(), args.directory.display())?;
    if damages.is_empty() {
        return Ok(writeln!(out, "everything is as it was written")?);
    }
    let cure = if args.repair { "what is left cannot be repaired" } else { "`--repair` saves what can be saved" };
    bail!("{} parts are damaged: {cure}", damages.len())
}

/// `watchfire backup`: of a running server, or of a directory that no server uses.
pub(crate) fn back_up(args: &BackupArgs) -> anyhow::Result<()> {
    let (Some(data), Some(to)) = (&args.data_dir, &args.to) else {
        return crate::client_runtime()?.block_on(client::backup(&args.server));
    };
    let stores = Stores::open(data)?;
    let name = to.file_name().and_then(|name| name.to_str()).filter(|name| backup::is_name(name));
    let name = name.with_context(|| format!("{} cannot be a backup's name", to.display()))?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let now = SystemClock.now().to_ms().0;
    let Stores { logs, tsdb, catalog } = &stores;
    let backup = backup::create(Sources { directory: data, logs, tsdb, catalog }, parent, name, now)?;
    let size = ByteSize(backup.bytes).rounded();
    Ok(writeln!(std::io::stdout(), "{}: {} objects, {size}", to.display(), backup.objects)?)
}

/// `watchfire restore`.
pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let backup = backup::restore(&args.backup, &args.data_dir)?;
    let stores = Stores::open(&args.data_dir).context("the restored directory does not open")?;
    let damages = stores.scrub()?;
    ensure!(damages.is_empty(), "the backup is damaged: {}", damages.join("; "));
    let size = ByteSize(backup.bytes).rounded();
    Ok(writeln!(
        std::io::stdout(),
        "{}: {} objects, {size}, every byte as it was written",
        args.data_dir.display(),
        backup.objects
    )?)
}

/// Both stores and the catalog of a directory, opened for as long as the command runs.
struct Stores {
    logs: LogStore,
    tsdb: Tsdb,
    catalog: Catalog,
}

impl Stores {
    /// Opens them and waits until all that the write-ahead logs hold is there.
    fn open(directory: &Path) -> anyhow::Result<Stores> {
        let storage: Arc<dyn Storage> =
            Arc::new(DirStorage::open(directory).context("cannot open the data directory")?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let tsdb = Tsdb::open(Arc::clone(&storage), Arc::clone(&clock), TsdbOptions::default())
            .context("cannot open the metric store")?;
        let catalog = Catalog::open(Arc::clone(&storage), Arc::clone(&clock)).context("cannot open the catalog")?;
        let options = LogStoreOptions { compact_in_background: false, ..LogStoreOptions::default() };
        let logs = LogStore::open(storage, clock, options).context("cannot open the log store")?;
        logs.wait_ready().context("the log store's write-ahead log cannot be read")?;
        tsdb.wait_ready().context("the metric store's write-ahead log cannot be read")?;
        Ok(Stores { logs, tsdb, catalog })
    }

    /// Reads everything; a line for each part that is damaged.
    fn scrub(&self) -> anyhow::Result<Vec<String>> {
        while !self.logs.scrub(SCRUB_BYTES).is_round_over {}
        while !self.tsdb.scrub(SCRUB_BYTES)?.round_complete {}
        let logs = self.logs.status().damaged.into_iter();
        let logs = logs.map(|block| format!("{} ({} records): {}", block.key, block.rows, block.what));
        let metrics = self.tsdb.status().damage.into_iter();
        let metrics = metrics.map(|block| format!("{} ({} samples): {}", block.key, block.samples, block.reason));
        let documents = self.catalog.scrub()?.damaged.into_iter();
        let documents = documents.map(|object| format!("{}: {}", object.key, object.what));
        Ok(logs.chain(metrics).chain(documents).collect())
    }

    fn repair(&self) -> anyhow::Result<()> {
        let logs = self.logs.repair().context("the log store cannot be repaired")?;
        let metrics = self.tsdb.repair().context("the metric store cannot be repaired")?;
        let rebuilt = logs.rebuilt_blocks + metrics.rebuilt.len() as u64;
        let salvaged = logs.salvaged_blocks + metrics.salvaged.len() as u64;
        writeln!(std::io::stdout(), "repaired: {rebuilt} blocks whole, {salvaged} as far as they could be read")?;
        Ok(())
    }

    /// A line for everything that damage has cost for good.
    fn lost(&self) -> Vec<String> {
        let logs = self.logs.status().lost.into_iter();
        let logs =
            logs.map(|lost| format!("{} records of stream {} in {}: {}", lost.rows, lost.stream, lost.key, lost.what));
        let metrics = self.tsdb.status().lost.into_iter();
        let metrics = metrics.map(|lost| {
            format!("{} samples of {} series in {}: {}", lost.samples, lost.series, lost.block, lost.reason)
        });
        logs.chain(metrics).collect()
    }

    /// Bytes in blocks.
    fn bytes(&self) -> u64 {
        let metrics: u64 = self.tsdb.status().blocks.iter().map(|block| block.bytes).sum();
        self.logs.status().block_bytes + metrics
    }
}
