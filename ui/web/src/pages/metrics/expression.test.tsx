// @vitest-environment jsdom

import { cleanup, render } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import type { Failure } from "../../api/client";
import { Expression } from "./expression";

vi.mock("../../components/promql-editor", () => ({
  default: ({ marks }: { readonly marks: readonly { readonly kind: string; readonly start: number; readonly end: number }[] }) => (
    <output>{marks.map(({ kind, start, end }) => `${kind} ${start}-${end}`).join(", ")}</output>
  ),
}));
afterEach(cleanup);

async function expression(value: string, ran: string, failure: Failure | null, infos: readonly string[] = []) {
  const nothing = vi.fn();
  const { container } = render(
    <Expression
      index={0}
      value={value}
      ran={ran}
      failure={failure}
      warnings={["two stores did not answer"]}
      infos={infos}
      lit={{ start: 0, end: 4 }}
      only
      onChange={nothing}
      onRun={nothing}
      onRemove={nothing}
      onHandle={nothing}
      onFocus={nothing}
    />,
  );
  await vi.waitFor(() => expect(container.querySelector("output")).not.toBe(null));
  return { marks: container.querySelector("output")?.textContent, below: [...container.querySelectorAll("p.said")].map((line) => line.textContent), all: [...container.querySelectorAll("p")].map((line) => line.textContent) };
}

const ERROR: Failure = { kind: "refused", status: 400, message: 'invalid parameter "query": 1:6: parse error: what' };
const INFO = "PromQL info: metric might not be a counter (1:6)";

test("what is said of a place stands at it, the rest below", async () => {
  const got = await expression("rate(load[5m])", "rate(load[5m])", null, [INFO]);
  expect(got.marks).toBe("lit 0-4, info 5-9");
  expect(got.below).toEqual(["two stores did not answer"]);
  expect(got.all).toContain("metric might not be a counter");
});

test("a text that was changed since has it all below", async () => {
  const got = await expression("rate(load[15m])", "rate(load[5m])", ERROR, [INFO]);
  expect(got.marks).toBe("");
  expect(got.below).toEqual(["parse error: what", "two stores did not answer", "metric might not be a counter"]);
});

test("a query that was stopped is no mistake", async () => {
  const got = await expression("rate(load)", "rate(load)", { kind: "cancelled", message: "Stopped." });
  expect(got.all).toEqual(["two stores did not answer"]);
});
