// @vitest-environment jsdom

import { afterEach, expect, test, vi } from "vitest";
import { labelValues, queryExemplars, searchMetricNames } from "./prometheus";

afterEach(() => vi.unstubAllGlobals());

/** Answers every request and returns the address that was asked. */
async function asked(response: Response, ask: () => Promise<unknown>): Promise<{ readonly url: URL; readonly answer: unknown }> {
  const urls: URL[] = [];
  vi.stubGlobal("fetch", (url: string) => {
    urls.push(new URL(url));
    return Promise.resolve(response);
  });
  const answer = await ask();
  return { url: urls[0] as URL, answer };
}

const scope = { match: "up", start: 1, end: 2 };

test("an expression without series has no exemplars, and no body says so", async () => {
  const { answer } = await asked(new Response(null, { status: 204 }), () => queryExemplars("1", 0, 1));
  expect(answer).toEqual({ ok: true, value: { data: [], warnings: [], infos: [] } });
});

test("labels of any name stand in a path", async () => {
  const path = async (name: string) => (await asked(new Response('{"data":[]}'), () => labelValues(name, scope, 5))).url.pathname.replace(/^.*\/label\//, "");
  expect([await path("job"), await path("__name__"), await path("a.b_é/c")]).toEqual(["job/values", "__name__/values", "U__a_2e_b___e9__2f_c/values"]);
});

test("words are sent as the letters to find, lines come back as values", async () => {
  const { url, answer } = await asked(new Response('{"results":[]}\n\n{"status":"success"}\n'), () => searchMetricNames("http  total", scope, 7));
  expect([url.searchParams.get("search[]"), url.searchParams.get("sort_by"), url.searchParams.get("limit")]).toEqual(["httptotal", "score", "7"]);
  expect(answer).toEqual({ ok: true, value: [{ results: [] }, { status: "success" }] });
  expect((await asked(new Response("{}"), () => searchMetricNames("", scope, 7))).url.searchParams.has("sort_by")).toBe(false);
});

test("a broken line is a failure, not an exception", async () => {
  const { answer } = await asked(new Response('{"results":'), () => searchMetricNames("", scope, 7));
  expect(answer).toMatchObject({ ok: false, failure: { kind: "broken" } });
});
