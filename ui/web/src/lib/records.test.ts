import { expect, test } from "vitest";
import type { LogRecord } from "../api/logs";
import { EMPTY_TAIL, GATHERED_MAX, LINE_MAX, LIVE_RECORDS_MAX, NOTHING_GATHERED, containerOf, gather, lineOf, merge, receive, release, sourceOf } from "./records";

function record(id: number, fields: LogRecord["fields"] = {}): LogRecord {
  const time = new Date(1_795_262_591_000 + id).toISOString();
  return { id: String(id), time, received: time, stream: "default", host: "h1", level: null, message: "m", fields };
}

const ids = (records: readonly LogRecord[]) => records.map((entry) => Number(entry.id));

test("arrivals are shown newest first, or wait while the reader reads", () => {
  const shown = receive(EMPTY_TAIL, [record(1), record(3), record(2)], false);
  expect(ids(shown.shown)).toEqual([3, 2, 1]);
  const held = receive(shown, [record(4), record(3)], true);
  expect([ids(held.shown), ids(held.waiting)]).toEqual([[3, 2, 1], [4]]);
  expect(ids(release(held).shown)).toEqual([4, 3, 2, 1]);
  expect(ids(receive(held, [record(5)], false).shown)).toEqual([5, 4, 3, 2, 1]);
  expect(receive(held, [record(4)], true)).toBe(held);
});

test("the list is bounded and counts what it let go", () => {
  const many = Array.from({ length: LIVE_RECORDS_MAX + 7 }, (_, id) => record(id));
  const tail = receive(EMPTY_TAIL, many, false);
  expect(tail.shown.length).toBe(LIVE_RECORDS_MAX);
  expect(tail.lost).toBe(7);
  expect(tail.shown[0]?.id).toBe(String(LIVE_RECORDS_MAX + 6));
});

test("a record that was searched and tailed stands once", () => {
  const tail = receive(EMPTY_TAIL, [record(3), record(2)], false);
  expect(ids(merge(tail, [record(2), record(1)]))).toEqual([3, 2, 1]);
  expect(ids(merge(receive(EMPTY_TAIL, [record(5), record(1)], false), [record(6), record(3), record(0)]))).toEqual([6, 5, 3, 1, 0]);
  const searched = [record(1)];
  expect(merge(EMPTY_TAIL, searched)).toBe(searched);
});

test("the source is the service, else the host", () => {
  expect(sourceOf(record(1, { service: "checkout" }))).toEqual({ field: "service", value: "checkout" });
  expect(sourceOf(record(1, { container_name: "c", service: "" })).value).toBe("c");
  expect(sourceOf(record(1))).toEqual({ field: "host", value: "h1" });
});

test("the container is known by its id, else by its name", () => {
  expect(containerOf(record(1, { container_id: "c0ffee", container_name: "shop-1" }))).toEqual({ field: "container_id", value: "c0ffee" });
  expect(containerOf(record(1, { container_name: "app", pod_name: "app-7" }))).toEqual({ field: "pod_name", value: "app-7" });
  expect(containerOf(record(1, { service: "x", container_name: "" }))).toBe(null);
});

test("what comes faster than it is shown is let go, the oldest first, and counted", () => {
  const many = Array.from({ length: GATHERED_MAX }, (_, id) => record(id));
  const full = gather(gather(NOTHING_GATHERED, many), [record(9_001), record(9_002)]);
  expect([full.records.length, full.lost, full.records[0]?.id, full.records.at(-1)?.id]).toEqual([GATHERED_MAX, 2, "2", "9002"]);
  expect(gather(NOTHING_GATHERED, [])).toEqual(NOTHING_GATHERED);
});

test("a record in one line, by its fields where it has no message", () => {
  const said = (message: string, fields: LogRecord["fields"] = {}) => lineOf({ ...record(1, fields), message });
  expect(said("one \n  two\n")).toBe("one ↵ two");
  expect(said("x".repeat(5_000)).length).toBe(LINE_MAX);
  expect(said("", { took: 1.5, ok: true, who: "a b" })).toBe("took=1.5 ok=true who=a b");
  expect(said(" ")).toBe("");
});
