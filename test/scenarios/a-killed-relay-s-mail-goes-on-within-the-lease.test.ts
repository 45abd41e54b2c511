import { afterEach, expect, test } from "vitest";
import { openLoadClient } from "../harness/load-client.ts";
import { type MxSink, startMxSink } from "../harness/mx-sink.ts";
import { plainOf } from "../harness/submission.ts";
import { until } from "../harness/until.ts";
import { type Fleet, type Relay, startFleet } from "../soak/fleet.ts";
import { firstTerms, manifestsOf, namespace } from "../soak/manifests.ts";
import { createMessage } from "../soak/message.ts";

/** Milliseconds; and what a busy machine may take beyond it. */
const [lease, slack] = [4000, 6000];

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Holds every message of `relay` after its final dot, for ever; returns the recipients of those. */
function holdMailOf(relay: string, sink: MxSink): ReadonlySet<string> {
  const helos = new Map<string, string>();
  const recipients = new Map<string, string>();
  const held = new Set<string>();
  sink.behave(({ stage, line, session }) => {
    if (stage === "EHLO") helos.set(session, line.slice(5).trim());
    if (stage === "RCPT") recipients.set(session, /<(.*?)>/.exec(line)?.[1] ?? "");
    if (stage !== "MESSAGE" || helos.get(session) !== relay) return undefined;
    held.add(recipients.get(session) ?? "");
    return new Promise(() => undefined);
  });
  return held;
}

/** Submits to a relay until it is gone or `signal` says so; adds whoever was answered 250. */
async function submit(relay: Relay, plain: string, told: string[], signal: AbortSignal): Promise<void> {
  const client = await openLoadClient({ port: relay.port, plain, sender: "app@open.example" });
  for (let number = 0; !signal.aborted; number += 1) {
    const recipient = `${relay.name}-${number}@friend.example`;
    const { content } = createMessage(recipient, "app@open.example", 2000, () => 0.5);
    const answer = await client.send(content, recipient).catch(() => undefined);
    if (answer === undefined) break;
    expect(answer).toMatch(/^250 /);
    told.push(recipient);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  client.close();
}

async function start(sink: MxSink): Promise<{ readonly fleet: Fleet; readonly plain: string }> {
  const manifests = manifestsOf(firstTerms(1000, 1));
  const fleet = await startFleet({ relays: 2, lease: `${lease / 1000}s`, sink: sink.port, manifests });
  closing.push(() => fleet.close());
  await fleet.prove(namespace, "open");
  const secret = await until("there is a credential", async () => fleet.secret(namespace, "open-production"));
  return { fleet, plain: plainOf(secret["password"] ?? "", secret["username"] ?? "") };
}

test(
  "a relay that is killed under load has its mail continued by others within the lease, and they wait for that",
  { timeout: 180_000 },
  async () => {
    const sink = await startMxSink();
    closing.push(() => sink.close());
    const { fleet, plain } = await start(sink);
    const [victim, other] = fleet.relays;
    if (!victim || !other) throw new Error("two relays were asked for");
    const held = holdMailOf(victim.name, sink);
    const [told, stop] = [[] as string[], new AbortController()];
    const load = [victim, other].map((relay) => submit(relay, plain, told, stop.signal));
    await until("the victim delivers", async () => (held.size >= 3 ? true : undefined), 60_000);
    const first = new Set(held);
    // Longer than a lease: it is renewed, and nobody else may touch what is being delivered.
    await new Promise((resolve) => setTimeout(resolve, 1.5 * lease));
    const arrived = (): string[] => sink.received.flatMap(({ recipients }) => recipients);
    expect(arrived().filter((recipient) => first.has(recipient))).toEqual([]);

    const killedAt = Date.now();
    await victim.kill();
    await until(
      "what it had under way is delivered",
      async () => {
        const there = new Set(arrived());
        return [...held].every((recipient) => there.has(recipient)) ? true : undefined;
      },
      lease + slack,
    );
    expect(Date.now() - killedAt).toBeGreaterThan(lease / 3);
    stop.abort();
    await Promise.all(load);
    await until("all that was answered 250 is delivered", async () => {
      const there = new Set(arrived());
      return told.every((recipient) => there.has(recipient)) ? true : undefined;
    });
    expect(arrived().toSorted()).toEqual([...new Set(arrived())].toSorted());
    expect(held.size).toBeGreaterThanOrEqual(3);
    expect(sink.received.every(({ helo }) => helo !== victim.name)).toBe(true);
  },
);
