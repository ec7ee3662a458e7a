// @vitest-environment jsdom

import { afterEach, expect, test, vi } from "vitest";
import { apiUrl, deleteAt, getJson, putJson } from "./client";

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

test("a suggestion comes with the position", async () => {
  expect(await answering(400, '{"error":{"message":"bad","start":3,"end":7,"suggestion":"stats"}}')).toMatchObject({ failure: { suggestion: "stats" } });
  expect(await answering(400, '{"error":{"message":"bad","suggestion":null}}')).toEqual({ ok: false, failure: { kind: "refused", status: 400, message: "bad" } });
});

test("a long question goes in a form", async () => {
  const asked: [string, RequestInit | undefined][] = [];
  vi.stubGlobal("fetch", (url: string, how?: RequestInit) => {
    asked.push([url, how]);
    return Promise.resolve(new Response("{}"));
  });
  await getJson("x", { query: "a" }, undefined);
  await getJson("x", { query: "a".repeat(5_000) }, undefined);
  expect(asked.map(([url, how]) => [new URL(url).search, how?.method])).toEqual([["?query=a", undefined], ["", "POST"]]);
  expect((asked[1]?.[1]?.body as URLSearchParams).get("query")?.length).toBe(5_000);
});

test("a document is put as JSON, and what is gone has no body", async () => {
  const asked: RequestInit[] = [];
  vi.stubGlobal("fetch", (_: string, how: RequestInit) => {
    asked.push(how);
    return Promise.resolve(how.method === "DELETE" ? new Response(null, { status: 204 }) : new Response('{"version":2}'));
  });
  expect(await putJson("x", { a: 1 })).toEqual({ ok: true, value: { version: 2 } });
  expect(asked[0]).toMatchObject({ method: "PUT", body: '{"a":1}', headers: { "content-type": "application/json" } });
  expect((await deleteAt("x")).ok).toBe(true);
});
