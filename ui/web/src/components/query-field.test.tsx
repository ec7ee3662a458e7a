// @vitest-environment jsdom

import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { QueryField, type Mistake } from "./query-field";

afterEach(cleanup);

function field(query: string, mistake: Mistake | null) {
  const onRun = vi.fn();
  const { container } = render(<QueryField query={query} mistake={mistake} placeholder="" label="Log query" onRun={onRun} />);
  return { onRun, container, input: container.querySelector("input") as HTMLInputElement };
}

test("Enter runs what was typed", () => {
  const { onRun, input } = field("a", null);
  fireEvent.input(input, { target: { value: "a b" } });
  fireEvent.submit(input);
  expect(onRun).toHaveBeenCalledWith("a b");
});

test("a mistake is said, and underlined where it stands", () => {
  const { container, input } = field("é:x (", { message: "never closed", start: 5, end: 6 });
  expect(screen.getByRole("alert").textContent).toContain("never closed");
  expect(input.getAttribute("aria-invalid")).toBe("true");
  const underline = container.querySelector<HTMLElement>(".underline");
  expect(underline?.style.left).toContain("4ch"); // byte 5 is character 4: é takes two bytes
  expect(underline?.style.width).toBe("1ch");
});

test("the underline goes once the query is edited, the message stays", () => {
  const { container, input } = field("x (", { message: "never closed", start: 2, end: 3 });
  fireEvent.input(input, { target: { value: "x ()" } });
  expect(container.querySelector(".underline")).toBe(null);
  expect(container.textContent).toContain("never closed");
});
