// The containers of the Inputs page: which of them are shown, and what is said of the others.

import { useMemo } from "preact/hooks";
import type { Containers } from "../../api/containers";
import { containerText, hasTrouble, percent, sorted, type ContainerSort } from "../../lib/containers";
import { estimate, plural } from "../../lib/format";
import type { InputsView } from "../../lib/view";
import { ContainerList } from "./container-list";

interface Props {
  readonly answer: Containers;
  /** Whether a text holds what the filter asks for. */
  has(text: string): boolean;
  readonly view: InputsView;
  readonly narrow: boolean;
  readonly now: number;
  onSort(sort: ContainerSort): void;
  onToggle(key: string): void;
}

export function ContainerSection({ answer, has, view, narrow, now, onSort, onToggle }: Props) {
  const { containers, tracked, forgotten, total, unshared_losses } = answer;
  const shown = useMemo(
    () => sorted(containers.filter((container) => has(containerText(container)) && (!view.unhealthy || hasTrouble(container))), view.sort),
    [containers, view.filter, view.unhealthy, view.sort.column, view.sort.descending],
  );
  const troubled = containers.filter(hasTrouble).length;
  const said = [
    tracked > containers.length ? `And ${plural(tracked - containers.length, "container")} more; the least complete are listed.` : "",
    forgotten > 0 ? `${plural(forgotten, "container")} not seen for long made room for others and count in the sum only.` : "",
    unshared_losses > 0 ? `${estimate(unshared_losses)} records were lost unread when nothing else came the same way: in the sum, but no container's share.` : "",
  ].filter((text) => text !== "");
  return (
    <section>
      <div class="part-title">
        <h2>Containers</h2>
        <span class="quiet">{plural(tracked, "container")}</span>
        {troubled > 0 && <span class="state tone-warn">{plural(troubled, "container")} with losses</span>}
        {total.completeness !== null && <span class="quiet">{percent(total.completeness)} of all is complete</span>}
      </div>
      {shown.length > 0 ? (
        <ContainerList containers={shown} sort={view.sort} open={view.open} narrow={narrow} now={now} onSort={onSort} onToggle={onToggle} />
      ) : (
        <p class="nothing">{containers.length === 0 ? "No container has sent a record since the start." : "No container here."}</p>
      )}
      {said.length > 0 && <p class="more">{said.join(" ")}</p>}
    </section>
  );
}
