// What the live tail has to say: that it was interrupted, that it waits, that it lost records.

import { Notice } from "../../components/notice";
import { plural } from "../../lib/format";
import type { Logs } from "./use-logs";

export function LiveNotices({ logs }: { readonly logs: Pick<Logs, "connection" | "tail" | "view"> }) {
  const { connection, tail } = logs;
  return (
    <>
      {connection === "interrupted" && <Notice severity="warning">The live tail was interrupted and is being resumed. Run again to fetch what arrived meanwhile.</Notice>}
      {connection === "full" && (
        <Notice severity="warning">{plural(tail.waiting.length, "record")} wait, which is as many as this page keeps: the tail goes on once they are shown. Run finds what arrives meanwhile.</Notice>
      )}
      {logs.view.paused && connection === "on" && <Notice severity="info">Paused: {tail.waiting.length === 0 ? "new records will wait" : `${plural(tail.waiting.length, "record")} wait`}.</Notice>}
      {tail.lost > 0 && <Notice severity="warning">{plural(tail.lost, "record")} came faster than this page shows them; they are stored, Run finds them.</Notice>}
    </>
  );
}
