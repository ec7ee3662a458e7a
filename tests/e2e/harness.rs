//! Starts servers, talks HTTP to them, waits for conditions.

use serde_json::Value;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What any single condition may take on a loaded machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);

/// A server in a process of its own. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) http: SocketAddr,
    pub(crate) gelf_udp: SocketAddr,
    pub(crate) gelf_tcp: SocketAddr,
    log: PathBuf,
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The header lines.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.body))
    }
}

/// The binary under test: the one just built, or one that `WATCHFIRE_BINARY` names (to measure a release build).
fn binary() -> PathBuf {
    std::env::var_os("WATCHFIRE_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_watchfire").into(), PathBuf::from)
}

/// The command with free ports and a data directory of its own.
pub(crate) fn serve_command(dir: &Path, extra: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("serve");
    if !extra.contains(&"--data-dir") {
        command.arg("--data-dir").arg(dir.join("data"));
    }
    for option in ["--http-listen", "--gelf-udp-listen", "--gelf-tcp-listen"] {
        if !extra.contains(&option) {
            command.args([option, "127.0.0.1:0"]);
        }
    }
    command.args(extra);
    command
}

impl Server {
    /// Starts a server and waits until it says that it is ready.
    pub(crate) fn start(dir: &Path, extra: &[&str]) -> Server {
        Server::try_start(dir, extra, &[]).unwrap_or_else(|log| panic!("the server did not get ready: {log}"))
    }

    /// Starts a server with variables in its environment.
    ///
    /// # Errors
    /// Its log, if it ends before it is ready.
    pub(crate) fn try_start(dir: &Path, extra: &[&str], variables: &[(&str, &str)]) -> Result<Server, String> {
        let log = dir.join("server.log");
        let stderr = File::options().create(true).append(true).open(&log).expect("a log file");
        let mut command = serve_command(dir, extra);
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Server { child, http: nowhere, gelf_udp: nowhere, gelf_tcp: nowhere, log };
        let until = Instant::now() + DEADLINE;
        loop {
            let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) else {
                return Err(server.log());
            };
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["listening", "http", address] => server.http = address.parse().expect("an address"),
                ["listening", "gelf-udp", address] => server.gelf_udp = address.parse().expect("an address"),
                ["listening", "gelf-tcp", address] => server.gelf_tcp = address.parse().expect("an address"),
                ["ready"] => return Ok(server),
                _ => {}
            }
        }
    }

    pub(crate) fn with_config(dir: &Path, config: &str) -> Server {
        let file = dir.join("watchfire.yml");
        std::fs::write(&file, config).expect("a writable directory");
        Server::start(dir, &["--config", file.to_str().expect("UTF-8")])
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the server wrote to its own log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether the process is gone, by a crash or by the kernel's hand.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// SIGKILL, as a crash.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a child not waited for");
        self.child.wait().expect("an ended child");
    }

    /// SIGTERM; the server must be gone within its ten seconds.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        let until = Instant::now() + Duration::from_secs(15);
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            std::thread::park_timeout(POLL);
        }
        panic!("the server did not stop within 15 s: {}", self.log());
    }

    pub(crate) fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().expect("kill runs");
        assert!(status.success(), "kill -{name}");
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        request(self.http, "GET", path, &[], b"").expect("the server answers")
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        request(self.http, "POST", path, headers, body).expect("the server answers")
    }

    /// Waits until everything that the write-ahead logs hold is in answers.
    #[track_caller]
    pub(crate) fn wait_ready(&self) {
        let ready = eventually_within(DEADLINE, || (self.get("/-/ready").status == 200).then_some(()));
        ready.unwrap_or_else(|| panic!("{}; log: {}", self.get("/-/ready").body, self.log()));
    }

    /// A search that misses nothing: waits while the server still reads its write-ahead log.
    #[track_caller]
    pub(crate) fn whole_answer(&self, path: &str) -> Value {
        let mut last = String::new();
        let whole = eventually_within(DEADLINE, || {
            let answer = self.get(path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            let body = answer.json();
            last = body["partial"].to_string();
            (body["partial"] == Value::Array(Vec::new())).then_some(body)
        });
        whole.unwrap_or_else(|| panic!("{path} is never whole, {last} is missing; log: {}", self.log()))
    }

    /// The sum of a counter or gauge over those of its series that hold all the `labels` (as `name="value"`); 0 without any.
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let page = self.get("/metrics").body;
        let series =
            page.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        let fitting = series.filter(|line| labels.iter().all(|label| line.contains(label)));
        fitting.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Records that match a log query, over all time, newest first.
    #[track_caller]
    pub(crate) fn search(&self, query: &str) -> Vec<Value> {
        let path = format!("/api/watchfire/v1/logs/search?start=0&end=4102444800&limit=10000&query={}", encode(query));
        self.whole_answer(&path)["records"].as_array().expect("records").clone()
    }

    /// Waits until a query finds exactly `count` records.
    #[track_caller]
    pub(crate) fn wait_for(&self, query: &str, count: usize) -> Vec<Value> {
        let mut last = 0;
        let found = eventually_within(DEADLINE, || {
            let records = self.search(query);
            last = records.len();
            (records.len() == count).then_some(records)
        });
        found.unwrap_or_else(|| panic!("`{query}` finds {last} records, not {count}; log: {}", self.log()))
    }

    /// The samples of an instant query.
    #[track_caller]
    pub(crate) fn query(&self, expression: &str) -> Vec<Value> {
        let answer = self.get(&format!("/api/v1/query?query={}", encode(expression)));
        assert_eq!(answer.status, 200, "{expression}: {}", answer.body);
        answer.json()["data"]["result"].as_array().expect("a vector").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls until `condition` gives a value; panics with `what` at the deadline.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    eventually_within(DEADLINE, condition).unwrap_or_else(|| panic!("not within {DEADLINE:?}: {what}"))
}

pub(crate) fn eventually_within<T>(deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + deadline;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if Instant::now() > until {
            return None;
        }
        std::thread::park_timeout(POLL);
    }
}

/// One request on a connection of its own. HTTP/1.0, so that the answer ends where the connection does.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    let mut head = format!("{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        let _ = write!(head, "Host: {address}\r\n");
    }
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// Percent-encodes a parameter's value.
pub(crate) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A small HTTP server that keeps the bodies it is sent.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    /// The first `refusals` requests are answered with 503.
    pub(crate) fn start(refusals: usize) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for (index, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let Some(body) = receive(&stream) else { continue };
                let refused = index < refusals;
                let status = if refused { "503 Service Unavailable" } else { "200 OK" };
                let _ = write!(&stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                if !refused {
                    kept.lock().expect("no panic while held").push(body);
                }
            }
        });
        Receiver { address, bodies }
    }

    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.bodies.lock().expect("no panic while held").clone()
    }
}

fn receive(stream: &TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// Runs the binary to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    Command::new(binary()).args(args).output().expect("the binary starts")
}

/// A process that is ended with its owner.
#[derive(Debug)]
pub(crate) struct Helper(Child);

impl Helper {
    pub(crate) fn start(command: &mut Command) -> Helper {
        Helper(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the helper starts"))
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The path of an installed program, or a line that says what is left out without it.
pub(crate) fn installed(paths: &[&str], left_out: &str) -> Option<PathBuf> {
    let found = paths.iter().map(PathBuf::from).find(|path| path.exists());
    if found.is_none() {
        eprintln!("left out: {left_out} (none of {} is installed)", paths.join(", "));
    }
    found
}
