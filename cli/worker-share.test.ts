import { expect, test } from "vitest";
import { parseFleet } from "./fleet-file.ts";
import type { Fleet } from "./fleet.ts";
import { shareOfWorker } from "./worker-share.ts";

const files = { certificateFile: "/c.pem", keyFile: "/k.pem" };

function fleetOf(text: string): Fleet {
  const parsed = parseFleet(text);
  if (!("fleet" in parsed)) throw new Error(JSON.stringify(parsed.problems));
  return parsed.fleet;
}

const cases: readonly {
  readonly name: string;
  readonly text: string;
  readonly want: { readonly limits?: Partial<Fleet["limits"]>; readonly delivery?: Partial<Fleet["delivery"]> };
}[] = [
  {
    name: "limits are shared out",
    text: "workers: 2\nlimits: { connections: 7, connectionsPerAddress: 5 }\ndelivery: { concurrency: 50, connectionsPerHop: 5 }",
    want: {
      limits: { connections: 3, connectionsPerAddress: 2, bufferedBytes: 134_217_728 },
      delivery: { concurrency: 25, bufferedBytes: 67_108_864, connectionsPerHop: 2 },
    },
  },
  {
    name: "nobody is left with nothing",
    text: "workers: 8\nlimits: { connections: 3 }\ndelivery: { concurrency: 1, connectionsPerHop: 5 }",
    want: { limits: { connections: 1 }, delivery: { concurrency: 1, connectionsPerHop: 1 } },
  },
  {
    name: "a message of full size fits",
    text: "workers: 64\nlimits: { messageBytes: 50000000, bufferedBytes: 100000000 }",
    want: { limits: { bufferedBytes: 50_000_000, messageBytes: 50_000_000 } },
  },
];

test.each(cases)("$name", ({ text, want }) => expect(shareOfWorker(fleetOf(text), files)).toMatchObject(want));

test("the rest is as it was, with the certificate that is in use", () => {
  const fleet = fleetOf("workers: 2\nhostname: mx.example");
  const { limits: _a, delivery: _b, tls, ...rest } = shareOfWorker(fleet, files);
  expect(tls).toEqual(files);
  expect(fleet).toMatchObject(rest);
});
