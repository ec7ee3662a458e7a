// @vitest-environment jsdom

import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import type { Cell, ColumnType, Table } from "../../api/logs";
import { Formats } from "./export-menu";
import Result from "./result";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const STATS = {
  elapsed_ms: 2, granules: 1, granules_pruned: 0, granules_summed: 0, granules_read: 1, granules_false: 0, records_scanned: 5, bytes_read: 9, planning_ms: 0, filtering_ms: 1, collecting_ms: 1,
};

function result(columns: readonly string[], types: readonly ColumnType[], rows: readonly (readonly Cell[])[], more: Partial<Parameters<typeof Result>[0]> = {}, truncated = false) {
  const calls = { onShow: vi.fn(), onMeasure: vi.fn(), onSort: vi.fn(), onZoom: vi.fn(), onZoomOut: vi.fn(), onAll: vi.fn() };
  const table: Table = { columns, types, rows, truncated, partial: [], stats: STATS };
  const view = render(<Result table={table} groups={[]} ordered={false} show={null} measure={null} sort={null} zone="utc" stale={false} onRecords={null} {...calls} {...more} />);
  return { ...view, ...calls, modes: () => [...view.container.querySelectorAll(".segments button")].map((button) => `${button.textContent}${button.getAttribute("aria-pressed") === "true" ? "*" : ""}`) };
}

test("names with numbers are bars, and the number can be chosen", () => {
  const { modes, container, onMeasure, onShow } = result(["service", "n", "avg"], ["text", "number", "number"], [["a", 2, 9], ["b", 1, 8]]);
  expect(modes()).toEqual(["Bars*", "Table"]);
  expect([...container.querySelectorAll(".bar-list li")].map((bar) => bar.textContent)).toEqual(["a2", "b1"]);
  fireEvent.input(screen.getByLabelText("Bars show"), { target: { value: "avg" } });
  expect(onMeasure).toHaveBeenCalledWith("avg");
  fireEvent.click(screen.getByText("Table"));
  expect(onShow).toHaveBeenCalledWith("table");
});

test("times are lines or bars, with the figures of each series", () => {
  vi.stubGlobal("ResizeObserver", class {
    observe() {}
    disconnect() {}
  });
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }));
  const rows = [["2026-11-21T12:00:00Z", "a", 1], ["2026-11-21T12:01:00Z", "a", 3]];
  const { modes, container } = result(["_time", "service", "n"], ["time", "text", "number"], rows, { show: "bars" });
  expect(modes()).toEqual(["Lines", "Bars*", "Table"]);
  expect([...container.querySelectorAll(".legend tbody td")].map((cell) => cell.textContent)).toEqual(["a", "3", "1", "3", "2"]);
  expect([...container.querySelectorAll(".hidden-text tbody tr")].map((row) => row.textContent)).toEqual(["2026-11-21 12:00:0011", "2026-11-21 12:01:0033"]);
});

test("one row of numbers is said in figures beside its table", () => {
  const { container, modes } = result(["n", "p99"], ["number", "number"], [[12_345, null]]);
  expect(container.querySelector(".figures")?.textContent).toBe("n12,345p99–");
  expect(modes()).toEqual(["Table*"]);
});

test("a mode that the table has not is not shown", () => {
  expect(result(["a"], ["text"], [["x"]], { show: "lines" }).modes()).toEqual(["Table*"]);
});

test("a cut table says so and asks for more", () => {
  const { onAll } = result(["a"], ["text"], [["x"]], {}, true);
  expect(screen.getByText("1 row of more")).toBeTruthy();
  fireEvent.click(screen.getByText("Up to 100,000"));
  expect(onAll).toHaveBeenCalled();
});

test("no rows are told apart from no answer", () => {
  const { container } = result(["a"], ["text"], []);
  expect(container.querySelector("h1")?.textContent).toBe("No rows");
});

test("an export is a link with the query, the order and the columns", () => {
  const onDone = vi.fn();
  render(<Formats query={{ query: "a b", start: 0, end: 60_000 }} order="oldest" columns={["took", "host"]} onDone={onDone} />);
  const params = (text: string) => Object.fromEntries(new URL(screen.getByText(text).getAttribute("href") ?? "").searchParams);
  const span = { query: "a b", start: "1970-01-01T00:00:00.000Z", end: "1970-01-01T00:01:00.000Z", order: "oldest" };
  expect(params("NDJSON")).toEqual({ ...span, format: "ndjson", fields: "time,host,level,message,took" });
  fireEvent.click(screen.getByLabelText("Only the columns shown"));
  expect(params("CSV")).toEqual({ ...span, format: "csv" });
});

test("a bar leads to the records that it counts", () => {
  const onRecords = vi.fn();
  result(["service", "n"], ["text", "number"], [["a", 2], [null, 1]], { onRecords });
  fireEvent.click(screen.getByText("(none)"));
  expect(onRecords).toHaveBeenCalledWith([{ field: "service", value: null }]);
});

test("a table is exported whole, in its own order", () => {
  const { container } = render(<Formats query={{ query: "a | top 5 by b", start: 0, end: 60_000 }} order={null} columns={[]} onDone={vi.fn()} />);
  expect(container.textContent).toContain("Every row of the table");
  expect([...new URL(screen.getByText("CSV").getAttribute("href") ?? "").searchParams.keys()]).toEqual(["query", "start", "end", "format"]);
  expect(screen.queryByRole("checkbox")).toBe(null);
});
