// @vitest-environment jsdom

import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { LegendTable, type LegendEntry } from "./legend-table";

afterEach(cleanup);

const ENTRY: LegendEntry = {
  key: "0 up",
  labels: { __name__: "up", job: "api", instance: "a" },
  color: "--series-1",
  dashed: false,
  shown: true,
  statistics: { last: 1, min: null, max: 2.5, mean: 1.5 },
  current: undefined,
};

test("figures and a short name", () => {
  const { container } = render(<LegendTable entries={[ENTRY]} hidden={new Set(["job"])} onIsolate={vi.fn()} onToggle={vi.fn()} />);
  expect([...container.querySelectorAll("td")].map((cell) => cell.textContent)).toEqual(['up{instance="a"}', "1", "–", "2.5", "1.5"]);
});

test("a click isolates, Ctrl-click toggles", () => {
  const onIsolate = vi.fn();
  const onToggle = vi.fn();
  const { getByRole } = render(<LegendTable entries={[ENTRY]} hidden={new Set()} onIsolate={onIsolate} onToggle={onToggle} />);
  fireEvent.click(getByRole("button"));
  fireEvent.click(getByRole("button"), { ctrlKey: true });
  expect([onIsolate.mock.calls, onToggle.mock.calls]).toEqual([[["0 up"]], [["0 up"]]]);
});

test("the pointer's values take the place of the last ones", () => {
  const { container } = render(<LegendTable entries={[{ ...ENTRY, current: null }]} hidden={new Set()} onIsolate={vi.fn()} onToggle={vi.fn()} />);
  expect(container.querySelector("th.number")?.textContent).toBe("here");
  expect(container.querySelector("td.number")?.textContent).toBe("–");
});
