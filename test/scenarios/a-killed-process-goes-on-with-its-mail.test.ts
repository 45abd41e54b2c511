import { afterAll, beforeAll, expect, test } from "vitest";
import { readCredential, sendMail } from "../harness/application.ts";
import { until } from "../harness/until.ts";
import { startWorld, type World } from "../harness/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

test(
  "a message that was being delivered when the process was killed is delivered by the next one",
  { timeout: 60_000 },
  async () => {
    const door = { port: world.ports.startTls, implicitTls: false };
    // The RSA key signs a moment after its record is Valid, and mail that came before waits for a whole retry delay.
    await world.prove();

    const inDelivery = Promise.withResolvers<void>();
    // The receiver has the whole message and never answers.
    world.sink.behave(({ stage }) => {
      if (stage !== "MESSAGE") return undefined;
      inDelivery.resolve();
      return new Promise(() => undefined);
    });
    const credential = await readCredential(world, "shop-production-web");
    const sent = await sendMail(
      credential,
      { from: "orders@shop.example", to: "anna@friend.example", subject: "Survives" },
      door,
    );
    expect(sent).toMatchObject({ accepted: true });
    await inDelivery.promise;
    expect(world.sink.received).toHaveLength(0);

    world.sink.behave(undefined);
    await world.killAndRestart();
    await world.sink.waitFor((sink) => sink.received.length > 0, 30_000);
    const [message] = world.sink.received;
    expect(message?.content.toString()).toContain("Subject: Survives");
    expect(message?.verdict).toMatchObject({ dmarc: "pass", dkim: [{ result: "pass" }, { result: "pass" }] });
    await until("an empty queue", async () => ((await world.queue()).length === 0 ? true : undefined));
    expect((await world.run("queue", "list")).stdout).toBe("the queue is empty\n");
    const again = await sendMail(
      credential,
      { from: "orders@shop.example", to: "anna@friend.example", subject: "The same key" },
      door,
    );
    expect(again).toMatchObject({ accepted: true });
  },
);
