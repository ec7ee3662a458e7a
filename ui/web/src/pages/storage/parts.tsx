// Damaged and lost parts: where, how much, what it means and what repairs it.

import type { Storage } from "../../api/storage";
import { CopyButton } from "../../components/copy-button";
import { plural } from "../../lib/format";
import { parts, REPAIR_COMMAND, type StoredPart } from "../../lib/storage";
import { formatAbsolute, type Zone } from "../../lib/time-range";

/** Rows drawn at most. */
const ROWS_MAX = 200;

export function Parts({ stores, zone }: { readonly stores: Pick<Storage, "logs" | "metrics">; readonly zone: Zone }) {
  const all = parts(stores);
  const damaged = all.some((part) => part.state === "damaged");
  const lost = all.some((part) => part.state === "lost");
  return (
    <section class="parts">
      <div class="part-title">
        <h2>Damaged and lost</h2>
        {all.length === 0 ? <span class="state tone-ok">nothing</span> : <span class="quiet">{plural(all.length, "part")}</span>}
      </div>
      {all.length === 0 && <p class="nothing">Every block that was read passed its checksums.</p>}
      {damaged && (
        <div class="nothing">
          <p>
            <b>Damaged</b>: the disk gave back something else than was written. Answers leave such a part out and say so; nothing else is affected. What the write-ahead log still
            holds is mended while Watchfire runs; for the rest stop it and run this, which saves what can be read:
          </p>
          <div class="snippet">
            <pre tabIndex={0}>{REPAIR_COMMAND}</pre>
            <CopyButton label="Copy this command" text={() => REPAIR_COMMAND} />
          </div>
        </div>
      )}
      {lost && (
        <p class="nothing">
          <b>Lost</b>: what a repair could not save. It cannot come back; it is named here, and in answers over its time, until the retention passes it.
        </p>
      )}
      {all.length > 0 && (
        <div class="wide">
          <table class="table parts-table">
            <thead>
              <tr>
                <th>State</th>
                <th>Block</th>
                <th>What</th>
                <th class="number">Holds</th>
                <th>From</th>
                <th>To</th>
              </tr>
            </thead>
            <tbody>
              {all.slice(0, ROWS_MAX).map((part) => (
                <tr key={`${part.state} ${part.store} ${part.block} ${part.start}`}>
                  <td>
                    <span class={`state square ${part.state === "damaged" ? "tone-error" : "tone-warn"}`}>{part.state}</span>
                  </td>
                  <td class="mono">{part.block}</td>
                  <td>{part.what}</td>
                  <td class="number">{plural(part.rows, noun(part))}</td>
                  <td class="mono time">{formatAbsolute(part.start, zone)}</td>
                  <td class="mono time">{formatAbsolute(part.end, zone)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {all.length > ROWS_MAX && <p class="more">{plural(all.length - ROWS_MAX, "older part")} more.</p>}
        </div>
      )}
    </section>
  );
}

function noun(part: StoredPart): string {
  return part.store === "logs" ? "record" : "sample";
}
