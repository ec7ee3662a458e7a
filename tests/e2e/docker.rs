//! Real containers through Docker's own gelf driver, by a private engine. Needs root, docker.io and busybox-static, and a
//! kernel that lets an engine start; else the test says that it was left out.

use crate::harness::{Server, installed};
use std::process::Command;

const CONTAINERS: usize = 2;
const LINES: usize = 50;

#[test]
fn docker_containers_log_over_udp_and_tcp() {
    let left_out = "real containers through Docker's gelf driver";
    let programs = [&["/usr/sbin/dockerd", "/usr/bin/dockerd"][..], &["/bin/busybox"]];
    if programs.iter().any(|paths| installed(paths, left_out).is_none()) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    for (address, count) in [(format!("udp://{}", server.gelf_udp), 1), (format!("tcp://{}", server.gelf_tcp), 2)] {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/clients/docker.sh");
        let output = Command::new(script)
            .args([&address, &CONTAINERS.to_string(), &LINES.to_string()])
            .output()
            .expect("bash runs");
        if output.status.code() == Some(3) {
            eprintln!("left out: {left_out} ({})", String::from_utf8_lossy(&output.stderr).trim());
            return;
        }
        assert!(output.status.success(), "{address}: {}", String::from_utf8_lossy(&output.stderr));
        server.wait_for("tag:wf", CONTAINERS * LINES * count);
    }
    let found = server.search("\"request 10 failed\" AND service:svc-1 AND level:error");
    assert_eq!(found.len(), 2, "once by UDP, once by TCP");
    assert_eq!(found[0]["fields"]["container_name"], "wf-1", "{}", found[0]);
}
