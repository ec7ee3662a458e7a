//! Real scrapes of a small server in this process.

use super::*;
use crate::testing::{PageServer, dump, http_answer, store, text_page};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::time::{Duration, Instant};
use watchfire_model::ByteSize;
use watchfire_model::status::{Health, TargetStatus};
use watchfire_store::{Clock, SystemClock};
use watchfire_tsdb::TsdbOptions;

const DEADLINE: Duration = Duration::from_secs(20);

struct Fixture {
    tsdb: Arc<Tsdb>,
    manager: ScrapeManager,
    server: PageServer,
}

impl Fixture {
    async fn new(answer: Vec<u8>) -> Fixture {
        Fixture::with_limits(answer, ScrapeLimits::default()).await
    }

    async fn with_limits(answer: Vec<u8>, limits: ScrapeLimits) -> Fixture {
        // Another test of this process may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tsdb = store(Arc::new(SystemClock), TsdbOptions::default());
        let now: Now = Arc::new(|| SystemClock.now());
        let manager = ScrapeManager::with_limits(Arc::clone(&tsdb), now, 0, limits);
        Fixture { tsdb, manager, server: PageServer::start(answer).await }
    }

    /// Applies one configuration for the server, with the keys given besides.
    async fn apply(&self, keys: &str) {
        let yaml = format!(
            "{{job_name: j, scrape_interval: 100ms, scrape_timeout: 90ms, static_configs: [{{targets: ['{}']}}], {keys}}}",
            self.server.address
        );
        let config: ScrapeConfig = serde_saphyr::from_str(&yaml).expect(&yaml);
        config.validate(&GlobalConfig::default()).unwrap();
        self.manager.apply(&GlobalConfig::default(), &[config]).await.unwrap();
    }

