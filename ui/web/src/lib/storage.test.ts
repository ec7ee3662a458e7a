import { expect, test } from "vitest";
import type { LogsStore, MetricsStore, Part, Storage } from "../api/storage";
import { diskGauge, gauge, newestFirst, parts, replayProgress, share, verdict } from "./storage";

const GIB = 1024 ** 3;
const EMPTY = { blocks: 0, bytes: 0, wal_bytes: 0, memory: 0, oldest: null, newest: null, replay: null, damaged: [], lost: [], scrub: { checked_bytes: 0, total_bytes: 0, last_completed: null } };

function storage(logs: Partial<LogsStore> = {}, metrics: Partial<MetricsStore> = {}, has_room = true): Storage {
  return {
    disk: { total: 100, available: 50, has_room, reserve: 1 },
    memory: { limit: 0, resident: 0, pools: [] },
    logs: { ...EMPTY, records: 0, ...logs },
    metrics: { ...EMPTY, series: 0, samples: 0, ...metrics },
    backups: [],
  };
}

function part(block: string, end: number): Part {
  return { block, what: "checksum", rows: 1, start: 0, end };
}

test("a replay says what is read back, and how much of it", () => {
  const replay = (done: number, total: number) => ({ replay: { bytes_done: done * GIB, bytes_total: total * GIB } });
  expect(replayProgress(storage())).toBe(null);
  expect(replayProgress(storage(replay(1.2, 4)))).toEqual({ text: "Starting: the newest records are being read back, 1.2 of 4.0 GiB", share: 0.3 });
  expect(replayProgress(storage({}, replay(0, 2)))?.text).toBe("Starting: the newest samples are being read back, 0.0 of 2.0 GiB");
  expect(replayProgress(storage(replay(1, 2), replay(1, 2)))).toEqual({ text: "Starting: the newest records and samples are being read back, 2.0 of 4.0 GiB", share: 0.5 });
});

test("meters stay on their scale and mark the limit", () => {
  expect([share(1, 4), share(5, 4), share(-1, 4), share(1, 0)]).toEqual([0.25, 1, 0, 0]);
  expect(gauge(40, 80)).toEqual({ used: 0.5, limit: 1, tone: "ok" });
  expect(gauge(70, 80).tone).toBe("warn");
  expect(gauge(100, 80)).toEqual({ used: 1, limit: 0.8, tone: "error" });
  expect(gauge(5, 0)).toEqual({ used: 1, limit: 0, tone: "ok" }); // no limit
});

test("damaged parts stand before lost ones, the newest first", () => {
  const all = parts(storage({ damaged: [part("old", 1), part("new", 9)], lost: [part("gone", 99)] }, { damaged: [part("m", 5)] }));
  expect(all.map(({ store, state, block }) => `${store} ${state} ${block}`)).toEqual(["logs damaged new", "metrics damaged m", "logs damaged old", "logs lost gone"]);
});

test("the worst is said first", () => {
  const damaged = { damaged: [part("a", 1), part("b", 1)], lost: [part("c", 1)] };
  const words = [storage(), storage({ lost: [part("c", 1)] }), storage(damaged), storage(damaged, {}, false)].map((entry) => verdict(entry).words);
  expect(words).toEqual(["nothing damaged", "1 part lost", "2 parts damaged", "disk nearly full"]);
});

test("the newest backup first", () => {
  const backup = (name: string, created: number) => ({ name, created, bytes: 1, objects: 1 });
  expect(newestFirst([backup("a", 1), backup("c", 3), backup("b", 3)]).map(({ name }) => name)).toEqual(["c", "b", "a"]);
});

test("the disk's mark stands where data is refused, when the server says where", () => {
  const disk = { total: 1000, available: 600, has_room: true, reserve: 10 };
  expect(diskGauge(disk)).toEqual({ used: 0.4, limit: 0, tone: "ok" });
  expect(diskGauge({ ...disk, free_min: 100 })).toEqual({ used: 0.4, limit: 0.9, tone: "ok" });
  expect(diskGauge({ ...disk, available: 120, free_min: 100 })).toMatchObject({ used: 0.88, tone: "warn" });
  expect(diskGauge({ ...disk, available: 90, has_room: false, free_min: 100 })).toMatchObject({ used: 0.91, tone: "error" });
  expect(diskGauge({ ...disk, available: 600, has_room: false })).toMatchObject({ limit: 0, tone: "error" });
});
