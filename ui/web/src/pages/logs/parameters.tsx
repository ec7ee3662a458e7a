// The values of a saved search's parameters, as a row of fields under the query.

import { useEffect, useState } from "preact/hooks";
import type { SavedSearch } from "../../api/saved";
import { valuesFor, type Values } from "../../lib/saved";

interface Props {
  readonly saved: SavedSearch;
  readonly values: Values;
  onApply(values: Values): void;
}

export function Parameters({ saved, values, onApply }: Props) {
  const given = valuesFor(saved.parameters, values);
  const [draft, setDraft] = useState<Values>(given);
  useEffect(() => setDraft(given), [JSON.stringify(given)]);
  return (
    <form
      class="parameters"
      aria-label={`Parameters of ${saved.name}`}
      onSubmit={(event) => {
        event.preventDefault();
        onApply(draft);
      }}
    >
      <b>{saved.name}</b>
      {saved.parameters.map(({ name, description }) => (
        <label key={name} title={description ?? ""}>
          <span>{description || name}</span>
          <input class="input code" name={name} value={draft[name] ?? ""} onInput={(event) => setDraft({ ...draft, [name]: event.currentTarget.value })} />
        </label>
      ))}
      <button type="submit" class="button">
        Apply
      </button>
    </form>
  );
}
