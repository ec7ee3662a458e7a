//! `watchfire serve`: builds every part, connects them, and takes them down in order.

use crate::cli::ServeArgs;
use crate::config::Config;
use crate::gelf_http::{self, GelfHttp};
use crate::inputs::Inputs;
use crate::memory::MemoryPlan;
use crate::process::Process;
use crate::reload::{LastReload, Loaded, Reloader};
use crate::status::Status;
use crate::{maintenance, page, telemetry};
use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::post;
use http::StatusCode;
use prometheus_client::registry::Registry;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use watchfire_alerting::Alerting;
use watchfire_api::{Api, HostGuard, Listening, PeerMetrics, QueryLimits, ServerLimits, TAILS_MAX, Workers};
use watchfire_logstore::LogStore;
use watchfire_model::{RecordSink, SeriesSource, TimeNs};
use watchfire_pipeline::Pipeline;
use watchfire_promql::{Engine, EngineOptions};
use watchfire_scrape::ScrapeManager;
use watchfire_store::{Clock, DirStorage, Storage, SystemClock};
use watchfire_tsdb::{Tsdb, TsdbOptions};

/// From the signal to stop until the process is gone.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs a server until it is told to stop.
pub(crate) fn serve(args: ServeArgs) -> anyhow::Result<()> {
    telemetry::start(&args)?;
    install_crypto();
    let loaded = Loaded::read(&args)?;
    refuse_open_http(&loaded.config)?;
    for warning in loaded.warnings() {
        warn!(%warning, "configuration");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(run(args, loaded));
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// Chooses the TLS library's cryptography; every client needs it before its first connection.
pub(crate) fn install_crypto() {
    // An error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Safe by default: without a login, HTTP is for loopback.
fn refuse_open_http(config: &Config) -> anyhow::Result<()> {
    let listen = config.http.listen;
    if listen.ip().is_loopback() || config.http.insecure {
        return Ok(());
    }
    anyhow::bail!(
        "HTTP on {listen} would be open to everybody, since there is no login yet: listen on 127.0.0.1 and put a proxy with \
         login and TLS before it, or say --http-insecure (`http.insecure: true`) where the network itself keeps others out"
    )
}

/// Both stores and their clock.
struct Stores {
    clock: Arc<dyn Clock>,
    logs: Arc<LogStore>,
    tsdb: Arc<Tsdb>,
}

impl Stores {
    fn open(config: &Config, memory: &MemoryPlan) -> anyhow::Result<Stores> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let directory = &config.storage.directory;
        let storage: Arc<dyn Storage> =
            Arc::new(DirStorage::open(directory).context("cannot open the data directory")?);
        let options = TsdbOptions {
            retention: config.metrics.retention,
            series_max: config.metrics.series_max,
            page_cache: memory.metric_page_cache.min(TsdbOptions::default().page_cache),
            index_cache: memory.metric_index_cache.min(TsdbOptions::default().index_cache),
            ..TsdbOptions::default()
        };
        let tsdb =
            Tsdb::open(Arc::clone(&storage), Arc::clone(&clock), options).context("cannot open the metric store")?;
        let logs = LogStore::open(storage, Arc::clone(&clock), config.logs.store.clone())
            .context("cannot open the log store")?;
        Ok(Stores { clock, logs: Arc::new(logs), tsdb: Arc::new(tsdb) })
    }

    fn now(&self) -> Arc<dyn Fn() -> TimeNs + Send + Sync> {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || clock.now())
    }
}

async fn run(args: ServeArgs, loaded: Loaded) -> anyhow::Result<()> {
    let mut config = loaded.config.clone();
    let memory = Arc::new(MemoryPlan::divide(&mut config));
    let config = config;
    let listener = listen(config.http.listen).await?;
    let http_address = listener.local_addr()?;
    let (opening, plan) = (config.clone(), Arc::clone(&memory));
    let stores = tokio::task::spawn_blocking(move || Stores::open(&opening, &plan)).await??;
    let stop = CancellationToken::new();

    let pipeline = Arc::new(Pipeline::start(Arc::clone(&stores.logs), &memory.pipeline())?);
    let sink = Arc::clone(&pipeline) as Arc<dyn RecordSink>;
    let inputs = Arc::new(Inputs::start(&config.logs.gelf, http_address, &sink, &stores.now())?);
    let scrape = Arc::new(ScrapeManager::new(Arc::clone(&stores.tsdb), stores.now(), scrape_seed()));
    scrape.apply(&config.global, &config.scrape_configs).await?;
    let engine = Arc::new(Engine::new(EngineOptions { lookback: config.metrics.lookback, ..EngineOptions::default() }));
    let series: Arc<dyn SeriesSource> = Arc::clone(&stores.tsdb) as Arc<dyn SeriesSource>;
    let alerting = Alerting::new(
        loaded.alerting(http_address, &memory),
        Arc::clone(&stores.tsdb),
        Arc::clone(&series),
        Arc::clone(&engine),
        stores.now(),
    )?;
    let alerting = Arc::new(alerting);
    let evaluation = tokio::spawn(Arc::clone(&alerting).run(stop.clone()));
    let housekeeping = maintenance::start(Arc::clone(&stores.logs), Arc::clone(&stores.tsdb), &stop);

    let last_reload = Arc::new(LastReload::default());
    let reloader = Arc::new(Reloader::new(
        args,
        &loaded,
        Arc::clone(&scrape),
        Arc::clone(&alerting),
        Arc::clone(&last_reload),
        http_address,
        Arc::clone(&memory),
    ));
    tokio::spawn(Arc::clone(&reloader).watch(stop.clone()));
    let status = Arc::new(Status {
        inputs: Arc::clone(&inputs),
        scrape: Arc::clone(&scrape),
        pipeline: Arc::clone(&pipeline),
        tsdb: Arc::clone(&stores.tsdb),
        last_reload,
        clock: Arc::clone(&stores.clock),
    });
    let listening = Listening {
        http: http_address.to_string(),
        gelf_udp: inputs.udp_address().map(|address| address.to_string()),
        gelf_tcp: inputs.tcp_address().map(|address| address.to_string()),
    };
    let limits = QueryLimits {
        concurrency: config.http.query_concurrency,
        timeout: config.http.query_timeout.as_duration(),
        samples_max: config.http.query_samples_max,
        memory_max: memory.query_max.0,
        ..QueryLimits::default()
    };
    let workers = Workers::new(limits, Arc::clone(&memory.queries));
    let mut registry = registry(&stores, &inputs, &pipeline, &scrape, &alerting, &memory);
    workers.register_metrics(registry.sub_registry_with_prefix("watchfire"));
    let peers = PeerMetrics::default();
    peers.register(registry.sub_registry_with_prefix("watchfire"));
    let api = Arc::new(Api {
        version: VERSION,
        started: stores.clock.now(),
        clock: Arc::clone(&stores.clock),
        logs: Arc::clone(&stores.logs),
        tsdb: Arc::clone(&stores.tsdb),
        series,
        engine,
        alerting,
        status,
        listening: listening.clone(),
        workers,
        tails: Arc::new(Semaphore::new(TAILS_MAX)),
        registry,
        stopping: stop.clone(),
    });
    let router = router(api, &config, &inputs, &sink, &stores, &reloader, &memory);
    announce(&listening)?;
    let limits =
        ServerLimits { connections_per_peer_max: config.http.connections_per_peer_max, ..ServerLimits::default() };
    watchfire_api::serve(listener, router, limits, peers, stopped(stop.clone(), reloader)).await;

    let background = housekeeping.into_iter().chain([evaluation]).collect();
    take_down(inputs, &scrape, background, pipeline, stores).await
}

/// From the outside in: what was taken is stored, what was stored is durable.
async fn take_down(
    inputs: Arc<Inputs>,
    scrape: &ScrapeManager,
    background: Vec<JoinHandle<()>>,
    pipeline: Arc<Pipeline>,
    stores: Stores,
) -> anyhow::Result<()> {
    let until = Instant::now() + STOP_TIMEOUT;
    let left = || until.saturating_duration_since(Instant::now());
    tokio::task::spawn_blocking(move || inputs.stop()).await?;
    if tokio::time::timeout(left(), scrape.shutdown()).await.is_err() {
        warn!("scrapes were still running at the end");
    }
    for task in background {
        if tokio::time::timeout(left(), task).await.is_err() {
            warn!("a background task was still running at the end");
        }
    }
    let lost = tokio::task::spawn_blocking(move || {
        let lost = pipeline.stop(until);
        stores.tsdb.commit().context("the last samples could not be made durable")?;
        anyhow::Ok(lost)
    })
    .await??;
    if lost > 0 {
        error!(records = lost, "records that waited could not be stored in time and are lost");
    }
    info!("stopped");
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("cannot listen on {address} (--http-listen, `http.listen`)"))
}

