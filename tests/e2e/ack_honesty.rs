//! An answer that says "stored" comes after an fsync that covers the records: watched from outside, by the system calls.
//!
//! `WATCHFIRE_ACK_BATCHES` says how many batches (`make ack-honesty` posts 10,000).

use crate::harness::{Helper, Server, eventually, installed};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const BATCHES_DEFAULT: u64 = 200;
const CLIENTS: u64 = 4;
/// Directory of the log's files, as it stands in their paths.
const LOG: &str = "/wal/logs/";

/// A system call: its place in the trace, where it began and where it returned.
#[derive(Debug)]
struct Call {
    begun: usize,
    returned: usize,
    text: String,
}

/// Posts batches of one record. Says in which turn of all clients, from which port and for which id an answer came.
fn post(http: SocketAddr, client: u64, batches: u64, turns: &AtomicU64) -> Vec<(u64, u16, String)> {
    let mut acknowledged = Vec::new();
    for batch in 0..batches {
        let id = format!("ack-{client}-{batch}-end");
        let body = format!("{{\"host\":\"h\",\"short_message\":\"{id}\"}}");
        let mut stream = TcpStream::connect(http).expect("the server accepts");
        let port = stream.local_addr().expect("an address").port();
        let head = format!("POST /gelf HTTP/1.0\r\nHost: {http}\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.contains(" 202 "), "{answer}");
        acknowledged.push((turns.fetch_add(1, Ordering::SeqCst), port, id));
    }
    acknowledged
}

/// Puts together what `strace -f` prints in two parts where another thread came between.
fn calls(trace: &str) -> Vec<Call> {
    let mut waiting: HashMap<&str, Call> = HashMap::new();
    let mut calls = Vec::new();
    for (place, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some((begin, _)) = rest.split_once("<unfinished ...>") {
            waiting.insert(thread, Call { begun: place, returned: place, text: begin.to_owned() });
        } else if let Some((_, end)) = rest.split_once(" resumed>") {
            if let Some(mut call) = waiting.remove(thread) {
                call.returned = place;
                call.text.push_str(end);
                calls.push(call);
            }
        } else {
            calls.push(Call { begun: place, returned: place, text: rest.to_owned() });
        }
    }
    calls
}

/// The path between the angle brackets behind the first argument.
fn path(call: &Call) -> Option<&str> {
    call.text.split_once('<')?.1.split_once('>').map(|(path, _)| path)
}

/// Why the answers were not honest, if they were not.
fn judge(calls: &[Call], acknowledged: &[(u16, String)]) -> Result<(), String> {
    let is_write = |call: &&Call| ["write(", "writev(", "pwrite64("].iter().any(|name| call.text.starts_with(name));
    let is_sync = |call: &&Call| call.text.starts_with("fsync(") || call.text.starts_with("fdatasync(");
    let of_log = |call: &&Call| path(call).is_some_and(|path| path.contains(LOG));
    let writes: Vec<&Call> = calls.iter().filter(is_write).filter(of_log).collect();
    let syncs: Vec<&Call> =
        calls.iter().filter(is_sync).filter(of_log).filter(|call| call.text.ends_with("= 0")).collect();
    // Answers by the port of their client, in order: ports come again.
    let mut answers: HashMap<u16, Vec<&Call>> = HashMap::new();
    for call in calls.iter().filter(|call| call.text.contains("HTTP/1.0 202") || call.text.contains("HTTP/1.1 202")) {
        let port = call
            .text
            .split_once("->")
            .and_then(|(_, peer)| peer.split_once(']')?.0.rsplit(':').next()?.parse::<u16>().ok());
        answers.entry(port.ok_or_else(|| format!("no peer in {}", call.text))?).or_default().push(call);
    }
    let mut seen: HashMap<u16, usize> = HashMap::new();
    for (port, id) in acknowledged {
        let turn = seen.entry(*port).or_default();
        let answer = answers.get(port).and_then(|answers| answers.get(*turn)).ok_or(format!("no answer for {id}"))?;
        *turn += 1;
        let write =
            writes.iter().find(|call| call.text.contains(id.as_str())).ok_or(format!("{id} is never written"))?;
        let covers =
            |sync: &&&Call| path(sync) == path(write) && sync.begun > write.returned && sync.returned < answer.begun;
        if !syncs.iter().any(|sync| covers(&sync)) {
            return Err(format!(
                "{id} is answered at line {} without an fsync behind line {}",
                answer.begun, write.returned
            ));
        }
    }
    Ok(())
}

#[test]
fn every_answer_follows_an_fsync_that_covers_it() {
    let Some(strace) = installed(&["/usr/bin/strace", "/usr/local/bin/strace"], "whether answers follow fsyncs") else {
        return;
    };
    let batches = std::env::var("WATCHFIRE_ACK_BATCHES").ok().and_then(|count| count.parse().ok());
    let batches = batches.unwrap_or(BATCHES_DEFAULT);
    let begun = Instant::now();
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path(), &[]);
    let file = dir.path().join("trace");
    let tracer = trace(&strace, &server, &file);
    if tracer.is_none() {
        eprintln!("left out: whether answers follow fsyncs (strace may not attach here)");
        return;
    }
    let http = server.http;
    let turns = Arc::new(AtomicU64::new(0));
    let clients = (0..CLIENTS).map(|client| {
        let turns = Arc::clone(&turns);
        std::thread::spawn(move || post(http, client, batches.div_ceil(CLIENTS), &turns))
    });
    let clients: Vec<_> = clients.collect();
    let mut answered: Vec<_> = clients.into_iter().flat_map(|client| client.join().expect("a client")).collect();
    // Ports are used again: their answers are told apart by their order.
    answered.sort_unstable();
    let acknowledged: Vec<(u16, String)> = answered.into_iter().map(|(_, port, id)| (port, id)).collect();
    server.kill();
    let last = &acknowledged.last().expect("a batch").1;
    let text = eventually("the end of the trace", || {
        let text = String::from_utf8_lossy(&std::fs::read(&file).ok()?).into_owned();
        (text.contains(last.as_str()) && text.contains("+++ killed by SIGKILL +++")).then_some(text)
    });
    let calls = calls(&text);
    let syncs =
        calls.iter().filter(|call| call.text.starts_with("fdatasync(") || call.text.starts_with("fsync(")).count();
    judge(&calls, &acknowledged).unwrap_or_else(|violation| panic!("{violation}"));
    println!(
        "ack-honesty: {} answers over {CLIENTS} connections at a time, each behind an fsync that began after its records were \
         written; {syncs} fsyncs in all; {:.0} s",
        acknowledged.len(),
        begun.elapsed().as_secs_f64(),
    );
}

