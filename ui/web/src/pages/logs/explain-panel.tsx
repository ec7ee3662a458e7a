// How the query is answered: what it says in full, and each stage of the work.

import type { Failure } from "../../api/client";
import { CopyButton } from "../../components/copy-button";
import { FailureNotice } from "../../components/notice";
import { SidePanel } from "../../components/side-panel";
import { usePlan } from "./use-search";

export default function ExplainPanel({ query, onClose }: { readonly query: string; onClose(): void }) {
  const plan = usePlan(query);
  return (
    <SidePanel title="How it is answered" onClose={onClose}>
      <div class="panel-body">
        {plan.error && <FailureNotice failure={plan.error as Failure} what="No plan." onRetry={() => void plan.refetch()} />}
        {plan.isPending && <p class="quiet">Asking…</p>}
        {plan.data && (
          <>
            <h3>The query in full</h3>
            <div class="snippet">
              <pre tabIndex={0} aria-label="The query in full">
                {plan.data.query || "*"}
              </pre>
              <CopyButton label="Copy the query" text={() => plan.data.query} />
            </div>
            <h3>Stages</h3>
            <ol class="stage-list">
              {plan.data.stages.map(({ stage, detail }, index) => (
                <li key={index}>
                  <b>{stage}</b>
                  <span class="mono">{detail}</span>
                </li>
              ))}
            </ol>
          </>
        )}
      </div>
    </SidePanel>
  );
}
