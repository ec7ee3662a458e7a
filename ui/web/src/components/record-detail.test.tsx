// @vitest-environment jsdom

import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import type { LogRecord } from "../api/logs";
import { RecordDetail } from "./record-detail";

afterEach(cleanup);

const RECORD: LogRecord = {
  id: "1",
  time: "2026-11-21T12:03:11.482000000Z",
  received: "2026-11-21T12:03:11.500000000Z",
  stream: "default",
  host: "h1",
  level: 3,
  message: "x".repeat(20_000),
  fields: { zone: "b", cached: true, took: 1.5 },
};

function detail(record: LogRecord) {
  const onFilter = vi.fn();
  const onContext = vi.fn();
  const view = render(<RecordDetail record={record} columns={[]} onContext={onContext} onFilter={onFilter} onColumn={vi.fn()} />);
  return { ...view, onFilter, onContext };
}

test("every field is listed once, with its own filters", () => {
  const { container, getByLabelText, onFilter } = detail(RECORD);
  const names = [...container.querySelectorAll("dt")].map((element) => element.textContent);
  expect(names).toEqual(["host", "level", "stream", "cached", "took", "zone", "time", "received"]);
  fireEvent.click(getByLabelText("Only took 1.5"));
  fireEvent.click(getByLabelText("Not level 3 error"));
  expect(onFilter.mock.calls).toEqual([["took", "1.5", "include"], ["level", "3", "exclude"]]);
});

test("a long message is cut until asked for", () => {
  const { container, getByText } = detail(RECORD);
  const message = () => container.querySelector(".message")?.textContent ?? "";
  expect(message().length).toBeLessThan(17_000);
  fireEvent.click(getByText(/show all/));
  expect(message()).toBe(RECORD.message);
});

test("many fields are drawn in two steps", () => {
  const fields = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`f${index}`, index]));
  const { container, getByText } = detail({ ...RECORD, message: "m", fields });
  expect(container.querySelectorAll("dt").length).toBe(202);
  fireEvent.click(getByText("Show all 253 fields"));
  expect(container.querySelectorAll("dt").length).toBe(255);
});

test("the records around it, and those of its container, are one click away", () => {
  const { getByText, onContext, onFilter } = detail({ ...RECORD, message: "m", fields: { container_name: "shop-1" } });
  fireEvent.click(getByText("Context"));
  expect(onContext).toHaveBeenCalledWith("1");
  fireEvent.click(getByText("This container only"));
  expect(onFilter).toHaveBeenCalledWith("container_name", "shop-1", "include");
  cleanup();
  expect(detail(RECORD).queryByText("This container only")).toBe(null);
});
