//! A whole API over stores in memory, for tests.

use crate::{Api, Host, Listening, QueryLimits, RelabelStep, Resources, RuntimeFacts, TAILS_MAX, Workers, router};
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use watchfire_alerting::{Alerting, AlertingOptions};
use watchfire_catalog::Catalog;
use watchfire_logseries::{Both, LogSeries, LogSeriesConfig};
use watchfire_logstore::{LogStore, LogStoreOptions};
use watchfire_model::status::{Health, InputStatus, Notice, Severity, StatusSource, TargetStatus, TargetsStatus};
use watchfire_model::{
    ByteSize, DurationMs, FieldValue, Labels, LogRecord, LogSource, MemoryPool, Sample, SeriesSource, TimeNs, Timestamp,
};
use watchfire_promql::{Engine, EngineOptions};
use watchfire_store::{Clock, ManualClock, MemStorage, Storage};
use watchfire_tsdb::{Tsdb, TsdbOptions};

/// What the clock says, Unix seconds.
pub(crate) const NOW: i64 = 1_700_000_000;

/// An API and what is behind it.
pub(crate) struct Server {
    pub(crate) api: Arc<Api>,
    pub(crate) router: Router,
}

/// Nothing but stores, and one target that was never scraped.
struct Quiet {
    has_admin_api: bool,
}

impl StatusSource for Quiet {
    fn targets(&self) -> TargetsStatus {
        let labels = Labels::from_pairs([("instance", "node-1:9100"), ("job", "node")]);
        let target = TargetStatus {
            scrape_pool: "node".to_owned(),
            scrape_url: "http://node-1:9100/metrics".to_owned(),
            labels: labels.clone(),
            discovered_labels: labels,
            health: Health::Unknown,
            last_error: String::new(),
            last_scrape: None,
            last_scrape_seconds: 0.0,
            last_samples: 0,
            interval_ms: 15_000,
            timeout_ms: 10_000,
        };
        let dropped = vec![Labels::from_pairs([("__address__", "node-2:9100"), ("job", "node")])];
        TargetsStatus { active: vec![target], dropped }
    }

    fn inputs(&self) -> Vec<InputStatus> {
        Vec::new()
    }

    fn notices(&self) -> Vec<Notice> {
        vec![Notice { severity: Severity::Warning, text: "something is odd".to_owned() }]
    }
}

impl Host for Quiet {
    fn config(&self) -> String {
        "global: {}\n".to_owned()
    }

    fn flags(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([("web.enable-admin-api", "true".to_owned())])
    }

    fn runtime(&self) -> RuntimeFacts {
        RuntimeFacts { retention: "15d".to_owned(), ..RuntimeFacts::default() }
    }

    fn external_labels(&self) -> Labels {
        Labels::from_pairs([("region", "north")])
    }

    fn scrape_pools(&self) -> Vec<String> {
        vec!["node".to_owned()]
    }

    fn relabel(&self, pool: &str, labels: Labels) -> Result<Vec<RelabelStep>, String> {
        if pool != "node" {
            return Err(format!("scrape pool {pool:?} not found"));
        }
        Ok(vec![RelabelStep { rule: serde_json::json!({"action": "replace"}), output: labels, keep: true }])
    }

    fn has_admin_api(&self) -> bool {
        self.has_admin_api
    }

    fn snapshot(&self) -> Result<String, String> {
        Ok("2023-11-14T22-13-20Z".to_owned())
    }
}

impl Server {
    pub(crate) fn new() -> Server {
        Server::with(QueryLimits::default())
    }

    pub(crate) fn with(limits: QueryLimits) -> Server {
        Server::with_admin(limits, false)
    }

