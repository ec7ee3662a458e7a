import { expect, test } from "vitest";
import type { Container } from "../api/containers";
import { band, clicked, containerQuery, containerRange, containerText, DEFAULT_SORT, hasTrouble, ownLosses, percent, sorted, type ContainerSort } from "./containers";

function container(name: string, patch: Partial<Container> = {}): Container {
  return { container: name, host: "node-3", received: 10, stored: 10, refused: 0, waiting: 0, losses: [], shared_losses: 0, completeness: 100, first_received: 0, last_received: 5, ...patch };
}

const LIST: readonly Container[] = [
  container("new", { received: 0, stored: 0, completeness: null }),
  container("b"),
  container("a"),
  container("leaky", { received: 500, losses: [{ reason: "queue_full", count: 3 }], shared_losses: 1.25, completeness: 96.542 }),
];

function names(sort: ContainerSort) {
  return sorted(LIST, sort).map((entry) => entry.container);
}

test("the worst first, equals by name, the unknown last", () => {
  expect(names(DEFAULT_SORT)).toEqual(["leaky", "a", "b", "new"]);
  expect(names({ column: "completeness", descending: true })).toEqual(["a", "b", "leaky", "new"]);
  expect(names({ column: "lost", descending: true })[0]).toBe("leaky");
  expect(names({ column: "estimate", descending: false }).at(-1)).toBe("leaky");
  expect(names({ column: "container", descending: true })).toEqual(["new", "leaky", "b", "a"]);
});

test("a click sorts by the column's own way, the next turns it round", () => {
  const received = clicked(DEFAULT_SORT, "received");
  expect(received).toEqual({ column: "received", descending: true });
  expect(clicked(received, "received")).toEqual({ column: "received", descending: false });
  expect([clicked(received, "container").descending, clicked(received, "completeness").descending]).toEqual([false, false]);
});

test("completeness has three decimals and is never rounded up to all", () => {
  expect([100, 99.9999999, 99.9, 96.542, 0, null].map(percent)).toEqual(["100.000 %", "99.999 %", "99.900 %", "96.542 %", "0.000 %", "–"]);
  expect([100, 99.9, 99.899, 99, 98.999, null].map(band)).toEqual(["well", "well", "fair", "fair", "poor", "unknown"]);
});

test("trouble is a loss of its own, or a poor estimate", () => {
  expect(LIST.map(hasTrouble)).toEqual([false, false, false, true]);
  expect(hasTrouble(container("x", { shared_losses: 0.01, completeness: 99.99 }))).toBe(false);
  expect(hasTrouble(container("x", { shared_losses: 4, completeness: 99.5 }))).toBe(true);
  expect(ownLosses(container("x", { refused: 7 }))).toEqual([{ reason: "store_refused", count: 7 }]);
  expect(containerText(container("x", { host: "node-1", losses: [{ reason: "queue_full", count: 3 }] }))).toBe("x node-1 queue_full receive queue full");
});

test("its records are found by the fields that name it", () => {
  expect(containerQuery(container("web-1"))).toBe('(container_name:web-1 OR container_name:"/web-1") host:node-3');
  expect(containerQuery(container('a "b"'))).toBe('(container_name:"a \\"b\\"" OR container_name:"/a \\"b\\"") host:node-3');
  expect(containerQuery(container("node-3"))).toBe("host:node-3");
  expect(containerQuery(container("0123456789ab"))).toContain(" OR container_id:0123456789ab*) host:node-3");
  expect(containerQuery(container("web-6d4c9-x7k2p"))).toContain("kubernetes.pod_name:web-6d4c9-x7k2p OR ");
});

test("a container that fell silent is shown where it last spoke", () => {
  expect(containerRange(container("x", { last_received: 1_000_000 }), 1_500_000)).toBe(null);
  expect(containerRange(container("x", { last_received: 1_000_000 }), 9_000_000)).toEqual({ from: "100000", to: "1060000" });
});
