//! What several tests of this crate need: shared data, a store to look into, and targets to scrape.

use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use watchfire_model::{Matcher, QueryBudget, Samples, SeriesSource, TimeRange, is_stale};
use watchfire_store::{Clock, MemStorage};
use watchfire_tsdb::{Tsdb, TsdbOptions};

/// A folder of shared test data, where there is one.
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var("WATCHFIRE_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let path = PathBuf::from(root).join(folder);
    if !path.is_dir() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// An empty store in memory.
pub(crate) fn store(clock: Arc<dyn Clock>, options: TsdbOptions) -> Arc<Tsdb> {
    Arc::new(Tsdb::open(Arc::new(MemStorage::new(1)), clock, options).unwrap())
}

/// The series of one metric with their samples, each as `labels: value@time …`, sorted. A histogram is shown by its schema, count
/// and number of buckets, a start time behind `<`.
pub(crate) fn dump(tsdb: &Tsdb, metric: &str) -> Vec<String> {
    let budget = QueryBudget::unlimited();
    let matchers = [Matcher::equal("__name__", metric)];
    let print = |reader: &dyn watchfire_model::SeriesReader| {
        let mut samples = Samples::default();
        reader.read(TimeRange::ALL, &budget, &mut samples).unwrap();
        let print_point = |place: usize| {
            let value = match samples.histograms.get(place).and_then(Option::as_deref) {
                Some(it) => format!("[{} {} {}]", it.schema, it.count, it.positive.len() + it.negative.len()),
                None if is_stale(samples.values[place]) => "stale".to_owned(),
                None => samples.values[place].to_string(),
            };
            let start = samples.starts.get(place).filter(|start| **start != 0);
            let start = start.map_or(String::new(), |start| format!("<{start}"));
            format!("{value}@{}{start}", samples.times[place])
        };
        let points: Vec<String> = (0..samples.len()).map(print_point).collect();
        format!("{}: {}", reader.labels(), points.join(" "))
    };
    tsdb.select(&matchers, TimeRange::ALL, &budget).unwrap().iter().map(|reader| print(&**reader)).collect()
}

/// A target that answers every request with the same bytes, until it is told others.
#[derive(Debug)]
pub(crate) struct PageServer {
    /// `host:port`.
    pub(crate) address: String,
    answer: Arc<Mutex<Vec<u8>>>,
    /// The requests' heads.
    requests: Arc<Mutex<Vec<String>>>,
}

impl PageServer {
    pub(crate) async fn start(answer: Vec<u8>) -> PageServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answer = Arc::new(Mutex::new(answer));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answers, heads) = (Arc::clone(&answer), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&heads)));
            }
        });
        PageServer { address, answer, requests }
    }

    pub(crate) fn answer(&self, answer: Vec<u8>) {
        *self.answer.lock() = answer;
    }

    pub(crate) fn last_request(&self) -> String {
        self.requests.lock().last().cloned().unwrap_or_default()
    }
}

/// An HTTP answer with a text page.
pub(crate) fn text_page(page: &str) -> Vec<u8> {
    http_answer("200 OK", "Content-Type: text/plain; version=0.0.4\r\n", page.as_bytes())
}

pub(crate) fn http_answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn serve(mut stream: TcpStream, answer: Arc<Mutex<Vec<u8>>>, heads: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    heads.lock().push(String::from_utf8_lossy(&head).into_owned());
    let answer = answer.lock().clone();
    let _ = stream.write_all(&answer).await;
    if answer.is_empty() {
        // A target that never answers: hold the connection until the scraper gives up.
        let _ = stream.read_u8().await;
    }
}
