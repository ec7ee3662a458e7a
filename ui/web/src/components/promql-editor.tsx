// The PromQL editor: completion, highlighting and marks of mistakes. A chunk of its own, loaded when needed.
// It lives in a shadow root, where CodeMirror's styles are constructed sheets that the page's security policy allows.

import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from "@codemirror/commands";
import { HighlightStyle, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, drawSelection, keymap, placeholder as placeholderText } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { PromQLExtension } from "@prometheus-io/codemirror-promql";
import { useEffect, useRef } from "preact/hooks";
import { apiUrl } from "../api/client";
import { editorMarks, setMarks, type EditorMark } from "./editor-marks";

/** What others may do with an editor that is on screen. */
export interface EditorHandle {
  /** Puts a text in the place of what is selected, at the caret where nothing is. */
  insert(text: string): void;
}

export interface PromqlEditorProps {
  /** The text to begin with; from then on the editor has its own, and another key gives it another. */
  readonly initial: string;
  readonly label: string;
  readonly placeholder: string;
  readonly focus: boolean;
  /** Of the text as it stands. */
  readonly marks: readonly EditorMark[];
  onChange(value: string): void;
  onRun(): void;
  /** Called with the editor once it is there, with `null` when it goes. */
  onHandle(handle: EditorHandle | null): void;
  onFocus(): void;
}

const COLORS = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--ember)" },
  { tag: tags.operatorKeyword, color: "var(--ember)" },
  { tag: [tags.modifier, tags.function(tags.variableName), tags.standard(tags.variableName)], color: "var(--notice)" },
  { tag: tags.string, color: "var(--ok)" },
  { tag: tags.number, color: "var(--critical)" },
  { tag: tags.labelName, color: "var(--ink-2)" },
  { tag: tags.comment, color: "var(--ink-3)", fontStyle: "italic" },
  { tag: tags.invalid, color: "var(--error)" },
]);

const THEME = EditorView.theme({
  "&": { minHeight: "26px", color: "var(--ink)", backgroundColor: "transparent" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", fontSize: "var(--code)", lineHeight: "1.5" },
  ".cm-content": { padding: "3px 0", caretColor: "var(--ember)" },
  ".cm-line": { padding: "0 8px" },
  ".cm-placeholder": { color: "var(--ink-3)" },
  ".cm-cursor": { borderLeftColor: "var(--ember)", borderLeftWidth: "2px" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--ember) 22%, transparent) !important" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--line)", outline: "none" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--error) 1px", textUnderlineOffset: "3px" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--warn) 1px", textUnderlineOffset: "3px" },
  ".cm-tooltip": { border: "1px solid var(--line-strong)", borderRadius: "var(--radius)", backgroundColor: "var(--raised)", color: "var(--ink)", boxShadow: "var(--shadow)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", fontSize: "var(--code)", maxHeight: "300px", minWidth: "280px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px 10px", lineHeight: "20px" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--ember-soft) !important", color: "var(--ink) !important" },
  ".cm-completionMatchedText": { color: "var(--ember)", fontWeight: "600", textDecoration: "none" },
  ".cm-completionDetail": { float: "right", marginLeft: "24px", color: "var(--ink-3)", fontStyle: "normal" },
  ".cm-completionIcon": { display: "none" },
  ".cm-tooltip.cm-completionInfo": { padding: "8px 10px", maxWidth: "360px", fontFamily: "var(--sans)", fontSize: "var(--small)" },
  ".cm-diagnostic": { padding: "4px 10px", fontFamily: "var(--sans)", fontSize: "var(--small)" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--error)" },
  ".cm-diagnostic-warning": { borderLeft: "3px solid var(--warn)" },
});

export default function PromqlEditor(props: PromqlEditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    if (!host.current) {
      return undefined;
    }
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open", delegatesFocus: true });
    const editor = new EditorView({ root, parent: root, state: EditorState.create({ doc: props.initial, extensions: extensions(latest) }) });
    view.current = editor;
    if (props.focus) {
      editor.focus();
    }
    props.onHandle({
      insert: (text) => {
        editor.dispatch(editor.state.replaceSelection(text), { scrollIntoView: true });
        editor.focus();
      },
    });
    return () => {
      latest.current.onHandle(null);
      view.current = null;
      editor.destroy();
    };
  }, []);
  useEffect(() => view.current?.dispatch({ effects: setMarks.of(props.marks) }), [JSON.stringify(props.marks)]);

  return <div ref={host} class="editor" onFocus={props.onFocus} />;
}

/** Names asked for at once, however many series there are. */
const NAMES_MAX = 50_000;

function fetchBounded(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input, location.href);
  if (!url.searchParams.has("limit")) {
    url.searchParams.set("limit", String(NAMES_MAX));
  }
  return fetch(url, init);
}

function extensions(latest: { readonly current: PromqlEditorProps }) {
  const promql = new PromQLExtension();
  // The completion asks `{url}/api/v1/…`; everything before that is the path this page is served under.
  const url = apiUrl("").replace(/\/api\/$/, "");
  promql.setComplete({ remote: { url, httpMethod: "GET", cache: { maxAge: 60_000 }, fetchFn: fetchBounded }, maxMetricsMetadata: 2_000 });
  const run = () => {
    latest.current.onRun();
    return true;
  };
  return [
    history(),
    drawSelection(),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ icons: false, maxRenderedOptions: 100 }),
    promql.asExtension(),
    syntaxHighlighting(COLORS),
    THEME,
    editorMarks,
    EditorView.lineWrapping,
    placeholderText(latest.current.placeholder),
    EditorView.contentAttributes.of({ "aria-label": latest.current.label }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) {
        latest.current.onChange(update.state.doc.toString());
      }
    }),
    Prec.high(
      keymap.of([
        { key: "Tab", run: acceptCompletion },
        { key: "Shift-Enter", run: insertNewlineAndIndent },
        { key: "Mod-Enter", run },
      ]),
    ),
    keymap.of([...closeBracketsKeymap, ...completionKeymap, { key: "Enter", run }, ...defaultKeymap, ...historyKeymap, ...lintKeymap]),
  ];
}
