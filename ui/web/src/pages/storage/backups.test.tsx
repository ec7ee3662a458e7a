// @vitest-environment jsdom

import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { createQueryClient } from "../../app/queries";
import { Backups } from "./backups";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

/** The section after a click on its button, the server answering so. */
function clicked(status: number, body: unknown) {
  const fetch = vi.fn(() => Promise.resolve(new Response(JSON.stringify(body), { status })));
  vi.stubGlobal("fetch", fetch);
  const backups = [{ name: "2026-11-20T19-00-00Z", created: 0, bytes: 2048, objects: 12 }];
  const view = render(
    <QueryClientProvider client={createQueryClient()}>
      <Backups backups={backups} now={60_000} zone="utc" />
    </QueryClientProvider>,
  );
  fireEvent.click(view.getByText("Back up now"));
  return { ...view, fetch };
}

test("a click makes a backup and says where it lies", async () => {
  const { fetch, findByText, getByText } = clicked(201, { name: "n", directory: "/data/backups/n", bytes: 1024, objects: 3 });
  expect((await findByText("/data/backups/n")).tagName).toBe("CODE");
  expect(fetch).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("/api/watchfire/v1/backups"), expect.objectContaining({ method: "POST" }));
  expect(getByText("Back up now")).toBeTruthy();
});

test("a refusal is told in the server's words, and can be tried again", async () => {
  const { findByText, getByText } = clicked(503, { error: { message: "another backup is being taken" } });
  expect(await findByText("another backup is being taken")).toBeTruthy();
  expect(getByText("Try again")).toBeTruthy();
});

test("those that exist are listed", () => {
  const { container } = clicked(201, {});
  expect([...container.querySelectorAll("tbody td")].map((cell) => cell.textContent)).toEqual(["2026-11-20T19-00-00Z", "1970-01-01 00:00:00", "1 m", "2 KiB", "12"]);
});
