"""From a datagram to its appearance in search and in the live tail: one numbered GELF message at a time, loopback.

Used by `logs.py`; milliseconds.
"""
import http.client
import json
import socket
import threading
import time
import urllib.parse

import server as servers

MESSAGES = 200
PATIENCE_SECONDS = 10


def message(number):
    return json.dumps({"version": "1.1", "host": "latency", "short_message": f"latency probe{number}", "_probe": number}).encode()


def send(asked, number):
    host, port = asked.addresses["gelf-udp"].rsplit(":", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(message(number), (host.strip("[]"), int(port)))
    return time.perf_counter()


def to_search(asked, messages=MESSAGES):
    """Asks as fast as answers come until the message is found."""
    taken = []
    now = int(time.time())
    span = {"start": now - 3600, "end": now + 7200, "limit": 1}
    for number in range(messages):
        sent = send(asked, number)
        while not asked.logs("search", query=f"probe:{number}", **span)["records"]:
            if time.perf_counter() - sent > PATIENCE_SECONDS:
                raise SystemExit(f"datagram {number} is not found")
        taken.append((time.perf_counter() - sent) * 1000)
    return taken


def to_tail(asked, messages=MESSAGES):
    """Reads server-sent events on a connection of its own."""
    came, arrived = {}, threading.Condition()
    connection = http.client.HTTPConnection(asked.http, timeout=PATIENCE_SECONDS * 3)
    connection.request("GET", servers.API + "tail?" + urllib.parse.urlencode({"query": "host:latency"}))
    answer = connection.getresponse()

    def read():
        while line := answer.readline():
            if line.startswith(b"data:") and b"probe" in line:
                at = time.perf_counter()
                data = json.loads(line[5:])
                for record in data if isinstance(data, list) else [data]:
                    with arrived:
                        came[record["fields"]["probe"]] = at
                        arrived.notify()

    threading.Thread(target=read, daemon=True).start()
    taken = []
    for number in range(10_000, 10_000 + messages):
        sent = send(asked, number)
        with arrived:
            if not arrived.wait_for(lambda: number in came, PATIENCE_SECONDS):
                raise SystemExit(f"datagram {number} does not come through the tail")
            taken.append((came[number] - sent) * 1000)
    return taken


def report(asked):
    for name, measure in (("search", to_search), ("tail", to_tail)):
        taken = measure(asked)
        print(f"UDP to {name}, {len(taken)} datagrams: p50 {servers.percentile(taken, 0.5):.1f} ms, p99 {servers.percentile(taken, 0.99):.1f} ms")
