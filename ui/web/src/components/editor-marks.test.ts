// @vitest-environment jsdom

import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { afterEach, expect, test } from "vitest";
import { editorMarks, setMarks, type EditorMark } from "./editor-marks";

const open: EditorView[] = [];
afterEach(() => open.splice(0).forEach((view) => view.destroy()));

function editor(doc: string, marks: readonly EditorMark[]): EditorView {
  const view = new EditorView({ parent: document.body, state: EditorState.create({ doc, extensions: [editorMarks] }) });
  open.push(view);
  view.dispatch({ effects: setMarks.of(marks) });
  return view;
}
const under = (view: EditorView, kind: string) => [...view.contentDOM.querySelectorAll(`.cm-mark-${kind}`)].map((mark) => mark.textContent);
const said = (view: EditorView) => [...view.contentDOM.querySelectorAll(".cm-remark")].map((remark) => remark.lastChild?.textContent);

test("a remark stands below the line of its place", () => {
  const view = editor("sum(up)\n+ rate(load)", [{ kind: "info", text: "no counter", start: 15, end: 19 }]);
  expect([under(view, "info"), said(view)]).toEqual([["load"], ["no counter"]]);
  expect(view.contentDOM.querySelector(".cm-remark")?.previousElementSibling?.textContent).toBe("+ rate(load)");
});

test("a lit place says nothing, and marks replace those before", () => {
  const view = editor("sum(up)", [{ kind: "error", text: "no", start: 0, end: 3 }]);
  view.dispatch({ effects: setMarks.of([{ kind: "lit", text: "", start: 4, end: 6 }]) });
  expect([under(view, "error"), under(view, "lit"), said(view)]).toEqual([[], ["up"], []]);
});

test("places beyond the text are brought into it", () => {
  const view = editor("up", [{ kind: "error", text: "what", start: 7, end: 9 }, { kind: "warning", text: "then", start: 1, end: 99 }]);
  expect([under(view, "error"), under(view, "warning"), said(view).toSorted()]).toEqual([[], ["p"], ["then", "what"]]);
});
