#!/usr/bin/env bash
# Runs containers that log through Docker's gelf driver, on an engine of its own with an image made of busybox alone.
# usage: docker.sh ADDRESS CONTAINERS LINES    exits with 3 where no engine can start
set -euo pipefail
address=$1 containers=$2 lines=$3
work=$(mktemp -d)
export DOCKER_HOST=unix://$work/socket
timeout 300 dockerd --data-root "$work/data" --exec-root "$work/exec" --iptables=false --bridge=none \
  --host "$DOCKER_HOST" --pidfile "$work/pid" >"$work/log" 2>&1 &
engine=$!
finish() {
  kill "$engine" 2>/dev/null || true
  wait "$engine" 2>/dev/null || true
  umount "$work"/exec/netns/* 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
deadline=$((SECONDS + 45))
until docker info >/dev/null 2>&1; do
  if ! kill -0 "$engine" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
    tail -n 2 "$work/log" >&2
    exit 3
  fi
  read -rt 0.3 <> <(:) || true
done
mkdir -p "$work/root/bin"
cp /bin/busybox "$work/root/bin/sh"
tar -C "$work/root" -c . | docker import - watchfire-e2e:1 >/dev/null
program='i=0; while [ $i -lt '$lines' ]; do i=$((i+1)); if [ $((i % 10)) = 0 ]; then echo "request $i failed" >&2; else echo "request $i served"; fi; done'
jobs=()
for n in $(seq "$containers"); do
  docker run --rm --name "wf-$n" --network host --label "service=svc-$n" --log-driver gelf \
    --log-opt "gelf-address=$address" --log-opt tag=wf --log-opt labels=service watchfire-e2e:1 /bin/sh -c "$program" >/dev/null &
  jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job"; done
