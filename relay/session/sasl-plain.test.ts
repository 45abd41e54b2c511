import { expect, test } from "vitest";
import { parsePlain } from "./sasl-plain.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

test.each<[string, string, ReturnType<typeof parsePlain>]>([
  ["user and password", base64("\0apikey\0pw"), { username: "apikey", password: "pw" }],
  ["the same authorization identity", base64("u\0u\0pw"), { username: "u", password: "pw" }],
  ["a user in the first part only", base64("u\0\0pw"), { username: "u", password: "pw" }],
  ["an empty password", base64("\0u\0"), { username: "u", password: "" }],
  ["another authorization identity", base64("root\0u\0pw"), undefined],
  ["nobody", base64("\0\0pw"), undefined],
  ["two parts", base64("u\0pw"), undefined],
  ["four parts", base64("\0u\0pw\0x"), undefined],
  ["CRLF in the user", base64("\0u\r\nx\0pw"), undefined],
  ["octets that are not UTF-8", Buffer.from([0, 0xff, 0, 65]).toString("base64"), undefined],
  ["no base64", "%%%", undefined],
  ["base64 with spaces", "AHUA cHc=", undefined],
  ["base64 cut off", base64("\0u\0pw").slice(0, -1), undefined],
  ["nothing", "", undefined],
  ["an empty response", "=", undefined],
])("%s", (_, text, expected) => {
  expect(parsePlain(text)).toEqual(expected);
});
