// @vitest-environment jsdom

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LogRecord } from "../../api/logs";
import ContextPanel from "./context-panel";

function record(id: number): LogRecord {
  const time = new Date(Date.UTC(2026, 10, 21, 12, 0, id)).toISOString();
  return { id: String(id), time, received: time, stream: "default", host: "h1", level: id === 3 ? 3 : 6, message: `line ${id}`, fields: { container_id: "c0ffee" } };
}

const STATS = {
  elapsed_ms: 2, granules: 1, granules_pruned: 0, granules_summed: 0, granules_read: 1, granules_false: 0, records_scanned: 5, bytes_read: 9, planning_ms: 0, filtering_ms: 1, collecting_ms: 1,
};

let asked: URLSearchParams[] = [];

beforeEach(() => {
  asked = [];
  Element.prototype.scrollIntoView = vi.fn();
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(new URL(url).searchParams);
    const answer = { same: [{ field: "container_id", value: "c0ffee" }], before: [record(1), record(2)], record: record(3), after: [record(4)], partial: ["block 7 is damaged"], stats: STATS };
    return Promise.resolve(new Response(JSON.stringify(answer)));
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

async function panel() {
  const props = { onChange: vi.fn(), onFilter: vi.fn(), onColumn: vi.fn(), onClose: vi.fn() };
  const view = { id: "3", same: "container", before: 2, after: 10 };
  const { container } = render(
    <QueryClientProvider client={new QueryClient()}>
      <ContextPanel view={view} zone="utc" columns={[]} {...props} />
    </QueryClientProvider>,
  );
  await waitFor(() => screen.getByText("line 1"));
  return { ...props, view, container };
}

test("records stand in the order they happened, the one asked about among them", async () => {
  const { container } = await panel();
  expect(Object.fromEntries(asked[0] ?? [])).toEqual({ id: "3", same: "container", before: "2", after: "10" });
  expect([...container.querySelectorAll(".line")].map((line) => line.textContent)).toEqual(["line 1", "line 2", "line 3", "line 4"]);
  expect(container.querySelector("[aria-current]")?.textContent).toContain("line 3");
  expect(container.textContent).toContain("container_id: c0ffee");
  expect(container.textContent).toContain("Missing: block 7 is damaged");
});

test("there may be more before, and nothing is later", async () => {
  const { onChange, view, container } = await panel();
  expect(container.textContent).toContain("Nothing later.");
  fireEvent.click(screen.getByText("20 more before"));
  expect(onChange).toHaveBeenCalledWith({ ...view, before: 22 });
});

test("what they have in common is chosen", async () => {
  const { onChange, view } = await panel();
  fireEvent.input(screen.getByLabelText("What the records have in common"), { target: { value: "any" } });
  expect(onChange).toHaveBeenCalledWith({ ...view, same: "any" });
});

test("a record opens its fields, and can become the middle", async () => {
  const { onChange, onFilter, view } = await panel();
  fireEvent.click(screen.getByText("line 4"));
  fireEvent.click(screen.getByText("This container only"));
  expect(onFilter).toHaveBeenCalledWith("container_id", "c0ffee", "include");
  fireEvent.click(screen.getByText("Context", { selector: "button" }));
  expect(onChange).toHaveBeenCalledWith({ ...view, id: "4" });
});

test("Escape closes it", async () => {
  const { onClose } = await panel();
  fireEvent.keyDown(screen.getByText("line 1"), { key: "Escape" });
  expect(onClose).toHaveBeenCalled();
});
