//! The whole over loopback: a rule file on disk, samples in a real store, a receiver behind a real socket.

use super::*;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use watchfire_model::{QueryBudget, Sample, TimeNs};
use watchfire_promql::{Value, parse};
use watchfire_store::{Clock, ManualClock, MemStorage};
use watchfire_tsdb::TsdbOptions;

const START_MS: i64 = 1_700_000_000_000;
/// No test waits longer for anything.
const DEADLINE: Duration = Duration::from_secs(20);

/// An alerting on a clock that the test moves.
struct Bench {
    clock: Arc<ManualClock>,
    tsdb: Arc<Tsdb>,
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let clock = Arc::new(ManualClock::new(TimeNs(START_MS * 1_000_000)));
        let storage = Arc::new(MemStorage::new(7));
        let tsdb = Tsdb::open(storage, Arc::clone(&clock) as Arc<dyn Clock>, TsdbOptions::default()).unwrap();
        Bench { clock, tsdb: Arc::new(tsdb), directory: tempfile::tempdir().unwrap() }
    }

    fn write_rules(&self, text: &str) {
        std::fs::write(self.directory.path().join("r.yml"), text).unwrap();
    }

    fn options(&self, config: Option<&str>) -> AlertingOptions {
        let config = config.map(|text| AlertmanagerConfig::parse(Path::new("am.yml"), text).unwrap());
        AlertingOptions {
            evaluation_interval: DurationMs::from_secs(1),
            external_labels: Labels::from_pairs([("region", "eu"), ("job", "not this")]),
            external_url: "http://watchfire.example".to_owned(),
            rule_files: vec!["*.yml".to_owned()],
            directory: self.directory.path().to_owned(),
            config,
            ..AlertingOptions::default()
        }
    }

    fn start(&self, config: Option<&str>) -> Arc<Alerting> {
        let clock = Arc::clone(&self.clock);
        let series = Arc::clone(&self.tsdb) as Arc<dyn SeriesSource>;
        let now = Arc::new(move || clock.now());
        let tsdb = Arc::clone(&self.tsdb);
        Arc::new(Alerting::new(self.options(config), tsdb, series, Arc::new(Engine::default()), now).unwrap())
    }

    fn write(&self, name: &str, value: f64) {
        let id = self.tsdb.register(&Labels::from_pairs([("__name__", name), ("job", "node")])).unwrap();
        let time = self.clock.now().to_ms();
        self.tsdb.append(&[(id, Sample { time, value })]).unwrap();
    }

    fn query(&self, text: &str) -> Vec<String> {
        let time = self.clock.now().to_ms();
        let output = Engine::default().instant(&*self.tsdb, &parse(text).unwrap(), time, &QueryBudget::unlimited());
        match output.unwrap().value {
            Value::Vector(samples) => {
                samples.iter().map(|sample| format!("{} {}", sample.labels, sample.value)).collect()
            }
            other => panic!("{other:?} is no vector"),
        }
    }

    /// Moves the clock by tenths of a second until `found` yields something.
    async fn until<T>(&self, mut found: impl FnMut() -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = found() {
                    return found;
                }
                self.clock.advance_ms(100);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(DEADLINE, search).await.expect("the condition holds before the deadline")
    }
}

/// Answers each POST with the next of `statuses`, then 200, and passes on head and body.
async fn receiver(statuses: &'static [u16]) -> (String, mpsc::UnboundedReceiver<(String, serde_json::Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (told, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let answered = AtomicUsize::new(0);
        while let Ok((mut stream, _)) = listener.accept().await {
            let status = statuses.get(answered.fetch_add(1, Ordering::SeqCst)).copied().unwrap_or(200);
            let (head, body) = read_request(&mut stream).await;
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            told.send((head, serde_json::from_slice(&body).unwrap())).ok();
        }
    });
    (url, requests)
}

async fn read_request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let len = stream.read(&mut piece).await.unwrap();
        bytes.extend_from_slice(&piece[..len]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let header =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("the body has a length");
        let body_len: usize = header.trim().parse().unwrap();
        if bytes.len() >= end + 4 + body_len {
            return (head, bytes[end + 4..].to_vec());
        }
    }
}

