// @vitest-environment jsdom

import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import type { Explained } from "../api/explain";
import { ExplainTree } from "./explain-tree";

afterEach(cleanup);

const part = (text: string, start: number, children: readonly Explained[] = [], reused = false): Explained => ({
  text,
  kind: "selector",
  start,
  end: start + text.length,
  series: 1200,
  points: 12_000,
  samples_read: children.length === 0 ? 250_000 : 0,
  seconds: 0.002,
  reused,
  children,
});
const EXPR = "sum(up) + up";
const TREE = part(EXPR, 0, [part("sum(up)", 0, [part("up", 4)]), part("up", 10, [], true)]);

function tree() {
  const onPlace = vi.fn();
  const view = render(<ExplainTree label="Parts" expr={EXPR} tree={TREE} stale={false} onPlace={onPlace} />);
  const texts = () => [...view.container.querySelectorAll("code")].map((code) => code.textContent);
  const row = (id: string) => view.container.querySelector<HTMLElement>(`[data-id="${id}"]`) as HTMLElement;
  return { ...view, onPlace, texts, row };
}

test("every part with what it returned and cost", () => {
  const { texts, row, container } = tree();
  expect(texts()).toEqual([EXPR, "sum(up)", "up", "up"]);
  expect([...row("0.1").querySelectorAll("td")].map((cell) => cell.textContent)).toEqual(["upreused", "selector", "1.2k", "12k", "250k", "2 ms"]);
  expect(row("0.0.0").getAttribute("aria-level")).toBe("3");
  expect(container.querySelector("th:last-child")?.textContent).toBe("CPU 8 ms");
});

test("pointing at a part, or moving to it, shows its place", () => {
  const { row, onPlace } = tree();
  fireEvent.mouseEnter(row("0.0.0"));
  expect(onPlace).toHaveBeenLastCalledWith({ start: 4, end: 6 });
  row("0.0").focus();
  expect(onPlace).toHaveBeenLastCalledWith({ start: 0, end: 7 });
  row("0.0").blur();
  expect(onPlace).toHaveBeenLastCalledWith(null);
});

test("the keyboard moves, closes and opens", () => {
  const { row, texts } = tree();
  row("0").focus();
  fireEvent.keyDown(row("0"), { key: "ArrowDown" });
  expect(document.activeElement).toBe(row("0.0"));
  expect([row("0").tabIndex, row("0.0").tabIndex]).toEqual([-1, 0]);
  fireEvent.keyDown(row("0.0"), { key: "ArrowLeft" });
  expect(texts()).toEqual([EXPR, "sum(up)", "up"]);
  fireEvent.keyDown(row("0.0"), { key: "ArrowLeft" });
  expect(document.activeElement).toBe(row("0"));
  fireEvent.keyDown(row("0"), { key: "End" });
  expect(document.activeElement).toBe(row("0.1"));
  fireEvent.keyDown(row("0.0"), { key: "ArrowRight" });
  expect(row("0.0").getAttribute("aria-expanded")).toBe("true");
});
