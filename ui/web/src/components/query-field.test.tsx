// @vitest-environment jsdom

import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { QueryField, type Mistake } from "./query-field";

afterEach(cleanup);

const FIELDS = [{ name: "service", about: "text" }, { name: "host", about: "text" }];

function field(query: string, mistake: Mistake | null) {
  const onRun = vi.fn();
  const onValues = vi.fn(() => Promise.resolve(["checkout", "check out"]));
  const { container } = render(<QueryField query={query} mistake={mistake} placeholder="" label="Log query" fields={FIELDS} onRun={onRun} onValues={onValues} />);
  return { onRun, onValues, container, input: container.querySelector("textarea") as HTMLTextAreaElement };
}

function type(input: HTMLTextAreaElement, text: string) {
  input.value = text;
  input.setSelectionRange(text.length, text.length);
  fireEvent.input(input);
}

test("Enter runs what was typed, Shift+Enter does not", () => {
  const { onRun, input } = field("a", null);
  type(input, "a b");
  fireEvent.keyDown(input, { key: "Enter", shiftKey: true });
  expect(onRun).not.toHaveBeenCalled();
  fireEvent.keyDown(input, { key: "Enter" });
  expect(onRun).toHaveBeenCalledWith("a b");
});

test("a mistake is said, and underlined where it stands", () => {
  const { container, input } = field("é:x (y", { message: "never closed", start: 5, end: 6 });
  expect(screen.getByRole("alert").textContent).toContain("never closed");
  expect(input.getAttribute("aria-invalid")).toBe("true");
  const squiggle = container.querySelector<HTMLElement>(".squiggle");
  expect(squiggle?.textContent).toBe("("); // byte 5 is character 4: é takes two bytes
  expect(squiggle?.previousSibling?.textContent).toBe("é:x ");
});

test("the underline goes once the query is edited, the message stays", () => {
  const { container, input } = field("x (", { message: "never closed", start: 2, end: 3, suggestion: "\\(" });
  type(input, "x ()");
  expect(container.querySelector(".squiggle")).toBe(null);
  expect(container.textContent).toContain("never closed");
  expect(screen.queryByRole("button")).toBe(null);
});

test("a proposal is one click", () => {
  const { onRun } = field("a | statz count()", { message: "no such pipe", start: 4, end: 9, suggestion: "stats" });
  fireEvent.click(screen.getByText("stats"));
  expect(onRun).toHaveBeenCalledWith("a | stats count()");
});

test("fields are offered while typing and taken by Tab", async () => {
  const { input } = field("", null);
  type(input, "x ser");
  expect(screen.getAllByRole("option").map((option) => option.textContent)).toEqual(["servicetext"]);
  fireEvent.keyDown(input, { key: "Tab" });
  await waitFor(() => expect(input.value).toBe("x service:"));
});

test("values come from the server and are quoted", async () => {
  const { input, onRun, onValues } = field("", null);
  type(input, "service:che");
  await waitFor(() => expect(screen.getAllByRole("option").length).toBe(2));
  expect(onValues).toHaveBeenCalledWith("service", "che", expect.any(AbortSignal));
  fireEvent.keyDown(input, { key: "ArrowDown" });
  fireEvent.keyDown(input, { key: "ArrowDown" });
  expect(document.getElementById(input.getAttribute("aria-activedescendant") ?? "")?.textContent).toBe("check out");
  fireEvent.keyDown(input, { key: "Enter" });
  await waitFor(() => expect(input.value).toBe('service:"check out" '));
  expect(onRun).not.toHaveBeenCalled();
});

test("Escape closes the list, Ctrl+Space opens it where nothing is typed", () => {
  const { input } = field("", null);
  type(input, "a | st");
  expect(screen.getAllByRole("option").length).toBeGreaterThan(0);
  fireEvent.keyDown(input, { key: "Escape" });
  expect(screen.queryAllByRole("option").length).toBe(0);
  type(input, "");
  expect(screen.queryAllByRole("option").length).toBe(0);
  fireEvent.keyDown(input, { key: " ", ctrlKey: true });
  expect(screen.getAllByRole("option").length).toBe(2);
});