fn install_crypto() {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

const RULES: &str = "groups:\n- name: g\n  rules:\n  - record: heat:double\n    expr: heat * 2\n  - alert: Hot\n    expr: heat:double > 10\n    \
                     labels: {severity: page}\n    annotations: {summary: '{{ $labels.job }} at {{ $value }}'}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_reaches_its_receiver_through_failures_and_resolves() {
    install_crypto();
    let (url, mut requests) = receiver(&[503, 429]).await;
    let config = format!(
        "route: {{receiver: r, group_by: [alertname], group_wait: 0s, group_interval: 2s}}\n\
         receivers: [{{name: r, webhook_configs: [{{url: '{url}', http_config: {{authorization: {{credentials: sesame}}}}}}]}}]\n"
    );
    let bench = Bench::new();
    bench.write_rules(RULES);
    let alerting = bench.start(Some(&config));
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(Arc::clone(&alerting).run(shutdown.clone()));

    bench.write("heat", 7.0);
    let mut attempts = Vec::new();
    bench
        .until(|| {
            attempts.extend(requests.try_recv().ok());
            (attempts.len() == 3).then_some(())
        })
        .await;
    let (head, body) = &attempts[2];
    assert!(head.contains("authorization: bearer sesame") && head.contains("content-type: application/json"), "{head}");
    assert_eq!(attempts[0].1, *body, "a retry tells the same");
    assert_eq!((body["status"].as_str(), body["groupKey"].as_str()), (Some("firing"), Some(r#"{}:{alertname="Hot"}"#)));
    let alert = &body["alerts"][0];
    let labels = serde_json::json!({"alertname": "Hot", "job": "node", "region": "eu", "severity": "page"});
    assert_eq!(alert["labels"], labels);
    assert_eq!(alert["annotations"]["summary"], "node at 14");
    assert_eq!(alert["generatorURL"], "http://watchfire.example/graph?g0.expr=heat%3Adouble+%3E+10&g0.tab=1");
    assert_eq!(bench.query("heat:double"), [r#"heat:double{job="node"} 14"#]);
    // Written from the third evaluation on, when states from before the start have been read.
    bench.until(|| bench.query(r#"ALERTS{alertstate="firing"}"#).pop()).await;
    assert_eq!(alerting.alerts()[0].value, "1.4e+01");

    bench.write("heat", 1.0);
    let (_, body) = bench.until(|| requests.try_recv().ok()).await;
    assert_eq!((body["status"].as_str(), body["alerts"][0]["status"].as_str()), (Some("resolved"), Some("resolved")));
    assert_ne!(body["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
    assert_eq!(bench.query("ALERTS"), Vec::<String>::new());

    shutdown.cancel();
    tokio::time::timeout(DEADLINE, running).await.expect("the loops end").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_exchanges_rules_and_a_bad_one_changes_nothing() {
    install_crypto();
    let bench = Bench::new();
    bench.write_rules(RULES);
    let alerting = bench.start(None);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(Arc::clone(&alerting).run(shutdown.clone()));
    bench.write("heat", 7.0);
    bench.until(|| alerting.alerts().pop()).await;
    let active_at = alerting.alerts()[0].active_at;

    bench.write_rules("groups: [{name: g, rules: [{alert: Hot, expr: 'heat >'}]}]");
    assert!(alerting.reload(bench.options(None)).is_err());
    assert_eq!(alerting.groups()[0].rules.len(), 2);

    bench.write_rules(&format!("{RULES}  - record: more\n    expr: vector(1)\n"));
    alerting.reload(bench.options(None)).unwrap();
    bench.until(|| (!bench.query("more").is_empty()).then_some(())).await;
    assert_eq!(alerting.alerts()[0].active_at, active_at, "the alert goes on");

    bench.write_rules("groups: []");
    alerting.reload(bench.options(None)).unwrap();
    assert_eq!((alerting.groups().len(), alerting.alerts().len()), (0, 0));
    assert_eq!(bench.query("more"), Vec::<String>::new(), "series of rules that are gone end");
    shutdown.cancel();
    tokio::time::timeout(DEADLINE, running).await.expect("the loops end").unwrap();
}

#[test]
fn metrics_have_their_names() {
    let bench = Bench::new();
    let mut registry = Registry::default();
    bench.start(None).register_metrics(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(text.contains("alerting_evaluations_total 0") && text.contains("alerting_groups 0"), "{text}");
}
