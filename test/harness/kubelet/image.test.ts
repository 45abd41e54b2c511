import { expect, test } from "vitest";
import { checkout, image } from "./image.ts";

test("the image is what the Dockerfile says", () => {
  expect(image).toMatchObject({
    entrypoint: ["node", "/app/cli/main.ts"],
    cmd: ["--help"],
    workingDir: "/app",
    user: { uid: 1000, gid: 1000 },
    env: { NODE_ENV: "production", NODE_COMPILE_CACHE: "/app/.compiled" },
    links: [{ to: "/app/cli/main.ts", at: "/usr/local/bin/posthouse" }],
    folders: ["/var/lib/posthouse", "/app/.compiled"],
    compiled: { to: "/app/.compiled" },
  });
  expect(image.mounts).toContainEqual({ from: `${checkout}/node_modules`, to: "/app/node_modules" });
  expect(image.mounts).toContainEqual({ from: `${checkout}/package.json`, to: "/app/package.json" });
  expect(image.mounts).toContainEqual({ from: `${checkout}/cli`, to: "/app/cli" });
  expect(image.mounts.map(({ to }) => to)).not.toContain("/app/test");
});
