// @vitest-environment jsdom

import { afterEach, expect, test, vi } from "vitest";
import { apiUrl, getJson } from "./client";

afterEach(() => vi.unstubAllGlobals());

function answering(status: number, body: string) {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(body, { status })));
  return getJson("x", {}, undefined);
}

test("an answer is its JSON", async () => {
  expect(await answering(200, '{"a":1}')).toEqual({ ok: true, value: { a: 1 } });
});

test("our errors carry the position, Prometheus' their text", async () => {
  expect(await answering(400, '{"error":{"message":"bad","start":3,"end":7}}')).toEqual({
    ok: false,
    failure: { kind: "refused", status: 400, message: "bad", start: 3, end: 7 },
  });
  expect(await answering(400, '{"status":"error","errorType":"bad_data","error":"1:2: parse error"}')).toMatchObject({
    failure: { kind: "refused", message: "1:2: parse error" },
  });
});

test("what is no JSON and no answer", async () => {
  expect(await answering(502, "<html>")).toMatchObject({ failure: { kind: "broken", status: 502 } });
  expect(await answering(200, "<html>")).toMatchObject({ failure: { kind: "broken", status: 200 } });
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("refused")));
  expect(await getJson("x", {}, undefined)).toMatchObject({ failure: { kind: "unreachable" } });
  vi.stubGlobal("fetch", () => Promise.reject(new DOMException("stop", "AbortError")));
  expect(await getJson("x", {}, undefined)).toMatchObject({ failure: { kind: "cancelled" } });
});

test("addresses are relative to the page and leave out what is not set", () => {
  expect(new URL(apiUrl("v1/query", { query: "a b&c", cursor: null, limit: 5 })).search).toBe("?query=a+b%26c&limit=5");
});