    /// Waits until the one target's state passes.
    async fn wait(&self, what: &str, passes: impl Fn(&TargetStatus) -> bool) -> TargetStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let targets = self.manager.targets().active;
            if let [target] = targets.as_slice()
                && passes(target)
            {
                return target.clone();
            }
            assert!(Instant::now() < deadline, "{what}: {targets:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Scrapes once with the keys given; the target is down for this reason.
    async fn check_down(answer: Vec<u8>, keys: &str, want: &str) {
        let fixture = Fixture::new(answer).await;
        fixture.apply(keys).await;
        let target = fixture.wait(want, |target| target.health == Health::Down).await;
        assert_eq!(target.last_error, want);
        fixture.manager.shutdown().await;
        let up = dump(&fixture.tsdb, "up");
        assert!(up.len() == 1 && up[0].contains(": 0@"), "{up:?}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_scraped_and_says_what_was_asked() {
    let fixture = Fixture::new(text_page("a 1\nb 2\n")).await;
    fixture
        .apply("params: {q: ['1']}, basic_auth: {username: u, password: p}, http_headers: {x-my: {values: [v]}}")
        .await;
    let target = fixture.wait("up", |target| target.health == Health::Up).await;
    assert_eq!(target.last_samples, 2);
    assert_eq!(target.scrape_url, format!("http://{}/metrics?q=1", fixture.server.address));
    let request = fixture.server.last_request().to_ascii_lowercase();
    for want in [
        "get /metrics?q=1 http/1.1\r\n",
        "user-agent: watchfire/",
        "accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,",
        "accept-encoding: gzip\r\n",
        "x-prometheus-scrape-timeout-seconds: 0.09\r\n",
        "authorization: basic dtpw\r\n",
        "x-my: v\r\n",
    ] {
        assert!(request.contains(want), "{want} in {request}");
    }
    fixture.manager.shutdown().await;
    assert_eq!(dump(&fixture.tsdb, "a").len(), 1);
    assert!(!dump(&fixture.tsdb, "a")[0].contains("stale"), "the end of the process is not the end of a series");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_beyond_a_limit_is_named() {
    let limits = ScrapeLimits { page_bytes_max: ByteSize::from_mib(1), target_series_max: 2 };
    let fixture = Fixture::with_limits(text_page("a 1\nb 2\nc 3\n"), limits).await;
    fixture.apply("").await;
    let target = fixture.wait("up", |target| target.health == Health::Up).await;
    let named = format!("target http://{}/metrics: ", fixture.server.address);
    assert!(target.last_error.starts_with("1 samples of new series are left out"), "{}", target.last_error);
    assert!(fixture.manager.discovery_errors()[0].contains(&named));

    fixture.server.answer(text_page(&"#\n".repeat(600_000)));
    let target = fixture.wait("down", |target| target.health == Health::Down).await;
    assert!(target.last_error.contains("all pages together may take 1048576"), "{}", target.last_error);
    assert!(fixture.manager.discovery_errors()[0].contains(&named));
    let mut registry = Registry::default();
    fixture.manager.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for reason in ["target_series", "memory"] {
        let instance = &fixture.server.address;
        let want = format!("scrape_target_refusals_total{{job=\"j\",instance=\"{instance}\",reason=\"{reason}\"}}");
        assert!(text.contains(&want), "{want}");
    }

    fixture.server.answer(text_page("a 1\n"));
    fixture.wait("up", |target| target.health == Health::Up && target.last_error.is_empty()).await;
    assert!(fixture.manager.discovery_errors().is_empty());
    fixture.manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_pages_are_read() {
    let headers = "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n";
    let fixture = Fixture::new(http_answer("200 OK", headers, &gzip(b"a 1\n"))).await;
    fixture.apply("").await;
    assert_eq!(fixture.wait("up", |target| target.health == Health::Up).await.last_samples, 1);
    fixture.manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_are_named() {
    let gzip_headers = "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n";
    let bomb = http_answer("200 OK", gzip_headers, &gzip(&vec![b'\n'; 8 << 20]));
    Fixture::check_down(bomb, "body_size_limit: 1MB", "the page is larger than body_size_limit, 1048576 bytes").await;
    let large = text_page(&"\n".repeat(2_000));
    Fixture::check_down(large, "body_size_limit: 1KB", "the page is larger than body_size_limit, 1024 bytes").await;
    let error = http_answer("503 Service Unavailable", "", b"");
    Fixture::check_down(error, "", "the target answers with HTTP status 503 Service Unavailable").await;
    Fixture::check_down(Vec::new(), "", "no complete answer within the timeout of 90ms").await;
    let untyped = http_answer("200 OK", "", b"a 1\n");
    let want = "the target sends no Content-Type; set fallback_scrape_protocol to the format that it speaks";
    Fixture::check_down(untyped, "", want).await;
    let openmetrics = http_answer("200 OK", "Content-Type: application/openmetrics-text\r\n", b"a 1\n");
    Fixture::check_down(openmetrics, "", "the page cannot be read: line 2: the page does not end with `# EOF`").await;
    let brotli = http_answer("200 OK", "Content-Encoding: br\r\n", b"x");
    Fixture::check_down(brotli, "", "the target sends its page in the encoding `br`, which was not asked for").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_targets_fail_together() {
    let fixture = Fixture::new(text_page("a 1\n")).await;
    let address = fixture.server.address.clone();
    let twice = format!("target_limit: 1, static_configs: [{{targets: ['{address}', 'localhost:1']}}]");
    let yaml = format!("{{job_name: j, scrape_interval: 100ms, scrape_timeout: 90ms, {twice}}}");
    let config: ScrapeConfig = serde_saphyr::from_str(&yaml).expect(&yaml);
    fixture.manager.apply(&GlobalConfig::default(), &[config]).await.unwrap();
    let deadline = Instant::now() + DEADLINE;
    let failed = |target: &TargetStatus| target.last_error == "target_limit exceeded: 2, the limit is 1";
    while !(fixture.manager.targets().active.len() == 2 && fixture.manager.targets().active.iter().all(failed)) {
        assert!(Instant::now() < deadline, "{:?}", fixture.manager.targets());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fixture.manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_series_alive_and_a_removed_target_ends_them() {
    let fixture = Fixture::new(text_page("a 1\nb 1\n")).await;
    fixture.apply("").await;
    fixture.wait("up", |target| target.health == Health::Up).await;
    fixture.server.answer(text_page("a 1\n"));
    // Another configuration for the same target: `a` goes on, `b` ends.
    fixture.apply("sample_limit: 100").await;
    fixture.wait("up with one sample", |target| target.health == Health::Up && target.last_samples == 1).await;
    let ended = |metric: &str| dump(&fixture.tsdb, metric).iter().filter(|line| line.contains("stale")).count();
    assert_eq!((ended("a"), ended("b")), (0, 1));
    // A configuration that did not change leaves its loops alone.
    let before = fixture.wait("up", |target| target.health == Health::Up).await;
    fixture.apply("sample_limit: 100").await;
    assert_eq!(fixture.manager.targets().active.len(), 1);
    assert!(fixture.manager.targets().active[0].last_scrape >= before.last_scrape);
    fixture.manager.apply(&GlobalConfig::default(), &[]).await.unwrap();
    assert_eq!((ended("a"), ended("up")), (1, 1));
    assert!(fixture.manager.targets().active.is_empty());
    fixture.manager.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_in_a_file_are_found_and_its_faults_reported() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::new(text_page("a 1\n")).await;
    std::fs::write(folder.path().join("t.json"), format!(r#"[{{"targets": ["{}"]}}]"#, fixture.server.address))
        .unwrap();
    std::fs::write(folder.path().join("u.json"), "[{").unwrap();
    let yaml = "{job_name: j, scrape_interval: 100ms, scrape_timeout: 90ms, file_sd_configs: [{files: ['*.json']}]}";
    let mut config: ScrapeConfig = serde_saphyr::from_str(yaml).expect(yaml);
    config.resolve_paths(folder.path());
    fixture.manager.apply(&GlobalConfig::default(), &[config]).await.unwrap();
    fixture.wait("up", |target| target.health == Health::Up).await;
    let errors = fixture.manager.discovery_errors();
    assert!(errors.len() == 1 && errors[0].contains("u.json"), "{errors:?}");
    fixture.manager.shutdown().await;
}
