// @vitest-environment jsdom

import { act, cleanup, renderHook } from "@testing-library/preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LogRecord } from "../../api/logs";
import { GATHERED_MAX, LIVE_RECORDS_MAX } from "../../lib/records";
import { useTail } from "./use-tail";

/** The browser's stream of events, fed by hand. */
class Source {
  static readonly CLOSED = 2;
  static all: Source[] = [];
  readonly readyState = 1;
  closed = false;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  private readonly listeners = new Map<string, (event: { readonly data: string }) => void>();

  constructor(readonly url: string) {
    Source.all.push(this);
  }

  addEventListener(name: string, listener: (event: { readonly data: string }) => void) {
    this.listeners.set(name, listener);
  }

  close() {
    this.closed = true;
  }

  send(name: string, data: unknown) {
    this.listeners.get(name)?.({ data: JSON.stringify(data) });
  }
}

function record(id: number): LogRecord {
  const time = new Date(Date.UTC(2026, 10, 21) + id).toISOString();
  return { id: String(id), time, received: time, stream: "default", host: "h1", level: null, message: "m", fields: {} };
}

const records = (from: number, count: number) => Array.from({ length: count }, (_, index) => record(from + index));
const last = () => Source.all.at(-1) as Source;

beforeEach(() => {
  vi.useFakeTimers();
  Source.all = [];
  vi.stubGlobal("EventSource", Source);
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function tail(hold: () => boolean) {
  return renderHook(({ live }: { readonly live: boolean }) => useTail("a b", live, hold), { initialProps: { live: true } });
}

function show() {
  act(() => void vi.advanceTimersByTime(250));
}

test("arrivals are shown a few times a second, or wait while something is read", () => {
  let held = false;
  const { result } = tail(() => held);
  act(() => last().onopen?.());
  expect([new URL(last().url).searchParams.get("query"), result.current.connection]).toEqual(["a b", "on"]);
  act(() => last().send("records", records(1, 2)));
  expect(result.current.tail.shown.length).toBe(0);
  show();
  expect(result.current.tail.shown.length).toBe(2);
  held = true;
  act(() => last().send("records", records(3, 1)));
  show();
  expect([result.current.tail.shown.length, result.current.tail.waiting.length]).toEqual([2, 1]);
  act(() => result.current.showWaiting());
  expect(result.current.tail.shown.length).toBe(3);
});

test("losses are counted: the server's, and what came faster than it is shown", () => {
  const { result } = tail(() => false);
  act(() => last().send("lost", { records: 7 }));
  act(() => last().send("records", records(0, GATHERED_MAX + 3)));
  show();
  expect([result.current.tail.lost, result.current.tail.shown.length]).toEqual([10, GATHERED_MAX]);
});

test("once as many wait as the page keeps, the stream is closed until they are shown", () => {
  const { result } = tail(() => true);
  const first = last();
  for (let from = 0; from < LIVE_RECORDS_MAX; from += 1_000) {
    act(() => first.send("records", records(from, 1_000)));
    show();
  }
  expect([result.current.connection, first.closed, Source.all.length]).toEqual(["full", true, 1]);
  act(() => result.current.showWaiting());
  expect([result.current.connection, Source.all.length, last().closed]).toEqual(["connecting", 2, false]);
  expect(result.current.tail.shown.length).toBe(LIVE_RECORDS_MAX);
});

test("what is no longer live is closed", () => {
  const { result, rerender } = tail(() => false);
  rerender({ live: false });
  expect([last().closed, result.current.connection]).toEqual([true, "off"]);
});
