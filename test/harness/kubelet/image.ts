/** The one image that there is: this checkout, laid out as the Dockerfile says. */
import { readFileSync, realpathSync } from "node:fs";
import { posix } from "node:path";

export interface Image {
  readonly entrypoint: readonly string[];
  /** Arguments where a container has neither command nor arguments. */
  readonly cmd: readonly string[];
  readonly workingDir: string;
  /** Numeric user and group. */
  readonly user: { readonly uid: number; readonly gid: number };
  readonly env: Readonly<Record<string, string>>;
  /** Folders and files of the machine, by where they stand in the container; read-only there. */
  readonly mounts: readonly { readonly from: string; readonly to: string }[];
  /** Symbolic links: what they lead to, and where they stand. */
  readonly links: readonly { readonly to: string; readonly at: string }[];
  /** Folders that belong to the user. */
  readonly folders: readonly string[];
  /** Where the image keeps the code that was compiled when it was built, and where that is on the machine. */
  readonly compiled: { readonly from: string; readonly to: string };
}

/** The folder that this file is part of. */
export const checkout = new URL("../../../", import.meta.url).pathname.replace(/\/$/, "");

/** The values of an instruction of a Dockerfile's last stage, one for each time that it stands there. */
function instructions(stage: string, word: string): readonly string[] {
  return [...stage.matchAll(new RegExp(`^${word} (.+)$`, "gm"))].map(([, value = ""]) => value);
}

/** The image that this Dockerfile describes; copied files are those of `root`, packages those that are installed there. */
export function readImage(dockerfile: string, root: string): Image {
  const stage =
    dockerfile
      .replaceAll("\\\n", " ")
      .split(/^FROM .*$/m)
      .at(-1) ?? "";
  const [workingDir = "/"] = instructions(stage, "WORKDIR");
  const [uid = 0, gid = 0] = (instructions(stage, "USER")[0] ?? "0:0").split(":").map(Number);
  const run = instructions(stage, "RUN").join("\n");
  const env = Object.fromEntries(instructions(stage, "ENV").map((pair) => pair.split(/=(.*)/s)));
  const copies = instructions(stage, "COPY").flatMap((words) => copiesOf(words, root, workingDir));
  return {
    entrypoint: JSON.parse(instructions(stage, "ENTRYPOINT")[0] ?? "[]") as string[],
    cmd: JSON.parse(instructions(stage, "CMD")[0] ?? "[]") as string[],
    workingDir,
    user: { uid, gid },
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      ...env,
    },
    // Node runs from where the tests run it, and finds itself at the image's place.
    mounts: [...copies, { from: realpathSync(process.execPath), to: "/usr/local/bin/node" }],
    links: [...run.matchAll(/ln -s (\S+) (\S+)/g)].map(([, to = "", at = ""]) => ({ to, at })),
    folders: [...run.matchAll(/mkdir ([^&]+)/g)].flatMap(([, folders = ""]) => folders.trim().split(" ")),
    compiled: { from: posix.join(root, ".cache/compiled-in-image"), to: env["NODE_COMPILE_CACHE"] ?? "/app/.compiled" },
  };
}

function copiesOf(words: string, root: string, workingDir: string): Image["mounts"] {
  const [target = ".", ...sources] = words
    .split(" ")
    .filter((word) => !word.startsWith("--"))
    .toReversed();
  return sources.map((source) => {
    const name = posix.basename(source);
    const isInto = target.endsWith("/");
    return { from: posix.join(root, name), to: posix.resolve(workingDir, target, isInto ? name : "") };
  });
}

/** The image of this checkout. */
export const image: Image = readImage(readFileSync(`${checkout}/Dockerfile`, "utf8"), checkout);