/// Watches all threads; none where that is not permitted.
fn trace(strace: &Path, server: &Server, file: &Path) -> Option<Helper> {
    let mut command = Command::new(strace);
    command.args(["-f", "-yy", "-s", "4096", "-e", "trace=write,writev,pwrite64,sendto,sendmsg,fsync,fdatasync", "-o"]);
    command.arg(file).args(["-p", &server.id().to_string()]);
    let helper = Helper::start(&mut command);
    // Attached when it sees what the server does.
    crate::harness::eventually_within(std::time::Duration::from_secs(10), || {
        server.get("/-/healthy");
        std::fs::metadata(file).is_ok_and(|file| file.len() > 0).then_some(())
    })?;
    Some(helper)
}

#[test]
fn a_dishonest_trace_is_noticed() {
    let trace = "\
1 write(9</data/wal/logs/0/0>, \"ack-0-0-end\", 11) = 11
2 fdatasync(9</data/wal/logs/0/0>) = 0
1 write(5<TCP:[127.0.0.1:9090->127.0.0.1:4000]>, \"HTTP/1.0 202 Accepted\", 21) = 21";
    let acknowledged = [(4000, "ack-0-0-end".to_owned())];
    assert_eq!(judge(&calls(trace), &acknowledged), Ok(()));
    let lines: Vec<&str> = trace.lines().collect();
    for order in [[1, 0, 2], [0, 2, 1]] {
        let trace = order.map(|place| lines[place]).join("\n");
        assert!(judge(&calls(&trace), &acknowledged).is_err(), "{trace}");
    }
    let failed = trace.replace("0/0>) = 0", "0/0>) = -1 EIO");
    assert!(judge(&calls(&failed), &acknowledged).is_err());
    // A sync that had begun before the write covers nothing.
    let early = format!(
        "2 fdatasync(9</data/wal/logs/0/0> <unfinished ...>\n{}\n2 <... fdatasync resumed>) = 0\n{}",
        lines[0], lines[2]
    );
    assert!(judge(&calls(&early), &acknowledged).is_err());
}
