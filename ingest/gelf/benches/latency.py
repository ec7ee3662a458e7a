#!/usr/bin/env python3
"""From a datagram to its record: in a live tail, and in the answer of a search.

usage: latency.py HTTP_ADDRESS UDP_ADDRESS [PROBES]

Sends one datagram at a time to a running Watchfire and waits until it shows, in both places. Other senders may be at work
meanwhile. Prints milliseconds: the median, the 99th percentile and the longest.
"""

import http.client
import json
import socket
import sys
import threading
import time
import urllib.parse

SEARCH = "/api/watchfire/v1/logs/search?"
TAIL = "/api/watchfire/v1/logs/tail?"
# Between two probes, in seconds.
PAUSE = 0.03
# Between two questions for the same record, in seconds.
ASK_AGAIN = 0.001
# A probe that does not show by then is lost.
PATIENCE = 30.0


def split(address):
    host, port = address.rsplit(":", 1)
    return ("127.0.0.1" if host in ("[::]", "0.0.0.0") else host.strip("[]")), int(port)


class Tail(threading.Thread):
    """Notes when each probe comes through the live tail."""

    def __init__(self, address, run):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection(*address)
        self.connection.request("GET", TAIL + urllib.parse.urlencode({"query": f"host:{run}"}))
        self.answer = self.connection.getresponse()
        self.seen = {}
        self.changed = threading.Condition()

    def run(self):
        for line in self.answer:
            if line.startswith(b"data:"):
                now = time.perf_counter()
                with self.changed:
                    records = json.loads(line[5:])
                    for record in records if isinstance(records, list) else []:
                        self.seen[record["message"]] = now
                    self.changed.notify()

    def wait(self, message):
        with self.changed:
            self.changed.wait_for(lambda: message in self.seen, PATIENCE)
            return self.seen.get(message, float("inf"))


def search(connection, run, message):
    """When a search first finds the probe."""
    end = int(time.time()) + 3600
    parameters = {"query": f'host:{run} message:"{message}"', "start": end - 7200, "end": end, "limit": 1}
    target = SEARCH + urllib.parse.urlencode(parameters)
    patience = time.perf_counter() + PATIENCE
    while time.perf_counter() < patience:
        connection.request("GET", target)
        body = connection.getresponse().read()
        if message.encode() in body:
            return time.perf_counter()
        time.sleep(ASK_AGAIN)
    return float("inf")


def percentiles(name, seconds):
    ms = sorted(1000 * value for value in seconds)
    p99 = ms[min(len(ms) - 1, int(len(ms) * 0.99))]
    print(f"{name}: p50 {ms[len(ms) // 2]:.1f} ms, p99 {p99:.1f} ms, longest {ms[-1]:.1f} ms, {len(ms)} probes")


def main():
    http_address, udp_address = split(sys.argv[1]), split(sys.argv[2])
    n_probes = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    run = f"probe{time.time_ns()}"
    tail = Tail(http_address, run)
    tail.start()
    asking = http.client.HTTPConnection(*http_address)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    in_tail, in_search = [], []
    for number in range(n_probes):
        message = f"probe {number:06}"
        record = {"version": "1.1", "host": run, "short_message": message, "timestamp": time.time()}
        sent = time.perf_counter()
        sender.sendto(json.dumps(record).encode(), udp_address)
        in_search.append(search(asking, run, message) - sent)
        in_tail.append(tail.wait(message) - sent)
        time.sleep(PAUSE)
    percentiles("in a tail", in_tail)
    percentiles("in a search", in_search)


if __name__ == "__main__":
    main()
