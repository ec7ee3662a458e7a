// Saved searches: open one, change it, link to it, or save what is asked now.

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "preact/hooks";
import type { Failure } from "../../api/client";
import { deleteSearch, type SavedSearch } from "../../api/saved";
import { follow, href } from "../../app/place";
import { CopyButton } from "../../components/copy-button";
import { Icon } from "../../components/icon";
import { FailureNotice } from "../../components/notice";
import { SidePanel } from "../../components/side-panel";
import { LOGS } from "../../lib/view";
import type { TimeRange } from "../../lib/time-range";
import { SaveForm } from "./save-form";
import { SAVED_KEY, useSavedSearches } from "./use-search";

interface Props {
  readonly query: string;
  readonly range: TimeRange;
  /** The saved search that is open. */
  readonly current: string | null;
  onSaved(saved: SavedSearch): void;
  onClose(): void;
}

export default function SavedPanel({ query, range, current, onSaved, onClose }: Props) {
  const client = useQueryClient();
  const list = useSavedSearches();
  const [filter, setFilter] = useState("");
  const [editing, setEditing] = useState<SavedSearch | "new" | null>(null);
  const [leaving, setLeaving] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);

  const words = filter.trim().toLowerCase();
  const shown = (list.data ?? []).filter((saved) => `${saved.name} ${saved.description} ${saved.query}`.toLowerCase().includes(words));
  const refresh = () => void client.invalidateQueries({ queryKey: SAVED_KEY });
  const remove = async ({ name, version }: SavedSearch) => {
    const answer = await deleteSearch(name, version);
    setFailure(answer.ok ? null : answer.failure);
    setLeaving(null);
    refresh();
  };
  return (
    <SidePanel title="Saved searches" onClose={onClose}>
      <div class="panel-body">
        {editing === null ? (
          <div class="panel-tools">
            <input class="input" type="search" placeholder="Find a search" aria-label="Find a saved search" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
            <button type="button" class="button primary" onClick={() => setEditing("new")}>
              Save this search
            </button>
          </div>
        ) : (
          <SaveForm
            key={editing === "new" ? "" : editing.name}
            saved={editing === "new" ? null : editing}
            query={query}
            range={range}
            onCancel={() => setEditing(null)}
            onSaved={(saved) => {
              setEditing(null);
              client.setQueryData([...SAVED_KEY, saved.name], saved);
              refresh();
              onSaved(saved);
            }}
          />
        )}
        {list.error && <FailureNotice failure={list.error} what="The list did not come." onRetry={() => void list.refetch()} />}
        {failure && <FailureNotice failure={failure} what="Not deleted." />}
        {list.isPending && <p class="quiet">Asking…</p>}
        {list.data?.length === 0 && editing === null && <p class="quiet">None yet. What is asked now can be the first.</p>}
        {list.data && list.data.length > 0 && shown.length === 0 && <p class="quiet">No saved search has these words.</p>}
        <ul class="saved-list">
          {shown.map((saved) => (
            <li key={saved.name} class={saved.name === current ? "current" : ""}>
              <a href={savedHref(saved.name)} aria-current={saved.name === current ? "true" : undefined} onClick={follow}>
                <b>{saved.name}</b>
                {saved.description !== "" && <span>{saved.description}</span>}
                <code>{saved.query || "*"}</code>
              </a>
              <div class="tools">
                {leaving === saved.name ? (
                  <>
                    <button type="button" class="button small" onClick={() => void remove(saved)}>
                      Delete {saved.name}
                    </button>
                    <button type="button" class="button quiet small" onClick={() => setLeaving(null)}>
                      Keep
                    </button>
                  </>
                ) : (
                  <>
                    <button type="button" class="button quiet small" onClick={() => setEditing(saved)}>
                      Change<span class="hidden-text"> {saved.name}</span>
                    </button>
                    <CopyButton label={`Copy a link to ${saved.name}`} text={() => new URL(savedHref(saved.name), document.baseURI).href}>
                      Link
                    </CopyButton>
                    <button type="button" class="button quiet small" aria-label={`Delete ${saved.name}`} title="Delete" onClick={() => setLeaving(saved.name)}>
                      <Icon name="trash" />
                    </button>
                  </>
                )}
              </div>
            </li>
          ))}
        </ul>
      </div>
    </SidePanel>
  );
}

/** The address that opens a saved search as it is then. */
function savedHref(name: string): string {
  return href("logs", LOGS.write({ ...LOGS.read(new URLSearchParams()), saved: name }));
}
