// A label set, one `name="value"` after the other.

import type { LabelSet } from "../lib/series";

export function Labels({ labels, hidden }: { readonly labels: LabelSet; readonly hidden?: readonly string[] }) {
  const pairs = Object.entries(labels).filter(([name]) => !hidden?.includes(name));
  return pairs.length === 0 ? null : (
    <span class="labels">
      {pairs.map(([name, value]) => (
        <span key={name}>
          <i>{name}=</i>
          {value === "" ? '""' : value}
        </span>
      ))}
    </span>
  );
}
