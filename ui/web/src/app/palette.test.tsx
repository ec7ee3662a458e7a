// @vitest-environment jsdom

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import Palette from "./palette";

beforeEach(() => {
  // jsdom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function show() {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function close() {
    this.dispatchEvent(new Event("close"));
  };
  Element.prototype.scrollIntoView = vi.fn();
  vi.stubGlobal("fetch", (url: string) =>
    Promise.resolve(
      url.includes("search/metric_names")
        ? new Response('{"results":[{"name":"orders_total","type":"counter","help":"Orders taken."}]}\n{"status":"success","has_more":false}\n')
        : new Response(JSON.stringify({ saved: [{ name: "failed orders", description: "", query: "level:<=3 order", parameters: [], range: "1h", version: 1, changed: "" }] })),
    ),
  );
  history.replaceState(null, "", "/alerts?from=now-3h&to=now");
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

async function palette(words: string) {
  const on = { help: vi.fn(), close: vi.fn() };
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Palette pages={[{ name: "storage", title: "Storage", icon: "storage", about: "disk" }]} onHelp={on.help} onClose={on.close} />
    </QueryClientProvider>,
  );
  await waitFor(() => screen.getByText("orders_total"));
  const field = screen.getByRole("combobox", { hidden: true });
  fireEvent.input(field, { target: { value: words } });
  await waitFor(() => expect(field).toHaveProperty("value", words));
  const found = () => screen.getAllByRole("option", { hidden: true }).map((row) => row.querySelector("span")?.textContent);
  return { ...on, field, found };
}

test("saved searches, metrics and the logs by a word", async () => {
  const { field, found, close } = await palette("order");
  await waitFor(() => expect(found()).toEqual(["failed orders", "orders_total", "Search the logs for “order”"]));
  fireEvent.keyDown(field, { key: "ArrowDown" });
  fireEvent.keyDown(field, { key: "Enter" });
  expect(close).toHaveBeenCalledOnce();
  expect(location.pathname + decodeURIComponent(location.search)).toBe("/graph?expr=rate(orders_total[5m])&from=now-3h&to=now");
});

test("pages and settings, around the end of the list", async () => {
  const { field, found, help } = await palette("s");
  await waitFor(() => expect(found()?.[0]).toBe("Storage"));
  fireEvent.keyDown(field, { key: "ArrowUp" });
  expect(document.querySelector("[aria-selected=true]")?.textContent).toContain("Search the logs for “s”");
  fireEvent.click(screen.getByText("Keyboard shortcuts"));
  expect(help).toHaveBeenCalledOnce();
});
