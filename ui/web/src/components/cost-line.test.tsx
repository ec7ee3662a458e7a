// @vitest-environment jsdom

import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import { CostLine } from "./cost-line";

afterEach(cleanup);

const COST = {
  elapsed_ms: 38,
  granules: 4112,
  granules_pruned: 4000,
  granules_summed: 100,
  granules_read: 12,
  granules_false: 3,
  records_scanned: 98_304,
  bytes_read: 1_048_576,
  planning_ms: 2,
  filtering_ms: 18,
  collecting_ms: 10,
};

test("the line says what was found and what it took", () => {
  const { container } = render(<CostLine loaded={200} total={1515} cost={COST} partial={[]} running={false} />);
  expect(container.querySelector(".words")?.textContent).toBe("200 of 1,515 records38 ms1 MiB read12 of 4,112 granules readcomplete");
});

test("every figure is one click away", () => {
  const { container, getByLabelText } = render(<CostLine loaded={1} total={null} noun="row" cost={COST} partial={["block 7 is damaged"]} running={false} />);
  expect(container.textContent).toContain("partial: block 7 is damaged");
  fireEvent.click(getByLabelText("What it cost"));
  expect([...container.querySelectorAll("dt")].map((term) => term.textContent)).toContain("summed");
  expect([...container.querySelectorAll(".stages li")].map((stage) => stage.textContent)).toEqual(["planning2 ms", "filtering18 ms", "collecting10 ms", "other8 ms"]);
});

test("without an answer there is nothing to tell yet", () => {
  const { container } = render(<CostLine loaded={0} total={null} cost={null} partial={[]} running={true} />);
  expect(container.textContent).toBe("0 recordsrunning…");
});
