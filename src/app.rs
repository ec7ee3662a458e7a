//! `watchfire serve`: builds every part, connects them, and takes them down in order.

use crate::admin::Admin;
use crate::bodies::Bodies;
use crate::cli::ServeArgs;
use crate::config::Config;
use crate::gelf_http::GelfHttp;
use crate::host::HostFacts;
use crate::inputs::Inputs;
use crate::memory::MemoryPlan;
use crate::process::Process;
use crate::query_threads::QueryThreads;
use crate::reload::{LastReload, Loaded, Reloadable, Reloader};
use crate::remote_write::RemoteWrite;
use crate::routes::Routes;
use crate::status::Status;
use crate::stores::Stores;
use crate::{maintenance, scrubbing, telemetry};
use anyhow::Context;
use prometheus_client::registry::Registry;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use watchfire_alerting::Alerting;
use watchfire_api::{Api, Listening, PeerMetrics, QueryLimits, ServerLimits, TAILS_MAX, Workers};
use watchfire_logseries::{Both, LogSeries};
use watchfire_model::{LogSource, RecordSink, SeriesSource};
use watchfire_pipeline::{Pipeline, StreamRouter};
use watchfire_promql::{Engine, EngineOptions, ScopedHelpers};
use watchfire_push::Receiver;
use watchfire_scrape::ScrapeManager;

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
    let query_threads = QueryThreads::new()?;
    let result = runtime.block_on(run(args, loaded, query_threads.handle()));
    query_threads.stop();
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

