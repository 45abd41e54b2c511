import { randomUUID } from "node:crypto";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import type { ObjectKey } from "../object.ts";
import type { Cache } from "../cache.ts";
import type { Stamp } from "./identity.ts";

/** An object of the manifests, and its file. */
export interface Owner {
  readonly key: ObjectKey;
  readonly file: string;
}

/** What the parts of a folder cluster share. */
export interface FolderParts {
  readonly state: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cache: Cache;
  /** Where each object of the manifests comes from, by `keyText`. */
  readonly owners: Map<string, Owner>;
  /** Files of manifests whose last good objects are not yet written down. */
  readonly unremembered: Set<string>;
  /** A resourceVersion that was never given before. */
  readonly nextVersion: () => string;
}

/** What a new write gives to an object. */
export function stamp({ clock, nextVersion }: FolderParts): Stamp {
  return { uid: randomUUID(), now: clock.now(), resourceVersion: nextVersion() };
}
