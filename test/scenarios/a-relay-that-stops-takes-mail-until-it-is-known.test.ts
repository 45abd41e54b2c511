import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { readCredential } from "../harness/application.ts";
import { freePorts, startPosthouse } from "../harness/posthouse.ts";
import { dialogue, type Dialogue } from "../harness/smtp-dialogue.ts";
import { plainOf } from "../harness/submission.ts";
import { until } from "../harness/until.ts";

const manifests = new URL("../../docs/examples/quickstart/", import.meta.url).pathname;
const letter = "From: orders@shop.example\r\n\r\nx\r\n.";

async function end(client: Dialogue): Promise<string> {
  expect(await client.say("RCPT TO:<anna@friend.example>")).toMatch(/^250/);
  expect(await client.say("DATA")).toMatch(/^354/);
  return client.say(letter);
}

test("not ready at once, it takes connections for a while, and says 421 between messages only", async () => {
  const folder = await mkdtemp(join(tmpdir(), "posthouse-drain-"));
  const [smtp = 0, admin = 0, closed = 0] = await freePorts(3);
  const state = join(folder, "state");
  const fleet = {
    hostname: "localhost",
    listeners: [{ name: "submissions", host: "127.0.0.1", port: smtp, tls: "Implicit" }],
    admin: { host: "127.0.0.1", port: admin },
    dns: { resolvers: [`127.0.0.1:${closed}`] },
    limits: { drainDelay: "8s" },
  };
  await writeFile(join(folder, "fleet.yaml"), stringify(fleet));
  const args = ["--manifests", manifests, "--state", state, "--fleet", join(folder, "fleet.yaml")];
  const relay = await startPosthouse(args, { host: "127.0.0.1", port: admin });
  const { password } = await until("a credential", () =>
    readCredential({ state }, "shop-staging-web").catch(() => undefined),
  );
  const begin = async (): Promise<Dialogue> => {
    const client = await dialogue({ port: smtp, implicitTls: true });
    await client.reply();
    await client.say("EHLO client.example");
    expect(await client.say(`AUTH PLAIN ${plainOf(password)}`)).toMatch(/^235/);
    expect(await client.say("MAIL FROM:<orders@shop.example>")).toMatch(/^250/);
    return client;
  };

  const early = await begin();
  process.kill(relay.pid, "SIGTERM");
  await until("it is not ready", async () => {
    const response = await fetch(`http://127.0.0.1:${admin}/readyz`);
    return response.status === 503 && (await response.text()) === "it stops\n" ? true : undefined;
  });
  const late = await begin();
  expect(await end(late)).toMatch(/^250/);
  await until("nobody is let in any more", async () => {
    const refused = dialogue({ port: smtp, implicitTls: true }).then(
      (client) => client.close(),
      () => true,
    );
    return (await refused) === true ? true : undefined;
  });
  expect(await late.reply()).toBe("421 4.3.2 Service is restarting - connect again");
  expect(await end(early)).toMatch(/^250/);
  expect(await early.reply()).toBe("421 4.3.2 Service is restarting - connect again");
  await Promise.all([early, late].map((client) => client.ended()));
  await until("it ends by itself", async () => {
    try {
      return process.kill(relay.pid, 0) ? undefined : true;
    } catch {
      return true;
    }
  });
  expect(await relay.stop()).toBe(0);
  await rm(folder, { recursive: true });
}, 120_000);
