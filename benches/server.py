"""A Watchfire server under measurement: start and stop it, ask it over HTTP, read its CPU time from the kernel. Loopback only."""
import http.client
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.parse

API = "/api/watchfire/v1/logs/"
TICKS = os.sysconf("SC_CLK_TCK")
READY_SECONDS = 300


class Refused(Exception):
    """The server does not answer this: the status and its words."""


class Server:
    def __init__(self, binary, data, config=""):
        """Starts a server on `data` and waits until it takes data; `config` is the text of a configuration file."""
        self.data = pathlib.Path(data)
        self.data.mkdir(parents=True, exist_ok=True)
        file = self.data.parent / "watchfire.yml"
        file.write_text(config)
        command = [binary, "serve", "--config", str(file), "--data-dir", str(data), "--log", "warn"]
        for option in ("--http-listen", "--gelf-udp-listen", "--gelf-tcp-listen"):
            command += [option, "127.0.0.1:0"]
        began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addresses = {}
        for line in self.process.stdout:
            words = line.split()
            if words[:1] == ["ready"]:
                break
            if words[:1] == ["listening"]:
                self.addresses[words[1]] = words[2]
        else:
            raise SystemExit("the server does not start")
        self.http = self.addresses["http"]
        self.connection = None
        while self.ask("/-/ready")[0] != 200:
            if time.monotonic() - began > READY_SECONDS:
                raise SystemExit("the server is not ready in time")
            time.sleep(0.05)
        self.ready_seconds = time.monotonic() - began

    def ask(self, path, parameters=None):
        """Status and body, over one connection that is kept."""
        target = path + ("?" + urllib.parse.urlencode(parameters) if parameters else "")
        for attempt in (1, 2):
            self.connection = self.connection or connect(self.http)
            try:
                self.connection.request("GET", target)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                self.connection = None
                if attempt == 2:
                    raise

    def logs(self, call, **parameters):
        """The JSON of a log call; Refused where the server says no."""
        status, body = self.ask(API + call, parameters)
        if status != 200:
            raise Refused(f"{status} {body[:200].decode(errors='replace').strip()}")
        answer = json.loads(body)
        if answer.get("partial"):
            raise Refused(f"partial: {answer['partial']}")
        return answer

    def cpu_by_thread(self):
        """CPU seconds so far by the names of the threads that live, to the nanosecond."""
        spent = {}
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                name = (task / "comm").read_text().strip().rstrip("0123456789-")
                spent[name] = spent.get(name, 0) + int((task / "schedstat").read_text().split()[0]) / 1e9
            except FileNotFoundError:
                pass
        return spent

    def cpu(self):
        """CPU seconds so far of the threads that live."""
        return sum(self.cpu_by_thread().values())

    def cpu_in_all(self):
        """CPU seconds so far, ended threads included, to the kernel's tick."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def status_kib(self, name):
        """A line of /proc/PID/status in KiB: VmRSS, VmHWM."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        return 0

    def settle(self, seconds_max=900):
        """Waits until the server has nothing to do for two seconds: flushes and merges are done."""
        until, before = time.monotonic() + seconds_max, self.cpu_in_all()
        while time.monotonic() < until:
            time.sleep(2)
            now = self.cpu_in_all()
            if now - before < 0.06:
                return
            before = now

    def metric(self, name):
        """The sum of a metric's series."""
        text = self.ask("/metrics")[1].decode()
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith((name + " ", name + "{")))
        return sum(float(value) for _, value in lines)

    def stop(self):
        self.connection = None
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=60):
            raise SystemExit("the server did not stop cleanly")

    def kill(self):
        self.process.kill()
        self.process.wait()


def connect(address):
    return http.client.HTTPConnection(address, timeout=300)


def drop_page_cache():
    """Whether the kernel let us."""
    try:
        subprocess.run(["sync"], check=True)
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("1")
        return True
    except OSError:
        return False


def disk(data):
    """Bytes of the log store's files by what they hold."""
    sizes = {}
    for kind, pattern in (("columns", "logs/**/*.parquet"), ("index", "logs/**/*.idx"), ("WAL", "wal/logs/**/*")):
        sizes[kind] = sum(file.stat().st_size for file in pathlib.Path(data).glob(pattern) if file.is_file())
    return sizes


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def percentile(values, share):
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
