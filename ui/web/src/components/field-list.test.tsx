// @vitest-environment jsdom

import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { FieldList } from "./field-list";

afterEach(cleanup);

const FIELDS = [
  { name: "path", types: ["text"], records: 9, values: [{ value: "/a", records: 9 }] },
  { name: "level", types: ["number"], records: 10, values: [{ value: "6", records: 8 }, { value: "3", records: 2 }] },
];

function list(query = "") {
  const onFilter = vi.fn();
  const onColumn = vi.fn();
  const onOnlyColumn = vi.fn();
  const onMore = vi.fn();
  const view = render(<FieldList fields={FIELDS} query={query} columns={["path"]} values={2} more={new Set()} stale={false} onFilter={onFilter} onColumn={onColumn} onOnlyColumn={onOnlyColumn} onMore={onMore} />);
  return { ...view, onFilter, onColumn, onOnlyColumn, onMore };
}

test("level is open first, its values named and by severity", () => {
  const { container } = list();
  const names = [...container.querySelectorAll(".values .value")].map((element) => element.textContent);
  expect(names).toEqual(["error", "info"]);
});

test("a value filters in, its minus out, by what is stored", () => {
  const { getByLabelText, onFilter } = list("level:3");
  const error = getByLabelText("Only level error, 2 records");
  expect(error.getAttribute("aria-pressed")).toBe("true");
  fireEvent.click(error);
  expect(onFilter).toHaveBeenCalledWith("level", "3", "include");
  fireEvent.click(getByLabelText("Not level info"));
  expect(onFilter).toHaveBeenCalledWith("level", "6", "exclude");
});

test("the filter finds fields by name and by value", () => {
  const { container, getByLabelText } = list();
  fireEvent.input(getByLabelText("Find a field or value"), { target: { value: "/a" } });
  expect([...container.querySelectorAll(".field .name span")].map((element) => element.textContent)).toEqual(["path"]);
  expect(container.querySelectorAll(".values li").length).toBe(1);
});

test("columns are on and off", () => {
  const { getByLabelText, onColumn } = list();
  expect(getByLabelText("Show path as a column").getAttribute("aria-pressed")).toBe("true");
  fireEvent.click(getByLabelText("Show level as a column"));
  expect(onColumn).toHaveBeenCalledWith("level");
});

test("one field can be the only column, and have more values", () => {
  const { getByLabelText, getByText, onOnlyColumn, onMore } = list();
  expect(getByLabelText("Only path as a column").getAttribute("aria-pressed")).toBe("true");
  fireEvent.click(getByLabelText("Only level as a column"));
  expect(onOnlyColumn).toHaveBeenCalledWith("level");
  fireEvent.click(getByText("More values"));
  expect(onMore).toHaveBeenCalledWith("level");
});

test("while fields are counted their places are held", () => {
  const { container } = render(
    <FieldList fields={null} query="" columns={[]} values={2} more={new Set()} stale={false} onFilter={vi.fn()} onColumn={vi.fn()} onOnlyColumn={vi.fn()} onMore={vi.fn()} />,
  );
  expect(container.querySelector(".skeleton")?.textContent).toBe("Counting fields…");
});
