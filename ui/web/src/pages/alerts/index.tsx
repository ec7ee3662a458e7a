// Alerts: every rule with its state, what fires first.

import { useMemo } from "preact/hooks";
import type { AlertingRule, RecordingRule } from "../../api/prometheus";
import { useNow } from "../../app/browser";
import { useView } from "../../app/place";
import { usePreferences } from "../../app/preferences";
import { useRules } from "../../app/queries";
import { Icon } from "../../components/icon";
import { FailureNotice } from "../../components/notice";
import { age, count } from "../../lib/format";
import { sections, type Listed } from "../../lib/rules";
import { ALERTS, type RuleState } from "../../lib/view";
import { RuleRow } from "./rule-row";

const STATES: readonly { readonly state: RuleState; readonly title: string }[] = [
  { state: "firing", title: "Firing" },
  { state: "pending", title: "Pending" },
  { state: "inactive", title: "Inactive" },
];

export default function AlertsPage() {
  const [view, update] = useView("alerts", ALERTS);
  const { zone } = usePreferences();
  const now = useNow(1_000);
  const rules = useRules();
  const found = useMemo(() => sections(rules.data ?? [], view.filter), [rules.data, view.filter]);
  const listed = found.firing.length + found.pending.length + found.inactive.length + found.recording.length;

  const section = (title: string, entries: readonly Listed<AlertingRule | RecordingRule>[], aside = "") =>
    entries.length > 0 && (
      <section key={title}>
        <h2 class="list-title">
          {title} <small>{entries.length} {aside}</small>
        </h2>
        <ul class="rules">
          {entries.map((entry) => (
            <RuleRow
              key={entry.key}
              entry={entry}
              open={view.open === entry.key}
              now={now}
              zone={zone}
              onToggle={() => update({ open: view.open === entry.key ? null : entry.key }, "replace")}
            />
          ))}
        </ul>
      </section>
    );

  return (
    <div class="page alerts">
      <header class="bar">
        <h1 class="hidden-text">Alerts</h1>
        <div class="query-field grow">
          <div class="box">
            <Icon name="filter" />
            <input
              id="query"
              class="input"
              type="search"
              value={view.filter}
              placeholder="Filter by name, label, expression or group"
              aria-label="Filter rules"
              onInput={(event) => update({ filter: event.currentTarget.value }, "replace")}
            />
          </div>
        </div>
        <div class="segments" role="group" aria-label="State">
          <button type="button" class="button" aria-pressed={view.state === null} onClick={() => update({ state: null })}>
            All
          </button>
          {STATES.map(({ state, title }) => (
            <button key={state} type="button" class="button" aria-pressed={view.state === state} onClick={() => update({ state: view.state === state ? null : state })}>
              {title} <span class="mono">{count(found[state].length)}</span>
            </button>
          ))}
        </div>
      </header>
      <div class="notices">
        {rules.error && (
          <FailureNotice
            failure={rules.error}
            what={rules.data ? `Shown as of ${age(now - rules.dataUpdatedAt)} ago.` : "The rules did not come."}
            onRetry={() => void rules.refetch()}
          />
        )}
      </div>
      <main id="main" class="content">
        {rules.isPending && !rules.error && <p class="waiting">Asking for the rules…</p>}
        {STATES.filter(({ state }) => view.state === null || view.state === state).map(({ state, title }) => section(title, found[state]))}
        {view.state === null && section("Recording rules", found.recording)}
        {rules.data && listed === 0 && view.filter !== "" && (
          <div class="empty">
            <h1>No rule matches</h1>
            <p>
              No name, label, expression or group holds <code>{view.filter}</code>.
            </p>
            <button type="button" class="button small" onClick={() => update({ filter: "", state: null })}>
              All rules
            </button>
          </div>
        )}
        {rules.data && listed > 0 && view.state !== null && found[view.state].length === 0 && (
          <div class="empty">
            <h1>Nothing is {view.state}</h1>
            <button type="button" class="button small" onClick={() => update({ state: null })}>
              All rules
            </button>
          </div>
        )}
        {rules.data?.length === 0 && view.filter === "" && <NoRules />}
      </main>
    </div>
  );
}

function NoRules() {
  return (
    <div class="empty">
      <h1>No rules yet</h1>
      <p>Rule files are Prometheus' own. Name them in watchfire.yml, then reload with SIGHUP or POST /-/reload:</p>
      <div class="snippet">
        <pre tabIndex={0}>{'rule_files: ["rules/*.yml"]'}</pre>
      </div>
      <p>A first one, which fires when a target has been away for a minute:</p>
      <div class="snippet">
        <pre tabIndex={0}>{"groups:\n  - name: first\n    rules:\n      - alert: TargetDown\n        expr: up == 0\n        for: 1m\n        labels: { severity: page }\n        annotations:\n          summary: '{{ $labels.instance }} does not answer'"}</pre>
      </div>
    </div>
  );
}
