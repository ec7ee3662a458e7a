import { expect, test } from "vitest";
import { ALERTS, INPUTS, LOGS, METRICS, pageOf, pathOf, type AlertsView, type Codec, type InputsView, type LogsView, type MetricsView } from "./view";

/** A reload shows the same view: the address is read back after a trip through text. */
function restores<View>(codec: Codec<View>, view: View) {
  expect(codec.read(new URLSearchParams(codec.write(view).toString()))).toEqual(view);
}

const PAGES = ["logs", "metrics", "alerts", "inputs", "storage"] as const;
const TEXTS = ["", "a", 'level:3 "x & y=1" #?', "é😀", "%2C,%25", " lead", "a|b"];
const RANGES = [{ from: "now-15m", to: "now" }, { from: "now/d+8h", to: "now" }, { from: "1795262591482", to: "1795262691482" }];

test("every view survives a reload", () => {
  for (const text of TEXTS) {
    for (const range of RANGES) {
      for (const flag of [true, false]) {
        const logs: LogsView = {
          query: text,
          range,
          live: flag,
          paused: flag && text !== "",
          columns: text === "" ? [] : [text, "b,c"],
          open: text || null,
          histogram: flag,
          by: text,
          order: flag ? "newest" : "oldest",
          show: flag ? "bars" : null,
          measure: text || null,
          sort: flag ? { column: text, descending: text === "a" } : null,
          panel: flag ? "saved" : null,
          context: text === "" ? null : { id: text, same: flag ? "container" : text, before: 10, after: flag ? 0 : 250 },
          saved: text || null,
          values: flag ? { a: text, b: "" } : {},
        };
        restores(LOGS, logs);
        const metrics: MetricsView = { expressions: [text, "up"], range, tab: flag ? "graph" : "table", step: flag ? 15 : null, zero: flag, explain: flag, exemplars: !flag, browse: flag };
        restores(METRICS, metrics);
      }
    }
    const alerts: AlertsView = { filter: text, state: text === "" ? null : "firing", open: text || null };
    restores(ALERTS, alerts);
    const inputs: InputsView = { filter: text, unhealthy: text === "", open: text || null, sort: { column: text === "a" ? "completeness" : "lost", descending: text !== "" } };
    restores(INPUTS, inputs);
  }
});

test("defaults leave the address empty", () => {
  const address = <View>(codec: Codec<View>) => codec.write(codec.read(new URLSearchParams())).toString();
  expect([address(LOGS), address(METRICS), address(ALERTS), address(INPUTS)]).toEqual(["", "", "", ""]);
});

test("links made for Prometheus open here", () => {
  const view = METRICS.read(new URLSearchParams("g0.expr=up%20%3D%3D%200&g0.tab=1&g1.expr=up"));
  expect(view.expressions).toEqual(["up == 0", "up"]);
  expect(view.tab).toBe("table");
  expect(PAGES.map((page) => pageOf(`/${pathOf(page)}`))).toEqual(PAGES);
  expect(["/graph", "/x/targets", "/rules", "/", "/logs"].map(pageOf)).toEqual(["metrics", "inputs", "alerts", "logs", "logs"]);
});

test("an address that was written by hand is read as far as it makes sense", () => {
  const view = LOGS.read(new URLSearchParams("context=x&before=-1&after=99999&show=pie&sort=a&panel=x&order=up"));
  expect(view).toMatchObject({ context: { id: "x", same: "container", before: 10, after: 1000 }, show: null, sort: null, panel: null, order: "newest" });
});
