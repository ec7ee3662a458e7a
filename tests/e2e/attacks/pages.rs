//! Targets to scrape: honest ones that count their visitors, and hostile ones that serve a calm page until they are told
//! otherwise.

use super::Ground;
use crate::harness::Server;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::{self, Write as _};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Small honest targets, and series of the large one beside them.
const HONEST: usize = 3;
const LARGE_PAGE_SERIES: usize = 2_000;
/// New series on each page of the target that never shows one twice.
const CHURN_SERIES: usize = 60_000;
/// Each hostile target has its own way to be hostile.
const HOSTILE: [Serve; 5] = [serve_endless, serve_bomb, serve_slow, serve_large_labels, serve_many_labels];
const CALM_PAGE: &str = "# TYPE calm gauge\ncalm 1\n";

type Serve = fn(&mut TcpStream) -> std::io::Result<()>;

/// What the hostile targets do now: both at once, too.
#[derive(Debug, Default)]
struct Mischief {
    churn: AtomicBool,
    pages: AtomicBool,
}

/// All targets.
#[derive(Debug)]
pub(super) struct Pages {
    honest: Vec<SocketAddr>,
    hostile: Vec<SocketAddr>,
    mischief: Arc<Mischief>,
    began: Instant,
}

/// Scrapes of honest targets that failed or did not happen.
#[derive(Debug)]
pub(super) struct Missed {
    pub(super) count: u64,
    pub(super) of: u64,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} scrapes missed", self.count, self.of)
    }
}

impl Pages {
    pub(super) fn start() -> Pages {
        let mischief = Arc::new(Mischief::default());
        let honest = (0..=HONEST)
            .map(|index| {
                let visits = AtomicU64::new(0);
                let series = if index == HONEST { LARGE_PAGE_SERIES } else { 10 };
                listen(move |stream| {
                    let visit = visits.fetch_add(1, Ordering::Relaxed);
                    answer(stream, &honest_page(series, visit))
                })
            })
            .collect();
        let churned = AtomicUsize::new(0);
        let now = Arc::clone(&mischief);
        let mut hostile = vec![listen(move |stream| {
            if !now.churn.load(Ordering::Relaxed) {
                return answer(stream, CALM_PAGE);
            }
            let first = churned.fetch_add(CHURN_SERIES, Ordering::Relaxed);
            answer(stream, &churn_page(first))
        })];
        hostile.extend(HOSTILE.map(|serve| {
            let now = Arc::clone(&mischief);
            listen(move |stream| {
                let is_hostile = now.pages.load(Ordering::Relaxed);
                if is_hostile { serve(stream) } else { answer(stream, CALM_PAGE) }
            })
        }));
        Pages { honest, hostile, mischief, began: Instant::now() }
    }

    pub(super) fn honest_addresses(&self) -> String {
        join(&self.honest)
    }

    pub(super) fn hostile_addresses(&self) -> String {
        join(&self.hostile)
    }

    /// Ends all mischief.
    pub(super) fn calm(&self) {
        self.mischief.churn.store(false, Ordering::Relaxed);
        self.mischief.pages.store(false, Ordering::Relaxed);
    }

    /// Honest targets are scraped every second; the first and the last second may have none.
    pub(super) fn missed_scrapes(&self, server: &Server) -> Missed {
        let seconds = self.began.elapsed().as_secs();
        let good = server.query(&format!("sum(sum_over_time(up{{job=\"honest\"}}[{seconds}s]))"));
        let good = good.first().and_then(|sample| sample["value"][1].as_str()?.parse::<f64>().ok()).unwrap_or(0.0);
        let of = seconds.saturating_sub(2) * self.honest.len() as u64;
        Missed { count: of.saturating_sub(good as u64), of }
    }
}

/// A target whose every page has only new series.
pub(super) fn churn(ground: &Ground) {
    ground.pages.mischief.churn.store(true, Ordering::Relaxed);
    ground.pause(Duration::MAX);
}

/// Endless, exploding, slow and odd pages.
pub(super) fn hostile(ground: &Ground) {
    ground.pages.mischief.pages.store(true, Ordering::Relaxed);
    ground.pause(Duration::MAX);
}

fn join(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(|address| format!("'{address}'")).collect::<Vec<_>>().join(", ")
}

/// Serves each connection on a thread of its own.
fn listen(serve: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            // The scraper hangs up on what it refuses.
            std::thread::spawn(move || drop(read_head(&mut stream).and_then(|()| serve(&mut stream))));
        }
    });
    address
}

fn read_head(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            len => head.extend_from_slice(&piece[..len]),
        }
    }
    Ok(())
}

fn begin(stream: &mut TcpStream, headers: &str) -> std::io::Result<()> {
    let text = "Content-Type: text/plain; version=0.0.4";
    write!(stream, "HTTP/1.1 200 OK\r\n{text}\r\n{headers}Connection: close\r\n\r\n")
}

fn answer(stream: &mut TcpStream, page: &str) -> std::io::Result<()> {
    begin(stream, &format!("Content-Length: {}\r\n", page.len()))?;
    stream.write_all(page.as_bytes())
}

fn honest_page(series: usize, visit: u64) -> String {
    let mut page = String::from("# TYPE honest_requests_total counter\n");
    for index in 0..series {
        let _ = writeln!(page, "honest_requests_total{{path=\"/{index}\",code=\"200\"}} {}", visit * 10);
    }
    page
}

fn churn_page(first: usize) -> String {
    let mut page = String::from("# TYPE churn gauge\n");
    for index in first..first + CHURN_SERIES {
        let _ = writeln!(page, "churn{{request=\"{index:012}\",method=\"M{index}\"}} 1");
    }
    page
}

/// A page that never ends.
fn serve_endless(stream: &mut TcpStream) -> std::io::Result<()> {
    begin(stream, "")?;
    let piece = "endless{a=\"b\"} 1\n".repeat(4096);
    loop {
        stream.write_all(piece.as_bytes())?;
    }
}

/// A megabyte of gzip that is a gigabyte of blanks.
fn serve_bomb(stream: &mut TcpStream) -> std::io::Result<()> {
    begin(stream, "Content-Encoding: gzip\r\n")?;
    let mut bomb = GzEncoder::new(stream, Compression::best());
    let piece = vec![b'\n'; 1 << 20];
    for _ in 0..1024 {
        bomb.write_all(&piece)?;
    }
    bomb.finish().map(drop)
}

/// A byte every now and then.
fn serve_slow(stream: &mut TcpStream) -> std::io::Result<()> {
    begin(stream, "")?;
    loop {
        stream.write_all(b"#")?;
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Values of a megabyte, each of its own.
fn serve_large_labels(stream: &mut TcpStream) -> std::io::Result<()> {
    begin(stream, "")?;
    let value = "v".repeat(1 << 20);
    for index in 0..40 {
        writeln!(stream, "large{{n=\"{index}\",value=\"{value}\"}} 1")?;
    }
    Ok(())
}

/// Ten thousand labels on a sample.
fn serve_many_labels(stream: &mut TcpStream) -> std::io::Result<()> {
    begin(stream, "")?;
    let labels: Vec<String> = (0..10_000).map(|index| format!("label_{index}=\"{index}\",")).collect();
    let labels = labels.concat();
    for index in 0..20 {
        writeln!(stream, "many{{{labels}n=\"{index}\"}} 1")?;
    }
    Ok(())
}
