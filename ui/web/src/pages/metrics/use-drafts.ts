// What stands in the editors, which the address knows only once it runs.

import { useEffect, useRef, useState } from "preact/hooks";
import type { EditorHandle } from "../../components/promql-editor";

/** The id is the editor's key: a new one gives the editor a new text. */
export interface Draft {
  readonly id: number;
  readonly text: string;
}

let lastId = 0;
const nextId = () => (lastId += 1);

/** Drafts for the expressions of the address; editors that hold the same text already stay as they are. */
function reconcile(before: readonly Draft[], expressions: readonly string[]): readonly Draft[] {
  return expressions.map((text, index) => {
    const old = before[index];
    return old?.text === text ? old : { id: nextId(), text };
  });
}

export function useDrafts(expressions: readonly string[]) {
  const [drafts, setDrafts] = useState<readonly Draft[]>(() => reconcile([], expressions));
  const handles = useRef(new Map<number, EditorHandle>());
  const written = useRef<number | null>(null);
  useEffect(() => setDrafts((before) => reconcile(before, expressions)), [JSON.stringify(expressions)]);

  const edit = (id: number, text: string) => setDrafts((all) => all.map((draft) => (draft.id === id ? { id, text } : draft)));
  return {
    drafts,
    edit,
    add: () => setDrafts((all) => [...all, { id: nextId(), text: "" }]),
    /** Takes a draft away and returns the texts that are left. */
    remove: (id: number) => {
      const rest = drafts.filter((draft) => draft.id !== id);
      setDrafts(rest);
      return rest.map((draft) => draft.text);
    },
    setHandle: (id: number, handle: EditorHandle | null) => {
      if (handle) {
        handles.current.set(id, handle);
      } else {
        handles.current.delete(id);
      }
    },
    setWritten: (id: number) => {
      written.current = id;
    },
    /** Puts a text where the reader last wrote: at the caret of that editor. */
    insert: (text: string) => {
      const target = drafts.find((draft) => draft.id === written.current) ?? drafts[0];
      const handle = target && handles.current.get(target.id);
      if (handle) {
        handle.insert(text);
      } else if (target) {
        // The editor is not there yet: a new key begins it with the text.
        setDrafts((all) => all.map((draft) => (draft.id === target.id ? { id: nextId(), text: `${draft.text}${text}` } : draft)));
      }
    },
  };
}
