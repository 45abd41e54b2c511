import { Ajv } from "ajv";
import Type from "typebox";
import { describe, expect, test } from "vitest";
import { DeliveryConfig } from "./config.ts";

const validate = new Ajv({ useDefaults: true, allErrors: true, strict: true }).compile(
  Type.Object({ delivery: DeliveryConfig }),
);

describe("the delivery object of the fleet file", () => {
  test("has a default for everything but the CA file", () => {
    const fleet: { delivery?: Record<string, unknown> } = {};
    expect(validate(fleet)).toBe(true);
    expect(Object.keys(fleet.delivery ?? {})).toEqual(
      Object.keys(DeliveryConfig.properties).filter((name) => name !== "caFile"),
    );
    expect(fleet.delivery).toMatchObject({ port: 25, allowNetworks: [], maxAge: "72h", retry: { jitter: 0.1 } });
  });

  test.each([
    [{ port: 0 }, "/delivery/port"],
    [{ allowNetworks: ["10.0.0.0"] }, "/delivery/allowNetworks/0"],
    [{ maxAge: "3 days" }, "/delivery/maxAge"],
    [{ retry: { delays: [] } }, "/delivery/retry/delays"],
    [{ retry: { jitter: 2 } }, "/delivery/retry/jitter"],
    [{ prot: 25 }, "/delivery"],
  ])("%j has a mistake at %s", (delivery, path) => {
    expect(validate({ delivery })).toBe(false);
    expect(validate.errors?.[0]?.instancePath).toBe(path);
  });
});
