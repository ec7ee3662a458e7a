//! A disk of 64 MB that fills up under ingest: data is refused and counted, queries are answered, a restart succeeds while it is
//! full, and when there is room again everything goes on by itself.
//!
//! `WATCHFIRE_DISK_ROUNDS` says how often (`make disk-full ROUNDS=50`).

use crate::harness::{Server, eventually, eventually_within, request};
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const ROUNDS_DEFAULT: u64 = 2;
/// Rounds on one file system before it is made anew.
const ROUNDS_PER_DISK: u64 = 5;
/// Bytes that a round leaves free at first; less than a few seconds of ingest.
const FREE_BYTES: u64 = 7 << 20;
/// From the moment that there is room, until data is taken again.
const RECOVERY_MAX: Duration = Duration::from_secs(10);
const BATCH: u64 = 50;
const DISK_BYTES: u64 = 64 << 20;

const CONFIG: &str = "
logs:
  store: { memtable_bytes_max: 1MiB, flush_age: 2s }
";

/// A file system of its own, gone with its owner.
#[derive(Debug)]
struct Disk {
    place: tempfile::TempDir,
    kind: &'static str,
    /// What an ext4 lies in.
    _image: Option<tempfile::NamedTempFile>,
}

impl Disk {
    /// An ext4 in a file, where `fsync` is one; a tmpfs where loop devices are not permitted; none where mounting is not.
    fn mount() -> Option<Disk> {
        let disk = Disk::ext4().or_else(Disk::tmpfs);
        if disk.is_none() {
            eprintln!("left out: the full disk (mounting a file system of 64 MB is not permitted)");
        }
        disk
    }

    fn ext4() -> Option<Disk> {
        let image = tempfile::NamedTempFile::new().expect("a file");
        image.as_file().set_len(DISK_BYTES).expect("a sparse file");
        let place = tempfile::tempdir().expect("a directory");
        let made = succeeds(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(image.path()));
        let mounted = made && succeeds(Command::new("mount").args(["-o", "loop"]).arg(image.path()).arg(place.path()));
        mounted.then_some(Disk { place, kind: "ext4", _image: Some(image) })
    }

    fn tmpfs() -> Option<Disk> {
        let place = tempfile::tempdir().expect("a directory");
        let size = format!("size={DISK_BYTES}");
        let mounted =
            succeeds(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "watchfire-test"]).arg(place.path()));
        mounted.then_some(Disk { place, kind: "tmpfs", _image: None })
    }

    fn path(&self) -> &Path {
        self.place.path()
    }

    fn free_bytes(&self) -> u64 {
        let output = Command::new("df").args(["--output=avail", "-B1"]).arg(self.path()).output().expect("df runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().nth(1).and_then(|line| line.trim().parse().ok()).expect("df prints bytes")
    }

    /// Fills the disk until `left` bytes are free, or until nothing fits.
    fn fill(&self, name: &str, left: u64) -> PathBuf {
        let path = self.path().join(name);
        let mut file = File::create(&path).expect("a file");
        let piece = vec![0x5a; 64 << 10];
        // The server writes at the same time: what is free is asked once for both.
        while let Some(missing) = self.free_bytes().checked_sub(left).filter(|missing| *missing > 0) {
            let missing = missing as usize;
            for _ in 0..(missing / piece.len()).max(1) {
                if file.write_all(&piece[..piece.len().min(missing)]).is_err() {
                    return path;
                }
            }
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Counts of what senders saw.
#[derive(Debug, Default)]
struct Seen {
    refused: AtomicU64,
    without_retry_after: AtomicU64,
    datagrams: AtomicU64,
}

fn line(round: u64, id: &str) -> String {
    let filler = "GET /v1/items/7731 refused by peer ".repeat(8);
    format!("{{\"host\":\"h\",\"short_message\":\"{id} {filler}\",\"_round\":{round},\"_id_text\":\"{id}\"}}")
}

/// Posts until told to stop; the ids that were acknowledged.
fn post(http: SocketAddr, round: u64, phase: &str, stop: &AtomicBool, seen: &Seen) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for batch in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let ids: Vec<String> = (0..BATCH).map(|n| format!("{phase}{round}-{batch}-{n}")).collect();
        let body = ids.iter().map(|id| line(round, id)).collect::<Vec<_>>().join("\n");
        match request(http, "POST", "/gelf", &[], body.as_bytes()) {
            Ok(answer) if answer.status == 202 => acknowledged.extend(ids),
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{}", answer.body);
                seen.refused.fetch_add(1, Ordering::Relaxed);
                let has_retry = answer.head.to_ascii_lowercase().contains("retry-after:");
                seen.without_retry_after.fetch_add(u64::from(!has_retry), Ordering::Relaxed);
                std::thread::park_timeout(Duration::from_millis(50));
            }
            Err(_) => break,
        }
    }
    acknowledged
}

