// @vitest-environment jsdom

import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { BarList } from "./bar-list";
import { ResultTable } from "./result-table";

afterEach(cleanup);

const TABLE = { columns: ["service", "n"], types: ["text", "number"], rows: [["b", 2], ["a", 10], [null, 1.23456789]] } as const;

function table(sort: Parameters<typeof ResultTable>[0]["sort"]) {
  const onSort = vi.fn();
  const view = render(<ResultTable table={TABLE} sort={sort} zone="utc" stale={false} onSort={onSort} />);
  return { ...view, onSort, cells: () => [...view.container.querySelectorAll("tbody td")].map((cell) => cell.textContent) };
}

test("rows stand as they came, or by a column", () => {
  expect(table(null).cells()).toEqual(["b", "2", "a", "10", "–", "1.23457"]);
  cleanup();
  expect(table({ column: "n", descending: true }).cells().slice(0, 2)).toEqual(["a", "10"]);
});

test("a column is sorted by its natural order first, then the other way, then not", () => {
  const click = (sort: Parameters<typeof ResultTable>[0]["sort"], column: string) => {
    const { getByText, onSort } = table(sort);
    fireEvent.click(getByText(column));
    cleanup();
    return onSort.mock.calls[0]?.[0] as unknown;
  };
  expect(click(null, "n")).toEqual({ column: "n", descending: true });
  expect(click({ column: "n", descending: true }, "n")).toEqual({ column: "n", descending: false });
  expect(click({ column: "n", descending: false }, "n")).toBe(null);
  expect(click(null, "service")).toEqual({ column: "service", descending: false });
});

test("bars start at zero, wherever it is", () => {
  const { container } = render(<BarList label="n" bars={[{ name: "a", value: 3 }, { name: "b", value: -1 }]} />);
  const bars = [...container.querySelectorAll<HTMLElement>(".track > span")].map((bar) => [bar.style.left, bar.style.width]);
  expect(bars).toEqual([["25%", "75%"], ["0%", "25%"]]);
});
