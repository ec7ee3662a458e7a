// @vitest-environment jsdom

import { cleanup, render } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import type { Part, Store } from "../../api/storage";
import { Parts } from "./parts";

afterEach(cleanup);

const PART: Part = { block: "logs/b1", what: "checksum", rows: 8192, start: 0, end: 1_000 };

function shown(damaged: readonly Part[], lost: readonly Part[]) {
  const scrub = { checked_bytes: 0, total_bytes: 0, last_completed: null };
  const empty: Store = { blocks: 0, bytes: 0, wal_bytes: 0, memory: 0, oldest: null, newest: null, replay: null, damaged: [], lost: [], scrub };
  const stores = { logs: { ...empty, records: 0, damaged, lost }, metrics: { ...empty, series: 0, samples: 0 } };
  return render(<Parts stores={stores} zone="utc" />).container;
}

test("nothing to tell", () => {
  const container = shown([], []);
  expect(container.querySelector("table")).toBe(null);
  expect(container.textContent).not.toContain("--repair");
});

test("what is damaged comes with the command that repairs", () => {
  const container = shown([PART], []);
  expect(container.querySelector("pre")?.textContent).toBe("watchfire check data --repair");
  expect([...container.querySelectorAll("td")].map((cell) => cell.textContent)).toEqual(["damaged", "logs/b1", "checksum", "8,192 records", "1970-01-01 00:00:00", "1970-01-01 00:00:01"]);
});

test("what is lost cannot be repaired again", () => {
  const container = shown([], [PART]);
  expect(container.querySelector("pre")).toBe(null);
  expect(container.textContent).toContain("until the retention passes it");
});
