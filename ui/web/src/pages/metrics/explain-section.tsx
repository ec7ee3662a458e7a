// The trees of all expressions, above their answers.

import type { Failure } from "../../api/client";
import { ExplainTree } from "../../components/explain-tree";
import { FailureNotice } from "../../components/notice";
import type { Moments } from "../../api/explain";
import type { Place } from "../../lib/remarks";
import { letter } from "./expression";
import { useExplanations } from "./use-metrics";

/** A place in one of the expressions. */
export interface PlaceIn {
  readonly index: number;
  readonly place: Place;
}

interface Props {
  readonly expressions: readonly string[];
  readonly moments: Moments | null;
  readonly run: number;
  onPlace(place: PlaceIn | null): void;
}

export default function ExplainSection({ expressions, moments, run, onPlace }: Props) {
  const answers = useExplanations(expressions, moments, run);
  return (
    <section class="explain" id="explain" aria-label="What each part returned and cost">
      {answers.map((answer, index) => {
        const failure = answer.error as Failure | null;
        const expr = expressions[index] ?? "";
        if (expr.trim() === "") {
          return null;
        }
        return (
          <div key={index}>
            {expressions.length > 1 && <h2 class="list-title">{letter(index)}</h2>}
            {answer.data ? (
              <ExplainTree
                label={`Parts of expression ${letter(index)}`}
                expr={expr}
                tree={answer.data.tree}
                stale={answer.isPlaceholderData}
                onPlace={(place) => onPlace(place && { index, place })}
              />
            ) : failure && failure.kind === "refused" && failure.status !== 404 ? (
              // The same mistake stands in the editor already.
              <p class="nothing">No tree until the mistake in expression {letter(index)} is corrected.</p>
            ) : failure && failure.kind !== "cancelled" ? (
              <FailureNotice failure={failure} what="No tree." onRetry={() => void answer.refetch()} />
            ) : (
              <p class="nothing">Asking…</p>
            )}
          </div>
        );
      })}
    </section>
  );
}
