// One rule: its state, name and labels, its active alerts, and on demand all that is known of it.

import type { Alert, AlertingRule, RecordingRule } from "../../api/prometheus";
import { follow, metricsHref } from "../../app/place";
import { Icon } from "../../components/icon";
import { Labels } from "../../components/labels";
import { age, duration, sample } from "../../lib/format";
import { activeAlerts, ownLabels, stateOf, type Listed } from "../../lib/rules";
import { parseSample } from "../../lib/series";
import { formatAbsolute, type Zone } from "../../lib/time-range";

/** Alerts drawn under a closed rule; opening it draws up to the other bound. */
const ALERTS_CLOSED_MAX = 5;
const ALERTS_OPEN_MAX = 500;

const TONES = { firing: "tone-ember", pending: "tone-warn", inactive: "tone-quiet hollow" } as const;

interface Props {
  readonly entry: Listed<AlertingRule | RecordingRule>;
  readonly open: boolean;
  readonly now: number;
  readonly zone: Zone;
  onToggle(): void;
}

export function RuleRow({ entry: { rule, group }, open, now, zone, onToggle }: Props) {
  const alerts = rule.type === "alerting" ? activeAlerts(rule) : [];
  const shown = alerts.slice(0, open ? ALERTS_OPEN_MAX : ALERTS_CLOSED_MAX);
  const broken = rule.health === "err" || (rule.lastError ?? "") !== "";
  const state = rule.type === "alerting" ? stateOf(rule) : null;
  return (
    <li class={`rule${open ? " open" : ""}${state === null ? "" : ` ${state}`}`}>
      <button type="button" class="rule-head" aria-expanded={open} onClick={onToggle}>
        <Icon name="chevron" />
        <span class={`state ${state === null ? "tone-quiet square" : TONES[state]}`}>{state ?? "recording"}</span>
        <span class="rule-name">{rule.name}</span>
        {broken && <span class="state tone-error square">cannot be evaluated</span>}
        <Labels labels={rule.labels ?? {}} />
        <code class="rule-expr">{rule.query}</code>
        <span class="rule-group">{group.name}</span>
      </button>
      {shown.length > 0 && (
        <ul class="active-alerts">
          {shown.map((alert) => (
            <AlertLine key={JSON.stringify(alert.labels)} alert={alert} rule={rule as AlertingRule} now={now} />
          ))}
          {alerts.length > shown.length && <li class="more">and {alerts.length - shown.length} more</li>}
        </ul>
      )}
      {broken && rule.lastError && <p class="rule-error">{rule.lastError}</p>}
      {open && <Details entry={{ rule, group }} zone={zone} now={now} />}
    </li>
  );
}

function AlertLine({ alert, rule, now }: { readonly alert: Alert; readonly rule: AlertingRule; readonly now: number }) {
  const since = Date.parse(alert.activeAt ?? "");
  const said = alert.annotations["summary"] ?? alert.annotations["description"] ?? alert.annotations["message"];
  const runbook = alert.annotations["runbook_url"];
  const labels = ownLabels(alert, rule);
  return (
    <li>
      <span class={`state ${TONES[alert.state]}`}>{alert.state}</span>
      <span class="since" title={alert.activeAt}>
        {Number.isNaN(since) ? "" : `for ${age(now - since)}`}
      </span>
      <span class="alert-value">{sample(parseSample(alert.value))}</span>
      <span class="alert-text">
        <Labels labels={labels} />
        {said !== undefined && <span>{said}</span>}
        {runbook?.startsWith("http") && (
          <a href={runbook} rel="noreferrer" target="_blank">
            Runbook
          </a>
        )}
      </span>
    </li>
  );
}

function Details({ entry: { rule, group }, zone, now }: { readonly entry: Pick<Props["entry"], "rule" | "group">; readonly zone: Zone; readonly now: number }) {
  const evaluated = Date.parse(rule.lastEvaluation ?? "");
  const facts: (readonly [name: string, text: string])[] = [["group", `${group.name}, every ${duration(group.interval * 1000)}`], ["file", group.file]];
  if (rule.type === "alerting") {
    facts.push(["for", duration(rule.duration * 1000)]);
    if (rule.keepFiringFor) {
      facts.push(["keep firing for", duration(rule.keepFiringFor * 1000)]);
    }
    facts.push(...Object.entries(rule.annotations ?? {}));
  }
  if (!Number.isNaN(evaluated) && evaluated > 0) {
    const took = rule.evaluationTime === undefined ? "" : `, took ${duration(rule.evaluationTime * 1000)}`;
    facts.push(["evaluated", `${age(now - evaluated)} ago (${formatAbsolute(evaluated, zone)})${took}`]);
  }
  return (
    <div class="rule-detail">
      <pre tabIndex={0}>{rule.query}</pre>
      <a class="button small" href={metricsHref(rule.query)} onClick={follow}>
        <Icon name="metrics" />
        Graph this
      </a>
      <dl>
        {facts.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
