"""The log table of the design: ingest, answers, query times, several clients, latency. Run by `logs.sh`, which builds what it needs.

Each phase prints its lines; `PHASES` (comma separated) chooses some. Loopback only; everything lies below one directory, removed at
the end unless KEEP names another one to keep.
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import threading
import time

import compare_truth
import log_latency
import log_queries
import server as servers

PHASES = ("ingest", "truth", "merge", "restart", "warm", "cold", "clients", "busy", "udp", "latency")
CLIENTS = 8
CLIENT_SECONDS = 20
# CPU seconds of zstd -1 per million messages on the machine that the yardsticks were taken on.
YARDSTICK_ZSTD = 0.64
MERGE = "logs:\n  store: {{ compact_in_background: {} }}\n"


class Bench:
    def __init__(self, options, work):
        self.options, self.work, self.data = options, work, work / "data"
        self.truth = None
        self.scale = 1.0

    def start(self, merges=True):
        return servers.Server(self.options.binary, self.data, MERGE.format(str(merges).lower()))

    def loggen(self, *words):
        """The last line that the generator says."""
        done = subprocess.run([self.options.loggen, *map(str, words)], capture_output=True, text=True, check=True)
        return (done.stdout + done.stderr).strip().splitlines()[-1]

    def prepare(self):
        data = pathlib.Path(self.options.data) if self.options.data else self.work / "day.ndjson"
        if not data.exists():
            print(self.loggen("ndjson", data, self.options.messages))
        self.file = data
        known = pathlib.Path(f"{data}.truth.json")
        if self.options.data and known.exists() and known.stat().st_mtime > data.stat().st_mtime:
            text = known.read_text()
        else:
            text = subprocess.run([self.options.loggen, "truth", data], capture_output=True, text=True, check=True).stdout
            known.write_text(text)
        self.truth = json.loads(text)
        self.messages = self.truth["messages"]
        calibration = subprocess.run([self.options.loggen, "calibrate", data], capture_output=True, text=True).stdout
        zstd = next((line for line in calibration.splitlines() if line.startswith("zstd -1")), "")
        print(f"machine: {os.cpu_count()} cores, load {' '.join(f'{load:.1f}' for load in os.getloadavg())}; {zstd}")
        measured = re.search(r"([0-9.]+) cpu-s per million", zstd)
        per_million = self.options.zstd or (float(measured[1]) if measured else YARDSTICK_ZSTD)
        self.scale = YARDSTICK_ZSTD / per_million

    def million(self, seconds):
        return seconds * 1e6 / self.messages

    def ingest(self):
        """Into an empty directory, without merging: what it costs, by thread."""
        shutil.rmtree(self.data, ignore_errors=True)
        asked = self.start(merges=False)
        print(f"RSS at rest {asked.status_kib('VmRSS') / 1024:.0f} MiB")
        before, threads, began = asked.cpu_in_all(), asked.cpu_by_thread(), time.perf_counter()
        said = self.loggen("http", f"http://{asked.http}/gelf", "--file", self.file, "--connections", 2, "--batch", 5000)
        wall = time.perf_counter() - began
        asked.settle()
        spent = asked.cpu_in_all() - before
        print(said)
        print(
            f"ingest over HTTP: {self.million(spent):.2f} CPU s per million (x {self.scale:.2f} = {self.million(spent) * self.scale:.2f}; "
            f"target 4, VictoriaLogs 11.4), {self.messages / wall:.0f}/s with the sender beside it, peak RSS {asked.status_kib('VmHWM') / 1024:.0f} MiB"
        )
        by_thread = {name: cpu - threads.get(name, 0) for name, cpu in asked.cpu_by_thread().items()}
        shown = sorted(by_thread.items(), key=lambda one: -one[1])
        print("  by thread, CPU s per million: " + ", ".join(f"{name} {self.million(cpu):.2f}" for name, cpu in shown if cpu > 0.01))
        self.show_disk("fresh blocks")
        if "truth" in self.options.phases:
            self.show_truth("fresh blocks", asked)
        if "warm" in self.options.phases:
            log_queries.print_table(f"Many small blocks ({asked.metric('watchfire_logstore_blocks'):.0f})", log_queries.warm(asked, self.truth), {}, self.messages, self.scale)
        asked.stop()

    def show_disk(self, what):
        sizes = servers.disk(self.data)
        logs = sizes["columns"] + sizes["index"]
        parts = ", ".join(f"{name} {size / self.messages:.1f}" for name, size in sizes.items())
        print(f"disk, {what}: {logs / self.messages:.1f} B per message (target 52, VictoriaLogs 62): {parts}")

    def show_truth(self, what, asked):
        lines = []
        equal, refused, total = compare_truth.compare(asked, self.truth, lines.append)
        print(f"answers, {what}: {equal} of {total} equal, {refused} refused")
        show_unequal(lines)

    def merge(self):
        """The merging of blocks, with the answers compared all the while."""
        asked = self.start()
        before = asked.cpu_in_all()
        asked.settle()
        spent = asked.cpu_in_all() - before
        print(f"merging: {self.million(spent):.2f} CPU s per million, {asked.metric('watchfire_logstore_blocks'):.0f} blocks")
        self.show_disk("merged blocks")
        asked.stop()

    def truth_while_merging(self):
        """On a copy of the unmerged directory, so that what merging costs is measured by itself."""
        kept = self.data
        self.data = self.work / "copy" / "data"
        shutil.copytree(kept, self.data, copy_function=os.link)
        shutil.rmtree(self.data / "wal", ignore_errors=True)
        shutil.copytree(kept / "wal", self.data / "wal")
        (self.data / "LOCK").unlink(missing_ok=True)
        asked = self.start()
        rounds, least, refused, total = 0, None, 0, 0
        before = asked.cpu_in_all()
        while True:
            blocks = asked.metric("watchfire_logstore_blocks")
            lines = []
            equal, refused, total = compare_truth.compare(asked, self.truth, lines.append)
            if least is None or equal < least:
                show_unequal(lines)
            least = equal if least is None else min(least, equal)
            rounds += 1
            if asked.metric("watchfire_logstore_blocks") == blocks and rounds > 2:
                break
        spent = asked.cpu_in_all() - before
        print(f"answers while blocks are merged, {rounds} rounds: at least {least} of {total} equal, {refused} refused; {spent:.0f} CPU s")
        asked.stop()
        shutil.rmtree(self.data.parent)
        self.data = kept

    def restart(self):
        asked = self.start()
        print(f"restart: ready after {asked.ready_seconds:.2f} s")
        self.show_truth("after a restart", asked)
        asked.stop()

    def tables(self):
        cold, dropped = log_queries.cold(self.start, self.truth) if "cold" in self.options.phases else ({}, True)
        if not dropped:
            print("the page cache could not be emptied: cold means restarted only")
        asked = self.start()
        warm = log_queries.warm(asked, self.truth) if "warm" in self.options.phases else {}
        asked.stop()
        log_queries.print_table("Merged blocks", warm, cold, self.messages, self.scale)

    def clients(self):
        """Clients that each ask the queries of the table in an order of their own."""
        asked = self.start()
        ways = {name: log_queries.way(asked, ways) for name, ways in log_queries.queries(self.truth).items()}
        ways = {name: way for name, way in ways.items() if way}
        taken, failures, until = {name: [] for name in ways}, [], time.monotonic() + CLIENT_SECONDS

        def work(seed):
            order, mine = random.Random(seed), compare_truth.Asked(asked.http)
            while time.monotonic() < until:
                name = order.choice(list(ways))
                call, parameters = ways[name]
                began = time.perf_counter()
                try:
                    mine.logs(call, **parameters)
                    taken[name].append((time.perf_counter() - began) * 1000)
                except servers.Refused as why:
                    failures.append(str(why))

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        count = sum(map(len, taken.values()))
        print(f"\n{CLIENTS} clients for {CLIENT_SECONDS} s: {count / CLIENT_SECONDS:.0f} queries/s, {len(failures)} refused {failures[:1]}")
        for name, times in taken.items():
            if times:
                print(f"  {name}: p50 {servers.percentile(times, 0.5):.1f} ms, p99 {servers.percentile(times, 0.99):.1f} ms of {len(times)}")
        asked.stop()

    def busy(self):
        """Answers about the day of the file while records of an earlier week come in."""
        asked = self.start()
        start = self.truth["first_ms"] // 1000 - 7 * 86400
        sender = subprocess.Popen(
            [self.options.loggen, "http", f"http://{asked.http}/gelf", "--count", "1000000", "--connections", "1", "--batch", "2000", "--seed", "7", "--start", str(start), "--span", "86400"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        rounds, least, total = 0, None, 0
        while sender.poll() is None:
            lines = []
            equal, refused, total = compare_truth.compare(asked, self.truth, lines.append)
            if least is None or equal < least:
                show_unequal(lines)
            least = equal if least is None else min(least, equal)
            rounds += 1
        print(f"answers under ingest of other days, {rounds} rounds: at least {least} of {total} equal, {refused} refused; sender ended with {sender.returncode}")
        asked.stop()

    def udp(self):
        asked = self.start()
        for words in (("--rate", 50000, "--seconds", 10), ("--rate", 150000, "--seconds", 5, "--compress", "none", "--pregen")):
            before = asked.cpu_in_all()
            said = self.loggen("udp", asked.addresses["gelf-udp"], *words)
            spent = asked.cpu_in_all() - before
            time.sleep(1)
            inputs = json.loads(asked.ask("/api/watchfire/v1/inputs")[1])["inputs"]
            udp = next(one for one in inputs if one["kind"] == "gelf-udp")
            print(f"UDP {' '.join(map(str, words))}: {said}; {spent:.1f} CPU s; received {udp['received']}, records {udp['records']}, losses {udp['losses']}")
        asked.stop()

    def latency(self):
        asked = self.start()
        log_latency.report(asked)
        asked.stop()

    def run(self):
        self.prepare()
        phases = self.options.phases
        if "ingest" in phases:
            self.ingest()
        if "merge" in phases:
            if "truth" in phases:
                self.truth_while_merging()
            self.merge()
        if "restart" in phases:
            self.restart()
        if "warm" in phases or "cold" in phases:
            self.tables()
        for name in ("clients", "busy", "udp", "latency"):
            if name in phases:
                getattr(self, name)()


def show_unequal(lines):
    """Every difference, and of the refusals the first few."""
    refused = [line for line in lines if "REFUSED" in line]
    for line in [line for line in lines if "DIFF" in line] + refused[:3]:
        print(line.rstrip())
    if len(refused) > 3:
        print(f"             ... and {len(refused) - 3} more refused")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("loggen")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--data", help="an NDJSON file instead of a generated one")
    parser.add_argument("--keep", help="a directory to work in and to keep")
    parser.add_argument("--zstd", type=float, help="CPU seconds of zstd -1 per million messages on this machine; measured where absent")
    parser.add_argument("--phases", type=lambda text: text.split(","), default=list(PHASES))
    options = parser.parse_args()
    work = pathlib.Path(options.keep) if options.keep else pathlib.Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    try:
        Bench(options, work).run()
    finally:
        if not options.keep:
            shutil.rmtree(work, ignore_errors=True)


main()
