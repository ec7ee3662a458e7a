// A stand-in for the server while the page is developed: the API's shapes with made-up, steady data.
// `npm run mock`, then open http://127.0.0.1:9191. MOCK=empty shows the page before its first record, MOCK=trouble
// with a full disk, damaged blocks and a long replay, MOCK=many with 100,000 metrics; MOCK_SEARCH=0 has no search for names.

import { createServer } from "node:http";
import { readFileSync, existsSync, statSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { EMPTY, SERVICES, TROUBLE, json, logs, noise, tail } from "./mock-logs.mjs";
import { INSTANCES, explain, metrics } from "./mock-metrics.mjs";

const DIST = process.env.DIST ?? fileURLToPath(new URL("../../dist/", import.meta.url));
const PORT = Number(process.env.PORT ?? 9191);
const STARTED = Date.now();
const CSP = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

const prom = (data, more = {}) => ({ status: "success", data, ...more });

function prometheus(path, params, response) {
  switch (path) {
    case "targets": return json(response, prom(targetList()));
    case "rules": return json(response, prom({ groups: EMPTY ? [] : ruleGroups() }));
    default: return metrics(path, params, response) ?? json(response, { status: "error", errorType: "not_found", error: "no such endpoint" }, 404);
  }
}

function targetList() {
  if (EMPTY) return { activeTargets: [], droppedTargets: [], droppedTargetCounts: {} };
  const target = (pool, instance, extra = {}) => ({
    discoveredLabels: {}, labels: { instance, job: pool }, scrapePool: pool, scrapeUrl: `http://${instance}/metrics`, globalUrl: `http://${instance}/metrics`, lastError: "",
    lastScrape: new Date(Date.now() - 4200).toISOString(), lastScrapeDuration: 0.0123, health: "up", scrapeInterval: "15s", scrapeTimeout: "10s", ...extra,
  });
  const down = { health: "down", lastError: 'Get "http://10.0.0.12:9187/metrics": connection refused (os error 111)', lastScrapeDuration: 0.0004 };
  return {
    activeTargets: [...INSTANCES.map((i) => target("checkout", i)), target("node", "10.0.0.11:9100"), target("node", "10.0.0.12:9100", { lastScrapeDuration: 0.482 }), target("postgres", "10.0.0.12:9187", down), target("watchfire", "127.0.0.1:9090")],
    droppedTargets: [], droppedTargetCounts: { node: 12, checkout: 0 },
  };
}

function ruleGroups() {
  const rule = (name, query, state, extra = {}) => ({
    type: "alerting", name, query, duration: 300, labels: { severity: "page" }, annotations: { summary: `${name} on {{ $labels.instance }}` }, alerts: [], health: "ok", state,
    evaluationTime: 0.0006, lastEvaluation: new Date(Date.now() - 9000).toISOString(), ...extra,
  });
  const alert = (labels, state, minutes, value) => ({ labels, annotations: { summary: "The database refuses connections; orders are not taken.", runbook_url: "https://runbooks.example.org/pg" }, state, activeAt: new Date(Date.now() - minutes * 60_000).toISOString(), value });
  return [
    {
      name: "databases", file: "rules/databases.yml", interval: 15, rules: [
        rule("PostgresDown", 'up{job="postgres"} == 0', "firing", { duration: 60, alerts: [alert({ alertname: "PostgresDown", instance: "10.0.0.12:9187", job: "postgres", severity: "page" }, "firing", 42, "0e+00")] }),
        rule("TooManyConnections", "sum by (instance) (pg_stat_activity_count) > 0.8 * pg_settings_max_connections", "inactive", { labels: { severity: "ticket" } }),
      ],
    },
    {
      name: "shop", file: "rules/shop.yml", interval: 15, rules: [
        rule("HighErrorRate", 'sum by (service) (rate(http_requests_total{code=~"5.."}[5m])) / sum by (service) (rate(http_requests_total[5m])) > 0.02', "firing", {
          alerts: [alert({ alertname: "HighErrorRate", service: "checkout", severity: "page" }, "firing", 37, "6.4e-02"), alert({ alertname: "HighErrorRate", service: "payments", severity: "page" }, "pending", 2, "2.3e-02")],
        }),
        rule("SlowCheckout", "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) > 1", "pending", { alerts: [alert({ alertname: "SlowCheckout", severity: "page" }, "pending", 3, "1.21")] }),
        rule("NoOrders", "rate(orders_total[15m]) == 0", "inactive"),
        rule("Broken", "sum(up) by", "inactive", { health: "err", lastError: "found duplicate series for the match group {} on the right hand-side of the operation" }),
        { type: "recording", name: "service:http_requests:rate5m", query: "sum by (service) (rate(http_requests_total[5m]))", labels: {}, health: "ok", evaluationTime: 0.0011, lastEvaluation: new Date().toISOString() },
      ],
    },
  ];
}

function inputs() {
  const seconds = Math.floor((Date.now() - STARTED) / 1000);
  const senders = EMPTY ? [] : [1, 2, 3].map((n) => ({ sender: `10.0.0.1${n}`, records: 14_200 * n + seconds * 9 * n, losses: n === 2 ? 12 : 0, last_received: Date.now() - 300 * n }));
  const nothing = { received: 0, stored: 0, refused: 0, dropped: 0, waiting: 0 };
  const base = { received: 0, received_bytes: 0, records: 0, messages: nothing, losses: [], last_received: null, last_error: "", senders: [] };
  const udp = EMPTY ? base : {
    received: 85_931 + seconds * 54, received_bytes: 44_684_120 + seconds * 28_080, records: 85_200 + seconds * 54, losses: [{ reason: "kernel_buffer_full", count: 12 }, { reason: "invalid_json", count: 3 }, { reason: "sun_spots", count: 1 }],
    messages: { received: 85_220 + seconds * 54, stored: 85_200 + seconds * 54, refused: 3, dropped: 13, waiting: 4 },
    last_received: Date.now() - 120, last_error: "10.0.0.12: not JSON at byte 0: expected `{`", senders,
  };
  return [{ kind: "gelf-udp", address: "0.0.0.0:12201", ...udp }, { kind: "gelf-tcp", address: "0.0.0.0:12201", ...base }];
}

function status() {
  const notices = EMPTY ? [] : [{ severity: "warning", text: "The kernel dropped 12 datagrams of UDP 12201: raise net.core.rmem_max to 8388608 or set logs.inputs.gelf_udp.receive_buffer." }];
  return { version: "0.1.0", started: new Date(STARTED).toISOString(), notices, firing: EMPTY ? 0 : 2, losses: EMPTY ? 0 : 15, listen: { http: `127.0.0.1:${PORT}`, gelf_udp: "0.0.0.0:12201", gelf_tcp: "0.0.0.0:12201" } };
}

function containers() {
  const all = EMPTY ? [] : Array.from({ length: TROUBLE ? 1000 : 24 }, (_, n) => {
    const received = Math.round(noise(n * 29) ** 3 * 90_000) + n;
    const lost = n < 4 ? [[{ reason: "pipeline_full", count: 1211 }, { reason: "disk_full", count: 40 }], [{ reason: "commit_failed", count: 96 }], [{ reason: "sun_spots", count: 2 }], []][n] : [];
    const losses = lost.reduce((sum, loss) => sum + loss.count, 0), shared = n % 3 === 0 ? Math.round(received * 0.00061) / 8 : 0;
    const own = { container: n === 23 ? "node-3" : `shop-${SERVICES[n % SERVICES.length]}-${1 + Math.floor(n / SERVICES.length)}`, host: `node-${1 + (n % 3)}` };
    return {
      ...own, received: received + losses, stored: received, refused: n === 5 ? 40 : 0, waiting: 0, losses: lost, shared_losses: shared, completeness: received === 0 ? null : Math.floor((100_000 * received) / (received + losses + shared)) / 1000,
      first_received: STARTED - 3_600_000, last_received: Date.now() - (n === 9 ? 7_200_000 : 400 * n),
    };
  });
  const sum = (name) => all.reduce((total, one) => total + one[name], 0);
  const total = { received: sum("received"), stored: sum("stored"), refused: 0, waiting: 4, losses: EMPTY ? [] : [{ reason: "pipeline_full", count: 1211 }, { reason: "commit_failed", count: 96 }], shared_losses: sum("shared_losses"), completeness: EMPTY ? null : 99.947 };
  return { containers: all.sort((a, b) => (a.completeness ?? 101) - (b.completeness ?? 101)), tracked: all.length + (TROUBLE ? 9_820 : 0), forgotten: TROUBLE ? 31 : 0, total, unshared_losses: TROUBLE ? 12.5 : 0 };
}

const backups = EMPTY ? [] : [1, 2, 8].map((days) => ({ name: new Date(STARTED - days * 86_400_000).toISOString().slice(0, 19).replaceAll(":", "-") + "Z", created: STARTED - days * 86_400_000, bytes: 11_274_289_152 - days * 310_000_000, objects: 412 - 9 * days }));

function storage() {
  const GIB = 2 ** 30, seconds = (Date.now() - STARTED) / 1000, hour = 3_600_000;
  const replay = TROUBLE && seconds < 400 ? { bytes_done: Math.round(seconds * 0.01 * GIB), bytes_total: 4 * GIB } : null;
  const part = (block, what, rows, hours) => ({ block, what, rows, start: STARTED - hours * hour, end: STARTED - (hours - 2) * hour });
  const scrub = EMPTY ? { checked_bytes: 0, total_bytes: 0, last_completed: null } : { checked_bytes: 3.1 * GIB, total_bytes: 9.8 * GIB, last_completed: STARTED - 50 * hour };
  const store = EMPTY
    ? { blocks: 0, bytes: 0, wal_bytes: 4096, memory: 65_536, oldest: null, newest: null, replay: null, damaged: [], lost: [], scrub }
    : { blocks: 214, bytes: 9.8 * GIB, wal_bytes: 412_000_000, memory: 96_400_000, oldest: STARTED - 29 * 24 * hour, newest: Date.now() - 400, replay, damaged: [], lost: [], scrub };
  const pool = (name, limit, used, peak, refusals = 0) => ({ name, limit: limit * 2 ** 20, used: EMPTY ? 0 : used * 2 ** 20, peak: EMPTY ? 0 : peak * 2 ** 20, refusals });
  return {
    disk: { total: 500 * GIB, available: (TROUBLE ? 9 : 312) * GIB, has_room: !TROUBLE, free_min: 10 * GIB, reserve: 64 * 2 ** 20 },
    memory: { limit: 2 * GIB, resident: (TROUBLE ? 1.84 : 0.61) * GIB, pools: [pool("queries", 512, 31, 344, TROUBLE ? 7 : 0), pool("logs_memory", 256, 92, 140), pool("metrics_head", 768, TROUBLE ? 701 : 310, 712), pool("inputs", 192, 2, 61)] },
    logs: {
      records: EMPTY ? 0 : 172_412_009, ...store,
      damaged: TROUBLE ? [part("logs/default/2026-11-20/01JD7W2K9Q4M", "the checksum of column message, row group 3 does not match", 8192, 26)] : [],
      lost: TROUBLE ? [part("logs/default/2026-11-12/01JCGX55T2AB", "unreadable sectors in two granules", 16_384, 220)] : [],
    },
    metrics: { series: EMPTY ? 0 : 48_120, samples: EMPTY ? 0 : 1_912_345_678, ...store, bytes: EMPTY ? 0 : 2.4 * GIB, blocks: EMPTY ? 0 : 39, replay: null, damaged: TROUBLE ? [part("metrics/01JD88PZ1V7C", "a page of series 4,112 ends early", 120, 3)] : [] },
    backups,
  };
}

function backUp(response) {
  if (TROUBLE) return json(response, { error: { message: "no room on the disk for a backup: 11 GiB are needed, 9 GiB are available" } }, 507);
  const name = new Date().toISOString().slice(0, 19).replaceAll(":", "-") + "Z";
  const made = { name, created: Date.now(), bytes: 11_300_000_000, objects: 415 };
  setTimeout(() => {
    backups.push(made);
    json(response, { ...made, directory: `/var/lib/watchfire/backups/${name}` }, 201);
  }, 1500);
}

function file(path, response) {
  const wanted = normalize(join(DIST, path));
  const found = wanted.startsWith(DIST) && existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(DIST, "index.html");
  response.writeHead(200, { "content-type": TYPES[extname(found)] ?? "application/octet-stream", "content-security-policy": CSP });
  response.end(readFileSync(found));
}

async function bodyOf(request) {
  let body = "";
  for await (const piece of request) body += piece;
  return body;
}

async function formOf(request) {
  return new URLSearchParams(await bodyOf(request));
}

createServer(async (request, response) => {
  const url = new URL(request.url, "http://mock");
  const params = request.method === "POST" ? await formOf(request) : url.searchParams;
  if (request.method === "PUT") request.body = JSON.parse(await bodyOf(request));
  const own = /^\/api\/watchfire\/v1\/(.*)$/.exec(url.pathname)?.[1];
  const theirs = /^\/api\/v1\/(.*)$/.exec(url.pathname)?.[1];
  if (own === "status") return json(response, status());
  if (own === "inputs") return json(response, { inputs: inputs() });
  if (own === "containers") return json(response, containers());
  if (own === "metrics/explain") return explain(params, response);
  if (own === "storage") return json(response, storage());
  if (own === "backups" && request.method === "POST") return backUp(response);
  if (own === "logs/tail") return tail(params, response);
  if (own?.startsWith("logs/")) return logs(own.slice(5), params, request, response);
  if (theirs) return prometheus(theirs, params, response);
  return file(url.pathname, response);
}).listen(PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}`));