async fn run(args: ServeArgs, loaded: Loaded, query_threads: Handle) -> anyhow::Result<()> {
    let mut config = loaded.config.clone();
    let memory = Arc::new(MemoryPlan::divide(&mut config));
    let config = config;
    let listener = listen(config.http.listen).await?;
    let http_address = listener.local_addr()?;
    let (opening, plan) = (config.clone(), Arc::clone(&memory));
    let stores = tokio::task::spawn_blocking(move || Stores::open(&opening, &plan)).await??;
    let stop = CancellationToken::new();

    let pipeline = Arc::new(Pipeline::start(Arc::clone(&stores.logs), &memory.pipeline())?);
    let stream_rules = config.logs.stream_rules().map_err(anyhow::Error::msg)?;
    let streams = Arc::new(StreamRouter::new(Arc::clone(&pipeline) as Arc<dyn RecordSink>, stream_rules));
    let sink = Arc::clone(&streams) as Arc<dyn RecordSink>;
    let inputs = Arc::new(Inputs::start(&config.logs.gelf, http_address, &sink, &stores.now())?);
    let scrape =
        Arc::new(ScrapeManager::with_limits(Arc::clone(&stores.tsdb), stores.now(), scrape_seed(), memory.scrape()));
    scrape.apply(&config.global, &config.scrape_configs).await?;
    let engine = Engine::new(EngineOptions { lookback: config.metrics.lookback, ..EngineOptions::default() });
    let engine = Arc::new(engine.with_helpers(Arc::new(ScopedHelpers::new(cores().saturating_sub(1)))));
    let series = Both {
        metrics: Arc::clone(&stores.tsdb) as Arc<dyn SeriesSource>,
        logs: LogSeries::new(Arc::clone(&stores.logs) as Arc<dyn LogSource>, config.metrics.log_series.clone()),
    };
    let alerting = Alerting::new(
        loaded.alerting(http_address, &memory),
        Arc::clone(&stores.tsdb),
        Arc::new(series.clone()),
        Arc::clone(&engine),
        stores.now(),
    )?;
    let alerting = Arc::new(alerting);
    let evaluation = tokio::spawn(Arc::clone(&alerting).run(stop.clone()));
    let housekeeping = maintenance::start(&stores.directory, Arc::clone(&stores.logs), Arc::clone(&stores.tsdb), &stop);
    let (scrubbed, scrubbing) = scrubbing::start(
        Arc::clone(&stores.logs),
        Arc::clone(&stores.tsdb),
        Arc::clone(&stores.catalog),
        Arc::clone(&stores.clock),
        &stop,
    );

    let last_reload = Arc::new(LastReload::default());
    let config_file = args.config.clone();
    let reloader = Arc::new(Reloader::new(
        args,
        &loaded,
        Reloadable {
            scrape: Arc::clone(&scrape),
            alerting: Arc::clone(&alerting),
            streams: Arc::clone(&streams),
            logs: Arc::clone(&stores.logs),
            clock: Arc::clone(&stores.clock),
        },
        Arc::clone(&last_reload),
        http_address,
        Arc::clone(&memory),
    ));
    tokio::spawn(Arc::clone(&reloader).watch(stop.clone()));
    let status = Arc::new(Status {
        inputs: Arc::clone(&inputs),
        scrape: Arc::clone(&scrape),
        pipeline: Arc::clone(&pipeline),
        streams: Arc::clone(&streams),
        directory: Arc::clone(&stores.directory),
        logs: Arc::clone(&stores.logs),
        tsdb: Arc::clone(&stores.tsdb),
        memory: Arc::clone(&memory),
        last_reload: Arc::clone(&last_reload),
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
    let workers = Workers::new(limits, Arc::clone(&memory.queries)).on(query_threads);
    let receiver = Arc::new(Receiver::new(Arc::clone(&stores.tsdb), memory.push(), Arc::clone(&memory.bodies)));
    let mut registry = registry(&stores, &inputs, &pipeline, &scrape, &alerting, &memory);
    streams.register_metrics(registry.sub_registry_with_prefix("watchfire"));
    workers.register_metrics(registry.sub_registry_with_prefix("watchfire"));
    let peers = PeerMetrics::default();
    peers.register(registry.sub_registry_with_prefix("watchfire"));
    receiver.metrics().register(registry.sub_registry_with_prefix("watchfire"));
    let bodies = Bodies::new(Arc::clone(&memory.bodies));
    bodies.register_metrics(registry.sub_registry_with_prefix("watchfire"));
    let admin = Arc::new(Admin {
        data: stores.directory.path().to_path_buf(),
        backups: config.storage.backups(),
        logs: Arc::clone(&stores.logs),
        tsdb: Arc::clone(&stores.tsdb),
        catalog: Arc::clone(&stores.catalog),
        clock: Arc::clone(&stores.clock),
        turn: Semaphore::new(1),
    });
    let host = HostFacts {
        started: config.clone(),
        config_file,
        external_url: config.alerting.external_url.clone().unwrap_or_else(|| format!("http://{http_address}")),
        last_reload,
        memory: Arc::clone(&memory),
        admin: Arc::clone(&admin),
    };
    let api = Arc::new(Api {
        version: VERSION,
        started: stores.clock.now(),
        clock: Arc::clone(&stores.clock),
        logs: Arc::clone(&stores.logs),
        tsdb: Arc::clone(&stores.tsdb),
        catalog: Arc::clone(&stores.catalog),
        series,
        engine,
        lookback: config.metrics.lookback,
        alerting,
        status,
        host: Arc::new(host),
        listening: listening.clone(),
        resources: stores.resources(&memory, scrubbed, config.storage.backups()),
        workers,
        tails: Arc::new(Semaphore::new(TAILS_MAX)),
        registry,
        stopping: stop.clone(),
    });
    let routes = Routes {
        gelf: inputs.http().map(|input| GelfHttp {
            input,
            sink,
            clock: Arc::clone(&stores.clock),
            bodies: bodies.clone(),
            decoding: Arc::new(Semaphore::new(cores())),
        }),
        write: RemoteWrite { receiver, bodies },
        admin,
        reloader: Arc::clone(&reloader),
    };
    let router = routes.router(api, &config.http);
    // Before anybody is told: whoever reads `ready` may send a signal at once.
    let stopped = stopped(stop.clone(), reloader);
    announce(&listening)?;
    let limits =
        ServerLimits { connections_per_peer_max: config.http.connections_per_peer_max, ..ServerLimits::default() };
    watchfire_api::serve(listener, router, limits, peers, stopped).await;

    let background = housekeeping.into_iter().chain([evaluation, scrubbing]).collect();
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
    stores.tsdb.close();
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
    stores.directory.metrics().register(ours);
    stores.logs.register_metrics(ours);
    stores.tsdb.register_metrics(ours);
    stores.catalog.register_metrics(ours);
    inputs.register_metrics(ours);
    pipeline.register_metrics(ours);
    scrape.register(ours);
    alerting.register_metrics(ours);
    ours.register_collector(Box::new(Arc::clone(memory).metrics()));
    registry
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

/// Takes the signals from now on; resolves on SIGTERM or SIGINT, and reloads on SIGHUP until then.
fn stopped(stop: CancellationToken, reloader: Arc<Reloader>) -> impl Future<Output = ()> {
    let handler = |kind| signal(kind).expect("the runtime can handle signals");
    let (mut terminate, mut interrupt, mut hangup) =
        (handler(SignalKind::terminate()), handler(SignalKind::interrupt()), handler(SignalKind::hangup()));
    async move {
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
}
