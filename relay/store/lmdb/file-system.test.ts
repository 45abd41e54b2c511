import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { networkFileSystem, networkFileSystemOf } from "./file-system.ts";

test.each([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [-11_317_950, "CIFS"],
  [0xef53, undefined],
  [0x01021994, undefined],
  [0x58465342, undefined],
])("the file system of type %i is %s", (type, want) => expect(networkFileSystem(type)).toBe(want));

test("a folder of this machine is on none", async () => {
  expect(await networkFileSystemOf(tmpdir())).toBeUndefined();
});
