// @vitest-environment jsdom

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import MetricBrowser from "./metric-browser";

const NAMES = [
  { name: "http_requests_total", type: "counter", help: "Requests answered." },
  { name: "up", type: "gauge", help: "1 if the last scrape succeeded." },
];
const VALUES: Readonly<Record<string, readonly string[]>> = { __name__: NAMES.map(({ name }) => name), job: ["checkout", "orders"] };

let asked: URL[] = [];
/** Whether this server has the search for names. */
let searches = true;

function answer(url: URL): Response {
  const json = (data: unknown) => new Response(JSON.stringify({ status: "success", data }));
  const path = url.pathname.replace(/^.*\/v1\//, "");
  if (path === "search/metric_names") {
    const words = url.searchParams.get("search[]") ?? "";
    const results = NAMES.filter(({ name }) => name.includes(words));
    return searches ? new Response(`${JSON.stringify({ results })}\n{"status":"success","has_more":false}\n`) : new Response('{"status":"error","error":"no such path"}', { status: 404 });
  }
  if (path === "query") {
    const expr = url.searchParams.get("query") ?? "";
    const result = expr.startsWith("topk") ? [{ metric: { job: "orders" }, value: [1, "9"] }, { metric: { job: "checkout" }, value: [1, "4"] }] : [{ metric: {}, value: [1, "13"] }];
    return json({ resultType: "vector", result });
  }
  if (path === "metadata") {
    return json(Object.fromEntries(NAMES.map(({ name, type, help }) => [name, [{ type, help, unit: "" }]])));
  }
  return json(path === "labels" ? ["__name__", "job"] : (VALUES[/^label\/(.*)\/values$/.exec(path)?.[1] ?? ""] ?? []));
}

beforeEach(() => {
  asked = [];
  searches = true;
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(900);
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(400);
  Element.prototype.scrollTo = vi.fn() as unknown as typeof Element.prototype.scrollTo;
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(new URL(url));
    return Promise.resolve(answer(new URL(url)));
  });
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function browser() {
  const onInsert = vi.fn();
  const onGraph = vi.fn();
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <MetricBrowser span={{ start: 1_000_000, end: 2_000_000 }} wide onInsert={onInsert} onGraph={onGraph} />
    </QueryClientProvider>,
  );
  await waitFor(() => screen.getByText("up"));
  return { onInsert, onGraph };
}
const names = () => screen.getAllByRole("option").map((row) => row.querySelector(".mono")?.textContent);

test("the server searches, in the time shown, and the logs' own names are offered", async () => {
  await browser();
  // The shown span is 1,000 to 2,000 s; it is asked for in whole minutes.
  expect([asked[0]?.searchParams.get("start"), asked[0]?.searchParams.get("end")]).toEqual(["960", "2040"]);
  expect(names()).toEqual(["logs_total", "logs_count", "logs_bytes_total", "logs_bytes", "log_field", "http_requests_total", "up"]);
  fireEvent.input(screen.getByRole("combobox"), { target: { value: "req" } });
  await waitFor(() => expect(names()).toEqual(["http_requests_total"]));
  expect(asked.at(-1)?.searchParams.get("search[]")).toBe("req");
});

test("a server without the search gives all names, which are searched here", async () => {
  searches = false;
  await browser();
  fireEvent.input(screen.getByRole("combobox"), { target: { value: "answered" } });
  await waitFor(() => expect(names()).toEqual(["http_requests_total"]));
});

test("labels, values with their series, and the selector made of them", async () => {
  const { onInsert, onGraph } = await browser();
  fireEvent.click(screen.getByText("http_requests_total"));
  await waitFor(() => screen.getByText("counter · 13 series"));
  fireEvent.click(await screen.findByText("job"));
  await waitFor(() => screen.getByText("orders"));
  expect([...document.querySelectorAll(".value-list button")].map((button) => button.textContent)).toEqual(["orders9 series", "checkout4 series"]);
  fireEvent.click(screen.getByText("orders"));
  fireEvent.click(screen.getByText("Insert"));
  fireEvent.click(screen.getByText("Graph"));
  expect(onInsert).toHaveBeenCalledWith('http_requests_total{job="orders"}');
  expect(onGraph).toHaveBeenCalledWith('rate(http_requests_total{job="orders"}[5m])');
});

test("what the logs give is explained and not counted", async () => {
  const { onGraph } = await browser();
  fireEvent.click(screen.getByText("logs_total"));
  await waitFor(() => screen.getByText("counter · from the logs"));
  expect(asked.at(-1)?.searchParams.get("match[]")).toBe("logs_count");
  fireEvent.click(screen.getAllByTitle("Ask this")[0] as HTMLElement);
  expect(onGraph.mock.calls[0]?.[0]).toContain("increase(logs_total");
  expect(asked.some((url) => url.pathname.endsWith("/query"))).toBe(false);
});

test("Shift+Enter writes the metric", async () => {
  const { onInsert } = await browser();
  fireEvent.keyDown(screen.getByRole("combobox"), { key: "Enter", shiftKey: true });
  expect(onInsert).toHaveBeenCalledWith("logs_total");
});
