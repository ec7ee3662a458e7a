// @vitest-environment jsdom

import { afterEach, expect, test, vi } from "vitest";
import { valuesOf } from "./use-search";

afterEach(() => vi.unstubAllGlobals());

/** Values by the query that asks for them; returns the queries asked. */
function answering(byQuery: Readonly<Record<string, readonly string[]>>): string[] {
  const queries: string[] = [];
  vi.stubGlobal("fetch", (url: string) => {
    const params = new URL(url).searchParams;
    const name = params.get("names") ?? "";
    const query = params.get("query") ?? "";
    queries.push(query);
    const values = (byQuery[query] ?? []).map((value) => ({ value, records: 1 }));
    return Promise.resolve(new Response(JSON.stringify({ fields: values.length > 0 ? [{ name, types: [], records: 1, values }] : [], partial: [], stats: {} })));
  });
  return queries;
}

const ask = (field: string, typed: string) => valuesOf(field, typed, { start: 0, end: 1 }, new AbortController().signal);

test("a beginning is asked for as such", async () => {
  const queries = answering({ "service:api\\-g*": ["api-gateway"] });
  expect(await ask("service", "api-g")).toEqual(["api-gateway"]);
  expect(queries).toEqual(["service:api\\-g*"]);
});

test("where nothing begins so, and where nothing is typed, the most frequent values stand in", async () => {
  const queries = answering({ "": ["500", "200"] });
  expect(await ask("took ms", "5")).toEqual(["500", "200"]);
  expect(await ask("status", "")).toEqual(["500", "200"]);
  expect(await ask("status", "a b")).toEqual(["500", "200"]);
  expect(queries).toEqual(["took\\ ms:5*", "", "", ""]);
});
