// Marks in an editor's text: what is said of a place stands below its line, a place alone is lit.

import { StateEffect, StateField, type Extension, type Text } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, type DecorationSet } from "@codemirror/view";
import type { Place, RemarkKind } from "../lib/remarks";

/** `lit` shows a place and says nothing. */
export interface EditorMark extends Place {
  readonly kind: RemarkKind | "lit";
  readonly text: string;
}

/** Puts marks in the place of those before. */
export const setMarks = StateEffect.define<readonly EditorMark[]>();

/** A remark is moved so far to the right at most, in characters: it needs room for its words. */
const INDENT_MAX = 40;

const field = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (marks, transaction) => {
    const set = transaction.effects.find((effect) => effect.is(setMarks));
    return set ? decorate(set.value as readonly EditorMark[], transaction.state.doc) : marks.map(transaction.changes);
  },
  provide: (own) => EditorView.decorations.from(own),
});

const theme = EditorView.theme({
  ".cm-mark-error": { textDecoration: "underline wavy var(--error) 1px", textDecorationSkipInk: "none", textUnderlineOffset: "3px" },
  ".cm-mark-warning": { textDecoration: "underline wavy var(--warn) 1px", textDecorationSkipInk: "none", textUnderlineOffset: "3px" },
  ".cm-mark-info": { textDecoration: "underline dotted var(--notice) 1.5px", textDecorationSkipInk: "none", textUnderlineOffset: "3px" },
  ".cm-mark-lit": { backgroundColor: "color-mix(in srgb, var(--ember) 9%, transparent)", boxShadow: "0 2px 0 var(--ember)" },
  ".cm-remark": { display: "flex", gap: "6px", padding: "0 8px 2px", fontFamily: "var(--sans)", fontSize: "var(--small)", overflowWrap: "anywhere", userSelect: "text" },
  ".cm-remark-error": { color: "var(--error)" },
  ".cm-remark-warning": { color: "var(--warn-ink)" },
  ".cm-remark-info": { color: "var(--ink-2)" },
});

export const editorMarks: Extension = [field, theme];

function decorate(marks: readonly EditorMark[], doc: Text): DecorationSet {
  const ranges = marks.flatMap((mark) => {
    const start = Math.min(mark.start, doc.length);
    const end = Math.min(mark.end, doc.length);
    const line = doc.lineAt(start);
    const under = start < end ? [Decoration.mark({ class: `cm-mark-${mark.kind}` }).range(start, end)] : [];
    const below = mark.kind === "lit" ? [] : [Decoration.widget({ widget: new Below(mark.kind, mark.text, start - line.from), block: true, side: 1 }).range(line.to)];
    return [...under, ...below];
  });
  return Decoration.set(ranges, true);
}

/** The words below a line, moved to where they point at. Screen readers are told outside the text. */
class Below extends WidgetType {
  constructor(
    private readonly kind: RemarkKind,
    private readonly text: string,
    private readonly column: number,
  ) {
    super();
  }

  override eq(other: Below): boolean {
    return this.kind === other.kind && this.text === other.text && this.column === other.column;
  }

  override toDOM(): HTMLElement {
    const line = document.createElement("div");
    line.className = `cm-remark cm-remark-${this.kind}`;
    line.setAttribute("aria-hidden", "true");
    // In the code's characters, for the words below are smaller.
    const indent = document.createElement("span");
    indent.textContent = "↑";
    indent.style.fontFamily = "var(--mono)";
    indent.style.fontSize = "var(--code)";
    indent.style.marginLeft = `min(${Math.min(this.column, INDENT_MAX)}ch, 30%)`;
    const words = document.createElement("span");
    words.textContent = this.text;
    line.append(indent, words);
    return line;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}