    pub(crate) fn with_admin(limits: QueryLimits, has_admin_api: bool) -> Server {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(TimeNs(NOW * 1_000_000_000)));
        let storage: Arc<dyn Storage> = Arc::new(MemStorage::new(1));
        let options = LogStoreOptions { compact_in_background: false, ..LogStoreOptions::default() };
        let logs = LogStore::open(Arc::clone(&storage), Arc::clone(&clock), options).unwrap();
        let tsdb = Tsdb::open(Arc::clone(&storage), Arc::clone(&clock), TsdbOptions::default()).unwrap();
        let (logs, tsdb) = (Arc::new(logs), Arc::new(tsdb));
        let catalog = Arc::new(Catalog::open(storage, Arc::clone(&clock)).unwrap());
        let series = Both {
            metrics: Arc::clone(&tsdb) as Arc<dyn SeriesSource>,
            logs: LogSeries::new(Arc::clone(&logs) as Arc<dyn LogSource>, LogSeriesConfig::default()),
        };
        let engine = Arc::new(Engine::new(EngineOptions::default()));
        let now = Arc::clone(&clock);
        let alerting = Alerting::new(
            AlertingOptions::default(),
            Arc::clone(&tsdb),
            Arc::new(series.clone()),
            Arc::clone(&engine),
            Arc::new(move || now.now()),
        );
        let api = Arc::new(Api {
            version: "0",
            started: clock.now(),
            clock,
            logs,
            tsdb,
            catalog,
            series,
            engine,
            alerting: Arc::new(alerting.unwrap()),
            status: Arc::new(Quiet { has_admin_api }),
            host: Arc::new(Quiet { has_admin_api }),
            lookback: DurationMs::from_secs(300),
            listening: Listening::default(),
            resources: Arc::new(Resources::default),
            workers: Workers::new(limits, MemoryPool::new("queries", ByteSize::from_mib(64))),
            tails: Arc::new(Semaphore::new(TAILS_MAX)),
            registry: prometheus_client::registry::Registry::default(),
            stopping: CancellationToken::new(),
        });
        let router = router(Arc::clone(&api));
        Server { api, router }
    }

    /// With records, durable and in blocks if `flushed`.
    pub(crate) fn store(&self, records: Vec<LogRecord>, flushed: bool) {
        let position = self.api.logs.append(records).unwrap();
        self.api.logs.commit(position).unwrap();
        if flushed {
            self.api.logs.flush().unwrap();
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// What a GET of a log call answers.
    pub(crate) async fn get(&self, call: &str, parameters: &[(&str, &str)]) -> (StatusCode, Value) {
        let response = self.send(Request::get(address(call, parameters)).body(Body::empty()).unwrap()).await;
        read(response).await
    }

    /// What a call of any path answers: method, path with its query, form if it has one.
    pub(crate) async fn call(&self, method: &str, path: &str, form: Option<&str>) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path);
        let request = match form {
            Some(form) => {
                request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(form.to_owned()))
            }
            None => request.body(Body::empty()),
        };
        read(self.send(request.unwrap()).await).await
    }

    /// Stores samples of a series, durable.
    pub(crate) fn store_samples(&self, labels: &[(&str, &str)], samples: &[(i64, f64)]) {
        let id = self.api.tsdb.register(&Labels::from_pairs(labels.iter().copied())).unwrap();
        let sample = |(time, value): &(i64, f64)| (id, Sample { time: Timestamp(*time), value: *value });
        self.api.tsdb.append(&samples.iter().map(sample).collect::<Vec<_>>()).unwrap();
        self.api.tsdb.commit().unwrap();
    }

    /// The answer of a call that succeeds.
    #[track_caller]
    pub(crate) fn ok(&self, call: &str, parameters: &[(&str, &str)]) -> impl Future<Output = Value> {
        let request = Request::get(address(call, parameters)).body(Body::empty()).unwrap();
        let (answer, asked) = (self.router.clone().oneshot(request), format!("{call} {parameters:?}"));
        async move {
            let (status, body) = read(answer.await.unwrap()).await;
            assert_eq!(status, StatusCode::OK, "{asked}: {body}");
            body
        }
    }
}

/// `…/logs/CALL?…`.
pub(crate) fn address(call: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("/api/watchfire/v1/logs/{call}?{query}")
}

/// Status and body, `null` where it is no JSON.
pub(crate) async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 64 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// A record `seconds` before now.
pub(crate) fn record(seconds: i64, message: &str, fields: &[(&str, &str)]) -> LogRecord {
    let time = TimeNs((NOW - seconds) * 1_000_000_000);
    LogRecord {
        time,
        received: time,
        stream: LogRecord::DEFAULT_STREAM.into(),
        host: "node-1".into(),
        message: message.into(),
        level: None,
        fields: fields.iter().map(|(name, value)| ((*name).into(), FieldValue::Text((*value).into()))).collect(),
    }
}

/// Waits for what happens elsewhere, at most ten seconds.
pub(crate) async fn until(what: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !what() {
        assert!(std::time::Instant::now() < deadline, "it does not happen");
        tokio::task::yield_now().await;
    }
}
