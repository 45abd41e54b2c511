import { expect, test } from "vitest";
import { takeServiceRange } from "./service-range.ts";

test("two control planes get different ranges", async () => {
  const [one, other] = [await takeServiceRange(), await takeServiceRange()];
  try {
    expect(one.cidr).toMatch(/^127\.96\.\d+\.0\/24$/);
    expect(one.first).toBe(one.cidr.replace("0/24", "1"));
    expect(other.cidr).not.toBe(one.cidr);
  } finally {
    one.release();
    other.release();
  }
});
