import { expect, test } from "vitest";
import type { AlertingRule, RuleGroup } from "../api/prometheus";
import { activeAlerts, ownLabels, sections } from "./rules";

function alerting(name: string, state: AlertingRule["state"], ages: readonly number[] = []): AlertingRule {
  const alerts = ages.map((age) => ({
    labels: { alertname: name, severity: "page", instance: `i${age}` },
    annotations: {},
    state: state === "firing" && age < 5 ? ("pending" as const) : (state as "firing"),
    activeAt: new Date(1_795_262_591_000 - age * 60_000).toISOString(),
    value: "1e+00",
  }));
  return { type: "alerting", name, query: "up == 0", duration: 0, labels: { severity: "page" }, alerts, state, health: "ok" };
}

const GROUPS: readonly RuleGroup[] = [
  { name: "g1", file: "a.yml", interval: 15, rules: [alerting("Calm", "inactive"), alerting("Young", "firing", [6]), alerting("New", "unknown")] },
  { name: "g2", file: "b.yml", interval: 15, rules: [alerting("Old", "firing", [2, 60]), { type: "recording", name: "a:b", query: "sum(up)", health: "ok" }] },
];

test("firing first, the longest first; the unknown are inactive", () => {
  const all = sections(GROUPS, "");
  expect(all.firing.map(({ rule }) => rule.name)).toEqual(["Old", "Young"]);
  expect(all.inactive.map(({ rule }) => rule.name)).toEqual(["Calm", "New"]);
  expect(all.recording.map(({ rule }) => rule.name)).toEqual(["a:b"]);
  expect(new Set([...all.firing, ...all.inactive].map(({ key }) => key)).size).toBe(4);
});

test("the filter looks at names, expressions, groups and labels", () => {
  expect(sections(GROUPS, "instance=i60").firing.map(({ rule }) => rule.name)).toEqual(["Old"]);
  expect(sections(GROUPS, "G2 sum").recording.length).toBe(1);
  expect(sections(GROUPS, "nothing").firing.length).toBe(0);
});

test("alerts of a rule", () => {
  const rule = alerting("Old", "firing", [2, 60]);
  expect(activeAlerts(rule).map((alert) => alert.labels["instance"])).toEqual(["i60", "i2"]);
  expect(ownLabels(activeAlerts(rule)[0] ?? { labels: {}, annotations: {}, state: "firing", value: "" }, rule)).toEqual({ instance: "i60" });
});
