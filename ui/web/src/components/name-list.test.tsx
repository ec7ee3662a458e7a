// @vitest-environment jsdom

import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NameList } from "./name-list";

// jsdom lays nothing out: the list is told that ten rows fit.
beforeEach(() => {
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(440);
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(400);
  Element.prototype.scrollTo = vi.fn() as unknown as typeof Element.prototype.scrollTo;
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

function list(amount: number) {
  const items = Array.from({ length: amount }, (_, index) => `metric_${index}`);
  const on = { words: vi.fn(), choose: vi.fn(), take: vi.fn(), end: vi.fn() };
  const view = render(
    <NameList
      label="Find a metric"
      placeholder="Find"
      words=""
      items={items}
      chosen="metric_1"
      busy={false}
      stale={false}
      focus
      foot={`${amount} metrics`}
      keyOf={(item) => item}
      row={(item) => item}
      onWords={on.words}
      onChoose={on.choose}
      onTake={on.take}
      onEnd={on.end}
    />,
  );
  return { ...view, on, field: view.getByRole("combobox") };
}

test("of 100,000 names only those on screen are in the document", () => {
  const { container, on } = list(100_000);
  const drawn = container.querySelectorAll("[role=option]");
  expect(drawn.length).toBeGreaterThan(5);
  expect(drawn.length).toBeLessThan(40);
  expect(drawn[0]?.getAttribute("aria-setsize")).toBe("100000");
  expect(container.querySelector("[aria-selected=true]")?.textContent).toBe("metric_1");
  expect(on.end).not.toHaveBeenCalled();
});

test("the end of a short list is in view", () => {
  expect(list(5).on.end).toHaveBeenCalled();
});

test("the arrows move, Enter chooses, Shift+Enter takes", () => {
  const { field, on } = list(3);
  expect(document.activeElement).toBe(field);
  const active = () => document.getElementById(field.getAttribute("aria-activedescendant") ?? "")?.textContent;
  expect(active()).toBe("metric_0");
  fireEvent.keyDown(field, { key: "ArrowDown" });
  fireEvent.keyDown(field, { key: "Enter" });
  expect(on.choose).toHaveBeenCalledWith("metric_1");
  for (let presses = 0; presses < 5; presses += 1) {
    fireEvent.keyDown(field, { key: "ArrowDown" });
  }
  expect(active()).toBe("metric_2");
  fireEvent.keyDown(field, { key: "Enter", shiftKey: true });
  expect(on.take).toHaveBeenCalledWith("metric_2");
  fireEvent.keyDown(field, { key: "PageUp" });
  expect(active()).toBe("metric_0");
});

test("the mouse chooses, a double click takes", () => {
  const { getByText, on } = list(3);
  fireEvent.click(getByText("metric_2"));
  fireEvent.dblClick(getByText("metric_2"));
  expect([on.choose.mock.calls, on.take.mock.calls]).toEqual([[["metric_2"]], [["metric_2"]]]);
});
