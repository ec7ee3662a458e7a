// Inputs, containers and targets: where data comes from, and whether all of it arrives.

import { useMemo } from "preact/hooks";
import type { Target } from "../../api/prometheus";
import { NARROW, useMedia, useNow } from "../../app/browser";
import { useView } from "../../app/place";
import { useContainers, useInputs, useScrapedSamples, useStatus, useTargets } from "../../app/queries";
import { Icon } from "../../components/icon";
import { FailureNotice, Notice } from "../../components/notice";
import { age, plural } from "../../lib/format";
import { sumOf } from "../../lib/losses";
import { INPUTS } from "../../lib/view";
import { ContainerSection } from "./container-section";
import { InputList, inputKey } from "./input-list";
import { TargetPool } from "./target-list";

const NO_SAMPLES: ReadonlyMap<string, number> = new Map();

export default function InputsPage() {
  const [view, update] = useView("inputs", INPUTS);
  const now = useNow(1_000);
  const status = useStatus();
  const narrow = useMedia(NARROW);
  const inputs = useInputs();
  const containers = useContainers();
  const targets = useTargets();
  const samples = useScrapedSamples();

  const words = view.filter.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const has = (text: string) => words.every((word) => text.toLowerCase().includes(word));
  const shownInputs = (inputs.data ?? []).filter(
    (input) => has(`${inputKey(input)} ${input.last_error} ${input.senders.map((sender) => sender.sender).join(" ")}`) && (!view.unhealthy || sumOf(input.losses) > 0 || input.last_error !== ""),
  );
  const pools = useMemo(() => byPool(targets.data?.activeTargets ?? []), [targets.data]);
  const dropped = targets.data?.droppedTargetCounts ?? {};
  const total = targets.data?.activeTargets.length ?? 0;
  const down = targets.data?.activeTargets.filter((target) => target.health === "down").length ?? 0;

  return (
    <div class="page inputs">
      <header class="bar">
        <h1 class="hidden-text">Inputs</h1>
        <div class="query-field grow">
          <div class="box">
            <Icon name="filter" />
            <input
              id="query"
              class="input"
              type="search"
              value={view.filter}
              placeholder="Filter by address, container, pool, label or error"
              aria-label="Filter inputs, containers and targets"
              onInput={(event) => update({ filter: event.currentTarget.value }, "replace")}
            />
          </div>
        </div>
        <button type="button" class="button" aria-pressed={view.unhealthy} onClick={() => update({ unhealthy: !view.unhealthy })}>
          Only with trouble
        </button>
      </header>
      <div class="notices">
        {status.data?.notices.map((notice) => (
          <Notice key={notice.text} severity={notice.severity}>
            <span>{notice.text}</span>
          </Notice>
        ))}
        {inputs.error && (
          <FailureNotice
            failure={inputs.error}
            what={inputs.data ? `Shown as of ${age(now - inputs.dataUpdatedAt)} ago.` : "The inputs did not come."}
            onRetry={() => void inputs.refetch()}
          />
        )}
        {containers.error && !inputs.error && <FailureNotice failure={containers.error} what="The containers did not come." onRetry={() => void containers.refetch()} />}
        {targets.error && !inputs.error && <FailureNotice failure={targets.error} what="The targets did not come." onRetry={() => void targets.refetch()} />}
      </div>
      <main id="main" class="content">
        {inputs.isPending && !inputs.error && <p class="waiting">Asking for the inputs…</p>}
        {inputs.data && (
          <section>
            <div class="part-title">
              <h2>Log inputs</h2>
              <span class="quiet">{plural(inputs.data.length, "input")}</span>
              {status.data && <span class="quiet">up for {age(now - Date.parse(status.data.started))}</span>}
            </div>
            {shownInputs.length > 0 ? (
              <InputList
                inputs={shownInputs}
                at={inputs.dataUpdatedAt}
                now={now}
                open={view.open}
                onToggle={(key) => update({ open: view.open === key ? null : key }, "replace")}
              />
            ) : (
              <p class="nothing">{inputs.data.length === 0 ? "No input is configured: see logs.inputs in watchfire.yml." : "No input here."}</p>
            )}
          </section>
        )}
        {containers.data && (
          <ContainerSection
            answer={containers.data}
            has={has}
            view={view}
            narrow={narrow}
            now={now}
            onSort={(sort) => update({ sort }, "replace")}
            onToggle={(key) => update({ open: view.open === key ? null : key }, "replace")}
          />
        )}
        {targets.data && (
          <div class="part-title">
            <h2>Scrape targets</h2>
            <span class="quiet">{plural(total, "target")}</span>
            {down > 0 && <span class="state tone-error">{down} down</span>}
          </div>
        )}
        {[...pools].map(([pool, all], index) => {
          const shown = all.filter((target) => has(`${pool} ${target.scrapeUrl} ${target.lastError} ${labelText(target)}`) && (!view.unhealthy || target.health !== "up"));
          return shown.length > 0 && <TargetPool key={pool} pool={pool} head={index === 0} targets={shown} dropped={dropped[pool] ?? 0} samples={samples.data ?? NO_SAMPLES} now={now} />;
        })}
        {targets.data && total === 0 && (
          <div class="empty">
            <h1>Nothing is scraped yet</h1>
            <p>A prometheus.yml works as it is. To begin, name one service that serves /metrics in watchfire.yml:</p>
            <div class="snippet">
              <pre tabIndex={0}>{"scrape_configs:\n  - job_name: shop\n    static_configs:\n      - targets: [10.0.0.11:8080]"}</pre>
            </div>
          </div>
        )}
      </main>
    </div>
  );
}

/** Pools by name, those with a target that is down first. */
function byPool(targets: readonly Target[]): ReadonlyMap<string, readonly Target[]> {
  const pools = new Map<string, Target[]>();
  for (const target of targets) {
    pools.set(target.scrapePool, [...(pools.get(target.scrapePool) ?? []), target]);
  }
  const trouble = (all: readonly Target[]) => (all.some((target) => target.health === "down") ? 0 : 1);
  return new Map([...pools].sort(([a, left], [b, right]) => trouble(left) - trouble(right) || a.localeCompare(b)));
}

function labelText(target: Target): string {
  return Object.entries(target.labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}
