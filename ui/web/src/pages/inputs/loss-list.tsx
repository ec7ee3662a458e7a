// Losses by reason, in short and in full: how many, why, and what helps.

import type { Loss } from "../../api/inputs";
import { count } from "../../lib/format";
import { lossCure, lossWords, mostFirst } from "../../lib/losses";

/** One line; the cure shows on hover. */
export function LossLine({ losses }: { readonly losses: readonly Loss[] }) {
  const some = mostFirst(losses);
  if (some.length === 0) {
    return <span class="quiet">none</span>;
  }
  return (
    <span class="losses">
      {some.map(({ reason, count: lost }) => (
        <span key={reason} class="state tone-warn" title={lossCure(reason) ?? reason}>
          {count(lost)} {lossWords(reason)}
        </span>
      ))}
    </span>
  );
}

/** A list that says all of it, for where the reader asked. */
export function LossList({ losses }: { readonly losses: readonly Loss[] }) {
  const some = mostFirst(losses);
  return (
    <dl class="loss-list">
      {some.map(({ reason, count: lost }) => (
        <div key={reason}>
          <dt>
            <span class="mono">{count(lost)}</span> {lossWords(reason)}
          </dt>
          <dd>{lossCure(reason)}</dd>
        </div>
      ))}
    </dl>
  );
}
