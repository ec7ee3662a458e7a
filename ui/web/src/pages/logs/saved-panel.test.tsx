// @vitest-environment jsdom

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { SavedSearch } from "../../api/saved";
import { Parameters } from "./parameters";
import SavedPanel from "./saved-panel";

const SAVED: SavedSearch = {
  name: "errors",
  description: "Errors of a service",
  query: "level:<=3 service:$service",
  parameters: [{ name: "service", default: "checkout", description: "Service" }],
  range: "1h",
  version: 3,
  changed: "2026-11-21T12:00:00Z",
};

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

let asked: Asked[] = [];
/** What a `PUT` is answered. */
let put: () => Response = () => new Response("{}");

beforeEach(() => {
  asked = [];
  vi.stubGlobal("fetch", (url: string, how: RequestInit = {}) => {
    const { pathname, search } = new URL(url);
    const method = how.method ?? "GET";
    asked.push({ method, path: pathname.replace(/^.*\/logs\//, "") + search, body: typeof how.body === "string" ? (JSON.parse(how.body) as unknown) : null });
    return Promise.resolve(method === "PUT" ? put() : method === "DELETE" ? new Response(null, { status: 204 }) : new Response(JSON.stringify({ saved: [SAVED] })));
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

async function panel() {
  const onSaved = vi.fn();
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SavedPanel query="service:$svc" range={{ from: "now-15m", to: "now" }} current="errors" onSaved={onSaved} onClose={vi.fn()} />
    </QueryClientProvider>,
  );
  await waitFor(() => screen.getByText("Errors of a service"));
  return { onSaved };
}

test("a saved search is a link that names it", async () => {
  await panel();
  const link = screen.getByText("errors", { selector: "b" }).closest("a");
  expect([link?.getAttribute("href"), link?.getAttribute("aria-current")]).toEqual(["./logs?saved=errors", "true"]);
});

test("what is asked now is saved under a name made of its description, with its parameters and range", async () => {
  const { onSaved } = await panel();
  put = () => new Response(JSON.stringify({ ...SAVED, name: "all-of-a-service" }));
  fireEvent.click(screen.getByText("Save this search"));
  fireEvent.input(screen.getByLabelText("What it finds"), { target: { value: "All of a service" } });
  fireEvent.input(screen.getByLabelText("Default"), { target: { value: "auth" } });
  fireEvent.click(screen.getByText("Save"));
  await waitFor(() => expect(onSaved).toHaveBeenCalled());
  expect(asked.find((request) => request.method === "PUT")).toEqual({
    method: "PUT",
    path: "saved/all-of-a-service",
    body: { description: "All of a service", query: "service:$svc", parameters: [{ name: "svc", default: "auth", description: "" }], range: "15m", version: 0 },
  });
});

test("a change that met another's is told and kept in the form", async () => {
  const { onSaved } = await panel();
  put = () => new Response('{"error":{"message":"somebody changed `errors`"}}', { status: 409 });
  fireEvent.click(screen.getByText("Change"));
  fireEvent.input(screen.getByLabelText("What it finds"), { target: { value: "Mine" } });
  fireEvent.click(screen.getByText("Save"));
  await waitFor(() => expect(screen.getByRole("alert").textContent).toContain("Changed meanwhile."));
  expect(asked.find((request) => request.method === "PUT")?.body).toMatchObject({ version: 3, range: "15m" });
  expect((screen.getByLabelText("What it finds") as HTMLInputElement).value).toBe("Mine");
  expect(onSaved).not.toHaveBeenCalled();
});

test("deleting asks once more, and only for the version that was seen", async () => {
  await panel();
  fireEvent.click(screen.getByLabelText("Delete errors"));
  expect(asked.some((request) => request.method === "DELETE")).toBe(false);
  fireEvent.click(screen.getByText("Delete errors"));
  await waitFor(() => expect(asked.find((request) => request.method === "DELETE")?.path).toBe("saved/errors?version=3"));
});

test("parameters begin with what the link or the search says", () => {
  const onApply = vi.fn();
  const { rerender } = render(<Parameters saved={SAVED} values={{}} onApply={onApply} />);
  const input = () => screen.getByLabelText("Service") as HTMLInputElement;
  expect(input().value).toBe("checkout");
  rerender(<Parameters saved={SAVED} values={{ service: "auth" }} onApply={onApply} />);
  expect(input().value).toBe("auth");
  fireEvent.input(input(), { target: { value: 'a" OR b' } });
  fireEvent.click(screen.getByText("Apply"));
  expect(onApply).toHaveBeenCalledWith({ service: 'a" OR b' });
});
