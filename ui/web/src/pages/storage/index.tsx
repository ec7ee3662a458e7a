// Storage: whether there is room, what the stores hold, what is damaged, and copies of it all.

import { useNow } from "../../app/browser";
import { usePreferences } from "../../app/preferences";
import { useStorage } from "../../app/queries";
import { FailureNotice, Notice } from "../../components/notice";
import { age } from "../../lib/format";
import { verdict } from "../../lib/storage";
import { Backups } from "./backups";
import { Parts } from "./parts";
import { Room } from "./room";
import { LogsFacts, MetricsFacts } from "./store-facts";

export default function StoragePage() {
  const { zone } = usePreferences();
  const now = useNow(1_000);
  const { data, error, isPending, dataUpdatedAt, refetch } = useStorage();
  const said = data ? verdict(data) : null;
  return (
    <div class="page storage">
      <header class="bar">
        <h1>Storage</h1>
        {said && <span class={`state verdict ${said.tone}`}>{said.words}</span>}
      </header>
      <div class="notices">
        {error && (
          <FailureNotice
            failure={error}
            what={data ? `Shown as of ${age(now - dataUpdatedAt)} ago.` : "The state of storage did not come."}
            onRetry={() => void refetch()}
          />
        )}
        {data && !data.disk.has_room && (
          <Notice severity="error" title="The disk is nearly full.">
            <span>New records and samples are refused, and counted, until there is room: shorten the retention, delete what is not Watchfire's, or enlarge the volume.</span>
          </Notice>
        )}
      </div>
      <main id="main" class="content">
        {isPending && !error && <p class="waiting">Asking for the state of storage…</p>}
        {data && (
          <>
            <Room disk={data.disk} memory={data.memory} />
            <div class="stores">
              <LogsFacts store={data.logs} now={now} zone={zone} />
              <MetricsFacts store={data.metrics} now={now} zone={zone} />
            </div>
            <Parts stores={data} zone={zone} />
            <Backups backups={data.backups} now={now} zone={zone} />
          </>
        )}
      </main>
    </div>
  );
}