fn send_datagrams(udp: SocketAddr, round: u64, stop: &AtomicBool, seen: &Seen) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        if socket.send_to(line(round, &format!("u{round}-{n}")).as_bytes(), udp).is_ok() {
            seen.datagrams.fetch_add(1, Ordering::Relaxed);
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Every acknowledged id once, and no id of the round twice.
fn check(server: &Server, round: u64, acknowledged: &[String]) {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut cursor = String::new();
    loop {
        let path =
            format!("/api/watchfire/v1/logs/search?query=round:{round}&start=0&end=4102444800&limit=10000{cursor}");
        let body = server.whole_answer(&path);
        for record in body["records"].as_array().expect("records") {
            *seen.entry(record["fields"]["id_text"].as_str().expect("an id").to_owned()).or_default() += 1;
        }
        match body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", crate::harness::encode(next)),
            None => break,
        }
    }
    let lost = acknowledged.iter().filter(|id| !seen.contains_key(*id)).count();
    assert_eq!(
        lost,
        0,
        "round {round}: {lost} of {} acknowledged records are lost; log: {}",
        acknowledged.len(),
        server.log()
    );
    let doubled: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).take(5).collect();
    assert!(doubled.is_empty(), "round {round}: doubled: {doubled:?}");
}

/// What the rounds amounted to.
#[derive(Debug, Default)]
struct Totals {
    /// The file system.
    kind: &'static str,
    acknowledged: usize,
    refused: u64,
    datagrams: u64,
    datagrams_dropped: u64,
    recovery_max: Duration,
}

fn run(disk: &Disk, dir: &Path, round: u64, totals: &mut Totals) {
    let config = dir.join("watchfire.yml");
    std::fs::write(&config, CONFIG).expect("a writable directory");
    let data = disk.path().join("data");
    let args = ["--config", config.to_str().expect("UTF-8"), "--data-dir", data.to_str().expect("UTF-8")];
    let mut server = Server::start(dir, &args);
    let ballast = disk.fill("ballast", FREE_BYTES);
    let seen = Arc::new(Seen::default());
    let stop = Arc::new(AtomicBool::new(false));
    let spawn = |phase: &'static str, http: SocketAddr| {
        let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
        std::thread::spawn(move || post(http, round, phase, &stop, &seen))
    };
    let poster = spawn("h", server.http);
    let datagrams = {
        let (stop, seen, udp) = (Arc::clone(&stop), Arc::clone(&seen), server.gelf_udp);
        std::thread::spawn(move || send_datagrams(udp, round, &stop, &seen))
    };
    let refused = |seen: &Seen| seen.refused.load(Ordering::Relaxed);
    eventually("a refusal", || (refused(&seen) > 3).then_some(()));
    // Queries are answered, and what UDP brings in vain is counted.
    assert!(
        !server.search(&format!("round:{round} h{round}-0-0")).is_empty()
            || !server.search(&format!("round:{round}")).is_empty()
    );
    let dropped = eventually("datagrams counted as lost", || {
        let lost = server.metric("watchfire_gelf_losses_total", &["input=\"gelf-udp\""]);
        (lost > 0.0).then_some(lost)
    });
    totals.datagrams_dropped += dropped as u64;
    stop.store(true, Ordering::Relaxed);
    let acknowledged = poster.join().expect("a poster");
    datagrams.join().expect("a sender");
    assert_eq!(seen.without_retry_after.load(Ordering::Relaxed), 0, "503 says when to come again");
    check(&server, round, &acknowledged);

    // Not a byte is left: it opens all the same, and answers.
    let rest = disk.fill("rest", 0);
    server.kill();
    let server = Server::start(dir, &args);
    check(&server, round, &acknowledged);
    let refusal = server.post("/gelf", &[], line(round, "refused").as_bytes());
    assert_eq!(refusal.status, 503, "a full disk takes nothing in: {}", refusal.body);

    // Room again: it goes on by itself.
    std::fs::remove_file(rest).and_then(|()| std::fs::remove_file(ballast)).expect("removed");
    let begun = Instant::now();
    let fresh = format!("fresh{round}");
    eventually_within(RECOVERY_MAX, || {
        (server.post("/gelf", &[], line(round, &fresh).as_bytes()).status == 202).then_some(())
    })
    .unwrap_or_else(|| {
        panic!("round {round}: data is not taken {RECOVERY_MAX:?} after there is room; {}", server.log())
    });
    totals.recovery_max = totals.recovery_max.max(begun.elapsed());
    check(&server, round, &[acknowledged.clone(), vec![fresh]].concat());
    assert!(server.stop().success());
    totals.acknowledged += acknowledged.len();
    totals.refused += refused(&seen);
    totals.datagrams += seen.datagrams.load(Ordering::Relaxed);
}

#[test]
fn a_full_disk_refuses_answers_and_recovers() {
    let rounds =
        std::env::var("WATCHFIRE_DISK_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS_DEFAULT);
    let begun = Instant::now();
    let mut totals = Totals::default();
    let mut disk = None;
    let dir = tempfile::tempdir().expect("a directory");
    for round in 0..rounds {
        if round.is_multiple_of(ROUNDS_PER_DISK) {
            drop(disk.take());
            disk = Disk::mount();
        }
        let Some(disk) = &disk else { return };
        totals.kind = disk.kind;
        run(disk, dir.path(), round, &mut totals);
    }
    println!(
        "disk-full: {rounds} rounds on {} of 64 MB, {} records acknowledged, none lost, none doubled; {} bodies refused with 503; of {} \
         datagrams {} lost and counted; opened full every time; took data again after at most {} ms; {:.0} s",
        totals.kind,
        totals.acknowledged,
        totals.refused,
        totals.datagrams,
        totals.datagrams_dropped,
        totals.recovery_max.as_millis(),
        begun.elapsed().as_secs_f64(),
    );
}
