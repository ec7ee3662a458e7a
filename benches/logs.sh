#!/usr/bin/env bash
# Log ingest over HTTP and UDP, disk after it, and the answers against the oracle. Ends by itself; loopback only.
# usage: benches/logs.sh SHARED [MESSAGES]      (after `cargo build --release`)
set -euo pipefail
cd "$(dirname "$0")/.."
shared=${1:?the folder with bench/loggen} messages=${2:-1000000}
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
tools=$PWD/target/bench-tools
cargo build --release --quiet --manifest-path "$shared/bench/loggen/Cargo.toml" --target-dir "$tools"
loggen=$tools/release/loggen
target/release/watchfire serve --data-dir "$work/data" --http-listen 127.0.0.1:0 --gelf-udp-listen 127.0.0.1:0 \
  --gelf-tcp-listen 127.0.0.1:0 --log warn >"$work/out" &
server=$!
until grep -q '^ready' "$work/out"; do kill -0 "$server"; read -rt 0.1 <> <(:) || true; done
http=$(awk '/^listening http/ {print $3}' "$work/out") udp=$(awk '/^listening gelf-udp/ {print $3}' "$work/out")
ticks=$(getconf CLK_TCK)
cpu() { awk -v t="$ticks" '{print ($14 + $15) / t}' "/proc/$server/stat"; }
rss() { awk '/^VmHWM/ {print $2 / 1024 " MiB"}' "/proc/$server/status"; }
echo "cpu: $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1), $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
echo "RSS at rest: $(awk '/^VmRSS/ {print $2 / 1024 " MiB"}' "/proc/$server/status")"
"$loggen" ndjson "$work/day.ndjson" "$messages" 2>&1 | tail -1
before=$(cpu)
"$loggen" http "http://$http/gelf" --file "$work/day.ndjson" --connections 2 --batch 5000 2>&1 | tail -2
after=$(cpu)
echo "http: server cpu-s per million: $(awk "BEGIN {print ($after - $before) * 1000000 / $messages}"), peak RSS $(rss)"
"$loggen" truth "$work/day.ndjson" >"$work/truth.json"
python3 benches/compare_truth.py "http://$http" "$work/truth.json"
before=$(cpu)
"$loggen" udp "${udp/\[::\]/127.0.0.1}" --rate 50000 --seconds 10 2>&1 | tail -2
echo "udp: server cpu-s in 10 s at 50 k/s: $(awk "BEGIN {print $(cpu) - $before}")"
curl -s "http://$http/api/watchfire/v1/inputs" | python3 -c 'import json,sys
for i in json.load(sys.stdin)["inputs"]: print(i["kind"], "received", i["received"], "records", i["records"], "losses", i["losses"])'
kill -TERM "$server"; wait "$server" || true
du -sb "$work/data/logs" "$work/data/wal" 2>/dev/null | awk '{print "disk:", $2, $1, "bytes"}'
