/** What is compiled when an image is built: for the test image, which nobody builds, by the Dockerfile's own line in a container. */
import { createHash } from "node:crypto";
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compilingLine } from "../compiled.ts";
import { type ContainerSpec, startContainer } from "./container-process.ts";
import { checkout, type Image } from "./image.ts";

/** Compiles what the sources of today want. Of two runs at once both do: each file is put in its place whole. */
export async function compileImage(image: Image): Promise<void> {
  const { from } = image.compiled;
  const stamp = join(from, "stamp");
  const wanted = fingerprint();
  if (textOf(stamp) === wanted) return;
  mkdirSync(from, { recursive: true });
  chownSync(from, image.user.uid, image.user.gid);
  const folder = mkdtempSync(join(tmpdir(), "posthouse-image-"));
  try {
    const spec = specOf(image, folder);
    const { exitCode } = await startContainer(spec).ended;
    if (exitCode !== 0) throw new Error(`the code of the image is not compiled:\n${textOf(spec.logFile)}`);
    writeFileSync(stamp, wanted);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function specOf(image: Image, folder: string): ContainerSpec {
  const hostsFolder = join(folder, "hosts");
  const mountPoint = join(folder, "root");
  for (const each of [hostsFolder, mountPoint]) mkdirSync(each);
  return {
    root: {
      image,
      mountPoint,
      hostsFolder,
      hostname: "build",
      mounts: [{ ...image.compiled, isReadOnly: false }],
      isReadOnly: false,
    },
    privileges: { ...image.user, groups: [], mayGain: false, dropsAll: true, bindsLowPorts: false },
    argv: ["/bin/sh", "-ec", compilingLine()],
    env: { HOME: "/home/node", ...image.env },
    workingDir: image.workingDir,
    logFile: join(folder, "log"),
  };
}

/** Changes with every file that is compiled, and with what compiles it. */
function fingerprint(): string {
  const sum = createHash("sha256").update(process.version);
  for (const name of ["Dockerfile", "package-lock.json"]) sum.update(textOf(join(checkout, name)) ?? "");
  const folders = readdirSync(checkout, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const ours = folders.map(({ name }) => name).filter((name) => !/^(\.|node_modules$|test$|docs$|charts$)/.test(name));
  for (const folder of ours)
    for (const name of readdirSync(join(checkout, folder), { recursive: true, encoding: "utf8" }).toSorted()) {
      const { mtimeMs, size } = statSync(join(checkout, folder, name));
      sum.update(`${folder}/${name} ${mtimeMs} ${size}\n`);
    }
  return sum.digest("hex");
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
