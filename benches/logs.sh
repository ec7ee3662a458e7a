#!/usr/bin/env bash
# The log table of the design: ingest, disk, answers against the oracle, query times warm and cold, clients at once, latency.
# Ends by itself; loopback only; cold runs want root (to empty the page cache).
# usage: benches/logs.sh SHARED [logs.py's options]      (after `cargo build --release`)
set -euo pipefail
cd "$(dirname "$0")/.."
shared=${1:?the folder with bench/loggen}
shift
tools=$PWD/target/bench-tools
cargo build --release --quiet --manifest-path "$shared/bench/loggen/Cargo.toml" --target-dir "$tools"
echo "cpu: $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1)"
exec python3 benches/logs.py "${WATCHFIRE_BINARY:-target/release/watchfire}" "$tools/release/loggen" "$@"
