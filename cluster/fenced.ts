import type { Cluster } from "./port.ts";

/** A write was asked for by who may not write now, such as a leader whose time is over. It was not begun. */
export class Fenced extends Error {
  override readonly name = "Fenced";
}

/** A cluster that is written to only while `mayWrite`: asked at each write, so that not even a process that was frozen in between writes too late. */
export function fenced(cluster: Cluster, mayWrite: () => boolean): Cluster {
  const pass = async <T>(write: () => Promise<T>): Promise<T> => {
    if (!mayWrite()) throw new Fenced("not written: another process may lead by now");
    return write();
  };
  return {
    get: (key) => cluster.get(key),
    list: (kind) => cluster.list(kind),
    watch: (kinds, onChange) => cluster.watch(kinds, onChange),
    create: (object) => pass(() => cluster.create(object)),
    apply: (object) => pass(() => cluster.apply(object)),
    applyStatus: (object) => pass(() => cluster.applyStatus(object)),
    delete: (key, uid, resourceVersion) => pass(() => cluster.delete(key, uid, resourceVersion)),
  };
}
