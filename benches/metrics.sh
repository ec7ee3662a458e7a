#!/usr/bin/env bash
# Scrape of a fleet: server CPU per million samples, memory per series. Ends by itself; loopback only.
# usage: benches/metrics.sh SHARED [TARGETS SERIES INTERVAL SECONDS]      (after `cargo build --release`)
set -euo pipefail
cd "$(dirname "$0")/.."
shared=${1:?the folder with bench/metrics} targets=${2:-20} series=${3:-5000} interval=${4:-5} seconds=${5:-60}
work=$(mktemp -d)
trap 'kill "${server:-}" "${fleet:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
tools=$PWD/target/bench-tools
cargo build --release --quiet --manifest-path "$shared/bench/metrics/Cargo.toml" --target-dir "$tools"
mbench=$tools/release/mbench
timeout $((seconds + 120)) "$mbench" fleet --targets "$targets" --series "$series" --interval "$interval" >"$work/fleet" 2>&1 &
fleet=$!
"$mbench" config --targets "$targets" --interval "${interval}s" >"$work/prometheus.yml"
target/release/watchfire serve --config "$work/prometheus.yml" --data-dir "$work/data" --http-listen 127.0.0.1:0 \
  --gelf-udp-listen 127.0.0.1:0 --gelf-tcp-listen 127.0.0.1:0 --log warn >"$work/out" &
server=$!
until grep -q '^ready' "$work/out"; do kill -0 "$server"; read -rt 0.1 <> <(:) || true; done
http=$(awk '/^listening http/ {print $3}' "$work/out")
ticks=$(getconf CLK_TCK)
cpu() { awk -v t="$ticks" '{print ($14 + $15) / t}' "/proc/$server/stat"; }
metric() { curl -s "http://$http/api/v1/query" --data-urlencode "query=$1" | python3 -c 'import json,sys
r = json.load(sys.stdin)["data"]["result"]; print(r[0]["value"][1] if r else 0)'; }
echo "cpu: $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1), $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
rest=$(awk '/^VmRSS/ {print $2}' "/proc/$server/status")
pause() { local until=$((SECONDS + $1)); while [ "$SECONDS" -lt "$until" ]; do read -rt 1 <> <(:) || true; done; }
pause $((3 * interval)) # every target seen, every series registered
before=$(cpu); began=$(date +%s)
pause "$seconds"
after=$(cpu); ended=$(date +%s)
samples=$(metric "sum(sum_over_time(scrape_samples_scraped[$((ended - began))s]))")
count=$(metric 'count({__name__=~".+"})')
rss=$(awk '/^VmRSS/ {print $2}' "/proc/$server/status")
echo "scraped $samples samples in $((ended - began)) s from $targets targets, $count series"
echo "server cpu-s per million samples: $(awk "BEGIN {print ($after - $before) * 1000000 / $samples}")"
echo "RSS per series: $(awk "BEGIN {print ($rss - $rest) * 1024 / $count}") B (RSS $((rss / 1024)) MiB, at rest $((rest / 1024)) MiB)"
echo "targets up: $(metric 'sum(up)') of $targets; longest scrape $(metric 'max(scrape_duration_seconds)') s"
grep -i late "$work/fleet" || true
