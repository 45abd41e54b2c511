import type { Logger } from "../../../runtime/log.ts";
import { StoreFull } from "../spool.ts";
import type { Room } from "./room.ts";

/** Writes of mail, of which none begins without room. Told in the log when it runs out, and when there is some again. */
export interface MailRoom {
  /** Runs a write of so many octets; rejects with {@link StoreFull} when there is no room for them. */
  within<T>(weight: number, write: () => Promise<T>): Promise<T>;
  /** Whether the last one had room. */
  hasRoom(): boolean;
}

export function mailRoom(of: { readonly path: string; readonly room: Room; readonly log: Logger }): MailRoom {
  const { path, room, log } = of;
  let hasRoom = true;

  function found(now: boolean): void {
    if (!now && hasRoom) log.error({ path }, "the disk of the store is nearly full: new mail is refused");
    if (now && !hasRoom) log.info({ path }, "the disk of the store has room for mail again");
    hasRoom = now;
  }

  return {
    async within(weight, write) {
      const taken = room.take(weight);
      found(taken);
      if (!taken) throw new StoreFull(`no room in ${path}: its disk is nearly full`);
      try {
        return await write();
      } finally {
        room.give(weight);
      }
    },
    hasRoom: () => hasRoom,
  };
}
