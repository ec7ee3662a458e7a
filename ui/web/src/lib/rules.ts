// Rules in the order in which they matter: firing, pending, inactive, then recording rules.

import type { Alert, AlertingRule, RecordingRule, RuleGroup } from "../api/prometheus";
import type { RuleState } from "./view";

/** A rule with the group it stands in. `key` is stable between polls. */
export interface Listed<Rule> {
  readonly key: string;
  readonly rule: Rule;
  readonly group: RuleGroup;
}

export interface Sections {
  readonly firing: readonly Listed<AlertingRule>[];
  readonly pending: readonly Listed<AlertingRule>[];
  readonly inactive: readonly Listed<AlertingRule>[];
  readonly recording: readonly Listed<RecordingRule>[];
}

/** Sorts the rules of all groups into sections; within one, the longest active stands first. */
export function sections(groups: readonly RuleGroup[], filter: string): Sections {
  const words = filter.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const listed = groups.flatMap((group) =>
    group.rules.map((rule, index) => ({ key: `${group.file}/${group.name}/${index}/${rule.name}`, rule, group })),
  );
  const wanted = listed.filter(({ rule, group }) => {
    const text = textOf(rule, group);
    return words.every((word) => text.includes(word));
  });
  const alerting = wanted.filter((entry): entry is Listed<AlertingRule> => entry.rule.type === "alerting");
  const of = (state: RuleState) => alerting.filter(({ rule }) => stateOf(rule) === state).sort((a, b) => since(a.rule) - since(b.rule));
  return {
    firing: of("firing"),
    pending: of("pending"),
    inactive: of("inactive"),
    recording: wanted.filter((entry): entry is Listed<RecordingRule> => entry.rule.type === "recording"),
  };
}

/** A rule not yet evaluated counts as inactive. */
export function stateOf(rule: AlertingRule): RuleState {
  return rule.state === "unknown" ? "inactive" : rule.state;
}

/** Firing alerts first, then the longest active. */
export function activeAlerts(rule: AlertingRule): readonly Alert[] {
  const rank = (alert: Alert) => (alert.state === "firing" ? 0 : 1);
  return [...(rule.alerts ?? [])].sort((a, b) => rank(a) - rank(b) || activeAt(a) - activeAt(b));
}

/** Labels of an alert that its rule does not already show. */
export function ownLabels(alert: Alert, rule: AlertingRule): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(alert.labels).filter(([name, value]) => name !== "alertname" && rule.labels?.[name] !== value));
}

function since(rule: AlertingRule): number {
  return Math.min(Infinity, ...(rule.alerts ?? []).map(activeAt));
}

function activeAt(alert: Alert): number {
  const time = Date.parse(alert.activeAt ?? "");
  return Number.isNaN(time) ? Infinity : time;
}

function textOf(rule: AlertingRule | RecordingRule, group: RuleGroup): string {
  const alerts = rule.type === "alerting" ? (rule.alerts ?? []) : [];
  const labels = [rule.labels ?? {}, ...alerts.map((alert) => alert.labels)].flatMap((set) => Object.entries(set).map(([name, value]) => `${name}=${value}`));
  return [rule.name, rule.query, group.name, group.file, ...labels].join(" ").toLowerCase();
}
