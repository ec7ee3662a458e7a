// Saves a search: its name, query, parameters and range. Another's change meanwhile is told, not overwritten.

import { useState } from "preact/hooks";
import type { Failure } from "../../api/client";
import { saveSearch, type Parameter, type SavedSearch } from "../../api/saved";
import { Notice } from "../../components/notice";
import { NAME, nameFor, parametersFor, savedRange } from "../../lib/saved";
import { rangeLabel, type TimeRange } from "../../lib/time-range";

interface Props {
  /** The search to change; `null` makes a new one. */
  readonly saved: SavedSearch | null;
  readonly query: string;
  readonly range: TimeRange;
  onSaved(saved: SavedSearch): void;
  onCancel(): void;
}

export function SaveForm({ saved, query, range, onSaved, onCancel }: Props) {
  const [name, setName] = useState(saved?.name ?? "");
  const [description, setDescription] = useState(saved?.description ?? "");
  const [text, setText] = useState(saved?.query ?? query);
  const [known, setKnown] = useState<readonly Parameter[]>(saved?.parameters ?? []);
  const savable = savedRange(range);
  const [ranged, setRanged] = useState(saved ? Boolean(saved.range) : savable !== undefined);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [busy, setBusy] = useState(false);
  const parameters = parametersFor(text, known);
  const chosen = name || nameFor(description);
  const valid = NAME.test(chosen);
  const kept = savable ?? saved?.range ?? undefined;

  const change = (parameter: Parameter) => setKnown([...known.filter((entry) => entry.name !== parameter.name), parameter]);
  const save = async () => {
    setBusy(true);
    const answer = await saveSearch(chosen, {
      description,
      query: text,
      parameters,
      ...(ranged && kept ? { range: kept } : {}),
      version: saved?.version ?? 0,
    });
    setBusy(false);
    if (answer.ok) {
      onSaved(answer.value);
    } else {
      setFailure(answer.failure);
    }
  };
  return (
    <form
      class="save-form"
      aria-label={saved ? `Change ${saved.name}` : "Save this search"}
      onSubmit={(event) => {
        event.preventDefault();
        if (valid && !busy) {
          void save();
        }
      }}
    >
      {failure && (
        <Notice severity="error" title={failure.kind === "refused" && failure.status === 409 ? "Changed meanwhile." : "Not saved."}>
          <span>{failure.message}</span>
        </Notice>
      )}
      <label>
        What it finds
        <input class="input" value={description} maxLength={500} onInput={(event) => setDescription(event.currentTarget.value)} />
      </label>
      <label>
        Name
        <input
          class="input code"
          value={chosen}
          disabled={saved !== null}
          aria-invalid={chosen !== "" && !valid}
          aria-describedby="save-name-help"
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <p id="save-name-help" class={chosen !== "" && !valid ? "mistake" : "quiet"}>
        Letters, digits, dots, dashes; it stands in links.
      </p>
      <label>
        Query
        <textarea class="input code" rows={3} value={text} spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <p class="quiet">
        Write <code>$name</code> for a value that is asked for, such as <code>service:$service</code>.
      </p>
      {parameters.map((parameter) => (
        <fieldset key={parameter.name}>
          <legend class="mono">${parameter.name}</legend>
          <label>
            Default
            <input class="input code" value={parameter.default ?? ""} onInput={(event) => change({ ...parameter, default: event.currentTarget.value })} />
          </label>
          <label>
            Label
            <input class="input" value={parameter.description ?? ""} onInput={(event) => change({ ...parameter, description: event.currentTarget.value })} />
          </label>
        </fieldset>
      ))}
      {kept !== undefined && (
        <label class="check">
          <input type="checkbox" checked={ranged} onChange={(event) => setRanged(event.currentTarget.checked)} />
          With its range: {savable === undefined ? `the last ${kept}` : rangeLabel(range).toLowerCase()}
        </label>
      )}
      <p class="row">
        <button type="submit" class="button primary" disabled={!valid || busy}>
          {busy ? "Saving…" : "Save"}
        </button>
        <button type="button" class="button" onClick={onCancel}>
          Cancel
        </button>
      </p>
    </form>
  );
}