/// Two servers that scrape the same targets do so at different moments: their host names differ.
fn scrape_seed() -> u64 {
    let name = std::fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Every counter of every part under one prefix, and the process's own as every client library has them.
fn registry(
    stores: &Stores,
    inputs: &Inputs,
    pipeline: &Pipeline,
    scrape: &ScrapeManager,
    alerting: &Alerting,
    memory: &Arc<MemoryPlan>,
) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Process));
    let ours = registry.sub_registry_with_prefix("watchfire");
    stores.logs.register_metrics(ours);
    stores.tsdb.register_metrics(ours);
    inputs.register_metrics(ours);
    pipeline.register_metrics(ours);
    scrape.register(ours);
    alerting.register_metrics(ours);
    ours.register_collector(Box::new(Arc::clone(memory).metrics()));
    registry
}

/// The API, the HTTP input, reload and the page, behind the guard of host names.
fn router(
    api: Arc<Api>,
    config: &Config,
    inputs: &Inputs,
    sink: &Arc<dyn RecordSink>,
    stores: &Stores,
    reloader: &Arc<Reloader>,
    memory: &MemoryPlan,
) -> Router {
    let mut router = watchfire_api::router(api);
    if let Some(input) = inputs.http() {
        router = router.merge(gelf_http::routes(GelfHttp {
            input,
            sink: Arc::clone(sink),
            clock: Arc::clone(&stores.clock),
            memory: Arc::clone(&memory.bodies),
            decoding: Arc::new(Semaphore::new(cores())),
        }));
    }
    let reload = Router::new().route("/-/reload", post(reload).put(reload)).with_state(Arc::clone(reloader));
    router = router.merge(reload).fallback(page::page);
    if config.http.listen.ip().is_loopback() {
        let guard =
            Arc::new(HostGuard { names: config.http.hosts.iter().map(|name| name.to_ascii_lowercase()).collect() });
        router = router.layer(middleware::from_fn_with_state(guard, HostGuard::check));
    }
    router
}

