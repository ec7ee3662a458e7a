// @vitest-environment jsdom

import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { RangePanel } from "./time-picker";

afterEach(cleanup);

function panel(range = { from: "now-15m", to: "now" }) {
  const onRange = vi.fn();
  const view = render(<RangePanel range={range} zone="utc" onRange={onRange} onZone={vi.fn()} />);
  return { ...view, onRange };
}

test("a listed range applies at once", () => {
  const { getByText, onRange } = panel();
  expect(getByText("Last 15 minutes").getAttribute("aria-current")).toBe("true");
  fireEvent.click(getByText("Last 6 hours"));
  expect(onRange).toHaveBeenCalledWith({ from: "now-6h", to: "now" });
});

test("a typed length becomes a range", () => {
  const { getByLabelText, onRange } = panel();
  const filter = getByLabelText("Find a range");
  fireEvent.input(filter, { target: { value: "45m" } });
  fireEvent.keyDown(filter, { key: "Enter" });
  expect(onRange).toHaveBeenCalledWith({ from: "now-45m", to: "now" });
});

test("dates are applied as milliseconds, mistakes are said and kept", () => {
  const { getByLabelText, getByText, getByRole, onRange } = panel();
  fireEvent.input(getByLabelText("From"), { target: { value: "2026-11-21 12:00" } });
  fireEvent.input(getByLabelText("To"), { target: { value: "noon" } });
  fireEvent.click(getByText("Apply"));
  expect(getByRole("alert").textContent).toContain("`noon` is not a time");
  fireEvent.input(getByLabelText("To"), { target: { value: "2026-11-21 12:15" } });
  fireEvent.click(getByText("Apply"));
  expect(onRange).toHaveBeenCalledWith({ from: String(Date.UTC(2026, 10, 21, 12)), to: String(Date.UTC(2026, 10, 21, 12, 15)) });
});

test("an absolute range is shown as dates", () => {
  const { getByLabelText } = panel({ from: String(Date.UTC(2026, 10, 21, 12)), to: "now" });
  expect((getByLabelText("From") as HTMLInputElement).value).toBe("2026-11-21 12:00:00");
});
