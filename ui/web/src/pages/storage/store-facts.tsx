// What one store holds, how far its log is read back, and how far it was read again to find rot.

import type { LogsStore, MetricsStore, Store } from "../../api/storage";
import { age, bytes, bytesOf, count, sample } from "../../lib/format";
import { share } from "../../lib/storage";
import { formatAbsolute, type Zone } from "../../lib/time-range";

type Fact = readonly [name: string, value: string, about?: string];

interface Props<T extends Store> {
  readonly store: T;
  readonly now: number;
  readonly zone: Zone;
}

export function LogsFacts({ store, now, zone }: Props<LogsStore>) {
  return <Facts title="Logs" store={store} now={now} zone={zone} held={[["Records", count(store.records), perItem(store.bytes, store.records, "record")]]} />;
}

export function MetricsFacts({ store, now, zone }: Props<MetricsStore>) {
  const held: readonly Fact[] = [
    ["Series", count(store.series)],
    ["Samples", count(store.samples), perItem(store.bytes, store.samples, "sample")],
  ];
  return <Facts title="Metrics" store={store} now={now} zone={zone} held={held} />;
}

function Facts({ title, store, now, zone, held }: Props<Store> & { readonly title: string; readonly held: readonly Fact[] }) {
  const when = (ms: number | null): Fact[1] => (ms === null ? "none yet" : formatAbsolute(ms, zone));
  const facts: readonly Fact[] = [
    ...held,
    ["Blocks", count(store.blocks), bytes(store.bytes)],
    ["Write-ahead log", bytes(store.wal_bytes), "the newest data; repairs read it too"],
    ["Memory", bytes(store.memory)],
    ["Oldest", when(store.oldest), store.oldest === null ? "" : `${age(now - store.oldest)} ago`],
    ["Newest", when(store.newest), store.newest === null ? "" : `${age(now - store.newest)} ago`],
  ];
  return (
    <section aria-label={title}>
      <h2 class="list-title">{title}</h2>
      <dl class="facts">
        {facts.map(([name, value, about]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="mono">{value}</dd>
            <dd class="quiet">{about}</dd>
          </div>
        ))}
        {store.replay && (
          <div>
            <dt>Reading back</dt>
            <dd class="mono">{bytesOf(store.replay.bytes_done, store.replay.bytes_total)}</dd>
            <dd>
              <span class="quiet">of the write-ahead log, since the start</span>
              <progress aria-label={`${title}: reading back`} value={share(store.replay.bytes_done, store.replay.bytes_total)} max={1} />
            </dd>
          </div>
        )}
        <Scrub title={title} store={store} now={now} />
      </dl>
    </section>
  );
}

/** Everything is read again in turn, so that rot is found while it can be repaired. */
function Scrub({ title, store, now }: { readonly title: string; readonly store: Store; readonly now: number }) {
  const { checked_bytes, total_bytes, last_completed } = store.scrub;
  return (
    <div>
      <dt>Checked again</dt>
      <dd class="mono">{total_bytes === 0 ? "nothing yet" : bytesOf(checked_bytes, total_bytes)}</dd>
      <dd>
        <span class="quiet">everything is read again every 7 days; {last_completed === null ? "not finished yet" : `last finished ${age(now - last_completed)} ago`}</span>
        <progress aria-label={`${title}: checked again`} value={share(checked_bytes, total_bytes)} max={1} />
      </dd>
    </div>
  );
}

/** `61 B a record`. */
function perItem(total: number, items: number, noun: string): string {
  return items === 0 ? "" : `${sample(Number((total / items).toPrecision(2)))} B a ${noun}`;
}
