/** The one image that there is: this checkout, as the Dockerfile lays it out. */
import { realpathSync } from "node:fs";

export interface Image {
  readonly entrypoint: readonly string[];
  readonly workingDir: string;
  /** Numeric user and group of the image. */
  readonly user: { readonly uid: number; readonly gid: number };
  readonly env: Readonly<Record<string, string>>;
  /** Folders and files of the machine, by where they stand in the container; read-only there. */
  readonly mounts: readonly { readonly from: string; readonly to: string }[];
}

/** The folder that this file is part of. */
export const checkout = new URL("../../../", import.meta.url).pathname.replace(/\/$/, "");

/** Node runs from where the tests run it, and finds itself at the image's place. */
export const image: Image = {
  entrypoint: ["node", "/app/cli/main.ts"],
  workingDir: "/app",
  user: { uid: 1000, gid: 1000 },
  env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NODE_ENV: "production" },
  mounts: [
    { from: checkout, to: "/app" },
    { from: realpathSync(process.execPath), to: "/usr/local/bin/node" },
  ],
};
