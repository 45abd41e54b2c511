import { InvalidArgumentError } from "commander";
import { expect, test } from "vitest";
import { operatorCommand } from "./operator-command.ts";

const parse = (text: string): unknown =>
  operatorCommand()
    .options.find(({ long }) => long === "--relay-selector")
    ?.parseArg?.(text, undefined);

test("the operator shows its token to what the chart or the default calls a relay", () => {
  const { relaySelector } = operatorCommand().opts<{ relaySelector: string }>();
  expect(relaySelector).toBe("app.kubernetes.io/component=relay");
  const chart = "app.kubernetes.io/name=posthouse,app.kubernetes.io/instance=mail,app.kubernetes.io/component=relay";
  expect(parse(chart)).toBe(chart);
});

test.each(["", "relay", "a=", "a=b,", "a=b c=d", "!a"])("labels of relays are not %j", (text) => {
  expect(() => parse(text)).toThrow(InvalidArgumentError);
});