/// `POST|PUT /-/reload`, answered as Prometheus does.
async fn reload(State(reloader): State<Arc<Reloader>>) -> impl IntoResponse {
    match reloader.reload().await {
        Ok(()) => (StatusCode::OK, String::new()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {error}\n")),
    }
}

/// One line per address in use, then `ready`: what scripts and tests wait for.
fn announce(listening: &Listening) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening http {}", listening.http)?;
    if let Some(address) = &listening.gelf_udp {
        writeln!(out, "listening gelf-udp {address}")?;
    }
    if let Some(address) = &listening.gelf_tcp {
        writeln!(out, "listening gelf-tcp {address}")?;
    }
    writeln!(out, "ready")?;
    out.flush()?;
    info!(version = VERSION, http = %listening.http, "ready");
    Ok(())
}

/// Resolves on SIGTERM or SIGINT, and reloads on SIGHUP until then.
async fn stopped(stop: CancellationToken, reloader: Arc<Reloader>) {
    let handler = |kind| signal(kind).expect("the runtime can handle signals");
    let (mut terminate, mut interrupt, mut hangup) =
        (handler(SignalKind::terminate()), handler(SignalKind::interrupt()), handler(SignalKind::hangup()));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                // The outcome is logged and shown; a signal has nobody to answer.
                let _ = Arc::clone(&reloader).reload().await;
            }
        }
    }
    info!("stopping");
    stop.cancel();
}
