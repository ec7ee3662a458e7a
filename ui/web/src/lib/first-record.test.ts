import { expect, test } from "vitest";
import { dockerRun, senderAddress, shellLine } from "./first-record";

test("the address is one that a sender can reach", () => {
  expect(senderAddress("0.0.0.0:12201", "logs.example.org")).toBe("logs.example.org:12201");
  expect(senderAddress("[::]:12201", "localhost")).toBe("127.0.0.1:12201");
  expect(senderAddress("10.0.0.5:1234", "localhost")).toBe("10.0.0.5:1234");
  expect(senderAddress("[::]:12201", "[2001:db8::1]")).toBe("[2001:db8::1]:12201");
});

test("the lines name it", () => {
  expect(dockerRun("h:1")).toContain("udp://h:1 ");
  expect(shellLine("[2001:db8::1]:12201")).toContain("nc -u -w1 2001:db8::1 12201");
});
