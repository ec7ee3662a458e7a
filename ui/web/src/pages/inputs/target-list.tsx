// What is scraped, by pool: health, age and cost of the last scrape.

import type { Target } from "../../api/prometheus";
import { Labels } from "../../components/labels";
import { age, count, duration } from "../../lib/format";

interface Props {
  readonly pool: string;
  readonly targets: readonly Target[];
  /** Targets that discovery found and relabelling dropped. */
  readonly dropped: number;
  /** Samples of the last scrape by `job` and `instance`. */
  readonly samples: ReadonlyMap<string, number>;
  readonly now: number;
  /** The column names are drawn; below the first pool only screen readers need them. */
  readonly head: boolean;
}

const TONES = { up: "tone-ok", down: "tone-error", unknown: "tone-quiet hollow" } as const;
const RANKS = { down: 0, unknown: 1, up: 2 } as const;

export function TargetPool({ pool, targets, dropped, samples, now, head }: Props) {
  const up = targets.filter((target) => target.health === "up").length;
  const worstFirst = [...targets].sort((a, b) => RANKS[a.health] - RANKS[b.health] || a.scrapeUrl.localeCompare(b.scrapeUrl));
  return (
    <section>
      <h2 class="list-title">
        {pool}{" "}
        <small>
          {up} of {targets.length} up
          {dropped > 0 && ` · ${count(dropped)} dropped by relabelling`}
        </small>
      </h2>
      <div class="wide">
        <table class="table targets-table">
          <thead class={head ? "" : "unseen"}>
            <tr>
              <th>Health</th>
              <th>Endpoint</th>
              <th>Labels</th>
              <th class="number">Samples</th>
              <th class="number">Last scrape</th>
              <th class="number">Took</th>
              <th class="number">Every</th>
            </tr>
          </thead>
          {worstFirst.map((target) => (
            <TargetRow key={`${target.scrapeUrl} ${JSON.stringify(target.labels)}`} target={target} samples={samples} now={now} />
          ))}
        </table>
      </div>
    </section>
  );
}

function TargetRow({ target, samples, now }: { readonly target: Target } & Pick<Props, "samples" | "now">) {
  const scraped = Date.parse(target.lastScrape);
  const taken = samples.get(`${target.labels["job"]}\n${target.labels["instance"]}`);
  const never = Number.isNaN(scraped) || scraped <= 0;
  return (
    <tbody>
      <tr>
        <td>
          <span class={`state ${TONES[target.health]}`}>{target.health}</span>
        </td>
        <td class="mono endpoint">
          <a href={target.globalUrl ?? target.scrapeUrl} target="_blank" rel="noreferrer">
            {target.scrapeUrl}
          </a>
        </td>
        <td>
          <Labels labels={target.labels} />
        </td>
        <td class="number">{taken === undefined ? "–" : count(taken)}</td>
        <td class="number">{never ? "never" : `${age(now - scraped)}`}</td>
        <td class="number">{never ? "–" : duration(target.lastScrapeDuration * 1000)}</td>
        <td class="number">{target.scrapeInterval}</td>
      </tr>
      {target.lastError !== "" && (
        <tr class="said-row">
          <td colSpan={7}>
            <span class="error-text">{target.lastError}</span>
          </td>
        </tr>
      )}
    </tbody>
  );
}
