"""Watchfire and another Prometheus on the same samples: answers compared, queries timed side by side.

usage: promql_diff.py SHARED [--binary FILE] [--targets N] [--series N] [--hours N] [--runs N] [--only TEXT]
(after `cargo build --release`; needs an installed `prometheus`). Loopback only; both servers end with the script.

Equal means: the same status and kind of error, the same kind of result, the same series with the same times, values within
1e-9 of each other and, where they are the same number, printed alike. The order counts where Prometheus defines it: matrices,
sorted and ranked vectors, labels, values and series. Samples lie at seconds 7, 22, 37 and 52 of a minute and questions at
second 3, so that no window's edge meets one: Prometheus 2 holds the start of a window, Prometheus 3 does not.
"""
import argparse
import http.client
import json
import math
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.parse

import server

START = 1795046407
STEP_SECONDS = 60
STEPS = 30
TOLERANCE = 1e-9
READY_SECONDS = 60
ORDERED = ("sort", "topk", "bottomk")


class Prometheus:
    """An installed Prometheus on a fresh directory, taking remote write."""

    def __init__(self, directory):
        directory.mkdir()
        (directory / "prometheus.yml").write_text("global: {}\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.http = "127.0.0.1:%d" % free.getsockname()[1]
        command = ["prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data"]
        command += [f"--web.listen-address={self.http}", "--web.enable-remote-write-receiver", "--log.level=error"]
        command += ["--storage.tsdb.retention.time=10y"]
        self.process = subprocess.Popen(command)
        began = time.monotonic()
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() - began > READY_SECONDS:
                raise SystemExit("prometheus does not start")
            time.sleep(0.1)

    def is_ready(self):
        try:
            return ask(self.http, "/-/ready")[0] == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait()


def ask(host, path, parameters=()):
    """Status and JSON (or nothing) of one question."""
    connection = http.client.HTTPConnection(host, timeout=120)
    try:
        body = urllib.parse.urlencode(list(parameters))
        if len(body) < 2000:
            connection.request("GET", f"{path}?{body}")
        else:
            connection.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, None


def read(file, only):
    """Expressions with the reason why an older Prometheus may answer otherwise, or nothing."""
    expressions, reason = [], None
    for line in file.read_text().splitlines():
        if line.startswith("! "):
            reason = line[2:]
        elif line and not line.startswith("#"):
            expressions += [(line, reason)] if only in line else []
            reason = None
    return expressions


def questions(expression, end):
    """The two forms in which an expression is asked."""
    start = end - STEPS * STEP_SECONDS
    yield "instant", "/api/v1/query", [("query", expression), ("time", end)]
    steps = [("start", start), ("end", end), ("step", STEP_SECONDS)]
    yield "range", "/api/v1/query_range", [("query", expression), *steps]


def listings(start, end):
    """Calls about labels and series: a name, a path, parameters."""
    times = [("start", start), ("end", end)]
    yield "labels", "/api/v1/labels", times
    yield "labels of app", "/api/v1/labels", [*times, ("match[]", '{job="app"}')]
    for label in ("__name__", "job", "instance", "mode", "le", "pod", "handler", "nothing"):
        yield f"values of {label}", f"/api/v1/label/{label}/values", times
        yield f"values of {label} of two", f"/api/v1/label/{label}/values", [*times, ("match[]", "node_load1"), ("match[]", '{job="app"}')]
    for matcher in ("node_load1", '{__name__=~"http_request.*",method="GET"}', "nonexistent", '{mode="idle"}'):
        yield f"series {matcher}", "/api/v1/series", [*times, ("match[]", matcher)]
    yield "series of two", "/api/v1/series", [*times, ("match[]", "node_load1"), ("match[]", "go_threads")]
    yield "series of none", "/api/v1/series", times


def differs(ours, theirs, is_ordered):
    """The first thing that is not equal, in words; None where all is."""
    (our_status, our_answer), (their_status, their_answer) = ours, theirs
    if our_status != their_status:
        return f"status {our_status} instead of {their_status}: {error_of(our_answer)} | {error_of(their_answer)}"
    if our_answer is None or their_answer is None:
        return None if our_answer == their_answer else "no JSON"
    if our_status != 200:
        same = our_answer.get("errorType") == their_answer.get("errorType")
        return None if same else f"errorType {our_answer.get('errorType')} instead of {their_answer.get('errorType')}"
    mine, other = our_answer["data"], their_answer["data"]
    if isinstance(mine, list):
        return None if mine == other else f"{first_difference(mine, other)}"
    if mine["resultType"] != other["resultType"]:
        return f"a {mine['resultType']} instead of a {other['resultType']}"
    if mine["resultType"] in ("scalar", "string"):
        return differs_at(mine["result"], other["result"], "")
    return differs_in_series(mine["result"], other["result"], is_ordered or mine["resultType"] == "matrix")


def error_of(answer):
    return (answer or {}).get("error", "")[:200]


def first_difference(mine, other):
    for place, (one, two) in enumerate(zip(mine, other)):
        if one != two:
            return f"element {place}: {json.dumps(one)} instead of {json.dumps(two)}"
    return f"{len(mine)} elements instead of {len(other)}"


def differs_in_series(mine, other, is_ordered):
    def name(series):
        return json.dumps(series["metric"], sort_keys=True)

    our_names, their_names = [name(it) for it in mine], [name(it) for it in other]
    if sorted(our_names) != sorted(their_names):
        extra, lost = sorted(set(our_names) - set(their_names)), sorted(set(their_names) - set(our_names))
        return f"{len(mine)} series instead of {len(other)}, only here {extra[:1]}, only there {lost[:1]}"
    if is_ordered and our_names != their_names:
        return "order: " + first_difference(our_names, their_names)
    theirs = dict(zip(their_names, other))
    for series in mine:
        twin = theirs[name(series)]
        points, their_points = (it.get("values") or [it.get("value")] for it in (series, twin))
        if [point[0] for point in points] != [point[0] for point in their_points]:
            return f"{name(series)}: {len(points)} points instead of {len(their_points)}"
        for point, their_point in zip(points, their_points):
            fault = differs_at(point, their_point, name(series))
            if fault:
                return fault
    return None


def differs_at(point, other, name):
    if point == other:
        return None
    try:
        one, two = float(point[1]), float(other[1])
    except ValueError:
        return f"{name} {point} instead of {other}"
    if point[0] == other[0] and one != two and math.isclose(one, two, rel_tol=TOLERANCE):
        return None
    return f"{name} {point} instead of {other}"


def timings(mbench, shared, hosts, times, runs, work):
    """The benchmark's queries, timed on both and compared by its own means."""
    files = []
    for name, host, process in hosts:
        file = work / f"{name}.json"
        command = [mbench, "query", "--host", host, "--start", str(times[0]), "--end", str(times[1]), "--runs", str(runs)]
        command += ["--pid", str(process.pid), "--file", f"{shared}/bench/metrics/queries.txt", "--out", str(file)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        files.append(str(file))
    print("a: Watchfire, b: Prometheus; load", *os.getloadavg(), flush=True)
    subprocess.run([mbench, "diff", *files], check=True)
    ours, theirs = (json.loads(pathlib.Path(file).read_text()) for file in files)
    for what in ("median_ms", "cpu_ms"):
        ratios = [one[what] / two[what] for one, two in zip(ours, theirs) if one[what] > 0 and two[what] > 0]
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan
        sums = [sum(it[what] for it in side) for side in (ours, theirs)]
        print(f"{what}: sum {sums[0]:.1f} against {sums[1]:.1f}, ratio {sums[0] / sums[1]:.2f}; geometric mean of ratios {mean:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared")
    parser.add_argument("--binary", default="target/release/watchfire")
    parser.add_argument("--targets", type=int, default=2)
    parser.add_argument("--series", type=int, default=500)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    tools = root / "target" / "bench-tools"
    manifest = f"{options.shared}/bench/metrics/Cargo.toml"
    subprocess.run(["cargo", "build", "--release", "--quiet", "--manifest-path", manifest, "--target-dir", str(tools)], check=True)
    mbench = str(tools / "release" / "mbench")
    expressions = read(root / "tests" / "data" / "promql-diff.txt", options.only)
    end = START - START % STEP_SECONDS + options.hours * 3600 + 3
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        prometheus = Prometheus(work / "prometheus")
        watchfire = server.Server(options.binary, work / "watchfire" / "data")
        hosts = [("watchfire", watchfire.http, watchfire.process), ("prometheus", prometheus.http, prometheus.process)]
        try:
            fleet = ["--targets", str(options.targets), "--series", str(options.series), "--start", str(START)]
            fleet += ["--interval", "15", "--hours", str(options.hours), "--per-ts", "20"]
            for _, host, _ in hosts:
                subprocess.run([mbench, "rw", "--host", host, *fleet], check=True)
            faults, asked, known = [], 0, 0

            def compare(what, path, parameters, is_ordered, reason):
                nonlocal asked, known
                asked += 1
                fault = differs(*(ask(host, path, parameters) for _, host, _ in hosts), is_ordered)
                if fault and reason:
                    known += 1
                elif fault:
                    faults.append(f"{what}: {fault}")

            for expression, reason in expressions:
                for form, path, parameters in questions(expression, end):
                    is_ordered = form == "instant" and expression.startswith(ORDERED)
                    compare(f"{form} {expression}", path, parameters, is_ordered, reason)
            if not options.only:
                for what, path, parameters in listings(end - 3600, end):
                    # Only Watchfire has names of log-derived metrics.
                    compare(what, path, parameters, True, "names" if what == "values of __name__" else None)
            equal = asked - known - len(faults)
            print(f"promql-diff: {equal} of {asked} answers to {len(expressions)} expressions equal, {known} differ between versions")
            print(*faults, sep="\n", flush=True)
            if options.runs and not options.only:
                timings(mbench, options.shared, hosts, (end - options.hours * 3600, end), options.runs, work)
        finally:
            watchfire.kill()
            prometheus.stop()
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
