import type { NewDelivery } from "../store/spool.ts";
import type { Mailbox } from "./address.ts";

/**
 * The deliveries of a message: its recipients by domain, in the order in which the client named them. A captured message
 * goes nowhere: it is one delivery with the domain "".
 */
export function groupRecipients(recipients: readonly Mailbox[], captured: boolean): readonly NewDelivery[] {
  const groups = Map.groupBy(recipients, ({ domain }) => (captured ? "" : domain));
  return [...groups].map(([domain, members]) => ({ domain, recipients: members.map(({ address }) => ({ address })) }));
}
