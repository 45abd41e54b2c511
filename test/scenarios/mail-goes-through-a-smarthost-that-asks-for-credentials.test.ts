import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readCredential, sendMail } from "../harness/application.ts";
import { startSmarthost, testCertificate, type TestSmarthost } from "../harness/smarthost.ts";
import { until } from "../harness/until.ts";
import { startWorld, type World } from "../harness/world.ts";

const host = "smtp.upstream.example";
/** Ports of mail are few: another address of loopback for each process keeps tests apart. */
const address = `127.${1 + (process.pid % 250)}.${(process.pid >> 8) % 250}.25`;
const password = "Tr0ub4dor-and-three";
const wrong = "not-the-password-any-more";
const caFile = join(tmpdir(), `posthouse-smarthost-ca-${process.pid}.pem`);

let upstream: TestSmarthost;
let world: World;
beforeAll(async () => {
  const certificate = await testCertificate(host);
  await writeFile(caFile, certificate.authority);
  upstream = await startSmarthost({
    certificate,
    accounts: { shop: password },
    address,
    port: 2525,
    // As no server should: what it says must show nowhere.
    refusal: (said) => `535 5.7.8 Authentication credentials invalid: ${said}`,
  });
  world = await startWorld({ delivery: { caFile, retry: { delays: ["1s"] }, unreachableFor: "1s" } });
  world.zone.publish({ name: host, type: "A", value: address });
}, 60_000);
afterAll(async () => {
  await world.close();
  await upstream.close();
  await rm(caFile);
});

const secretFile = (): string => join(world.manifests, "upstream.yaml");

/** Writes the Secret as its owner would. */
async function offer(said: string, label = "posthouse.dev/use: smarthost"): Promise<void> {
  await writeFile(
    secretFile(),
    `apiVersion: v1
kind: Secret
metadata: {name: upstream, namespace: team-shop, labels: {${label}}}
type: kubernetes.io/basic-auth
stringData: {username: shop, password: ${said}}
`,
  );
}

async function send(subject: string): Promise<void> {
  const door = { port: world.ports.startTls, implicitTls: false };
  const message = { from: "orders@shop.example", to: "anna@friend.example", subject };
  const sent = await sendMail(await readCredential(world, "shop-production-web"), message, door);
  expect(sent).toMatchObject({ accepted: true });
}

const subjects = (): readonly string[] =>
  upstream.received.map(({ content }) => /^Subject: (.*)\r$/m.exec(content)?.[1] ?? "");

const waiting = (reason: RegExp): Promise<boolean> =>
  until(`mail that waits for ${String(reason)}`, async () =>
    reason.test(JSON.stringify(await world.queue())) ? true : undefined,
  );

/** Waits until the log holds a text so many times. */
const logged = (text: string, times = 1): Promise<boolean> =>
  until(text, () => Promise.resolve(world.relay().output().split(text).length > times ? true : undefined));

const received = (count: number): Promise<boolean> =>
  until(`${count} messages`, () => Promise.resolve(upstream.received.length >= count ? true : undefined));

test("mail goes out as the Secret says, waits while it is wrong or withdrawn, and nothing tells the password", async () => {
  await world.prove();
  await world.editTenant(
    (text) => `${text.trimEnd()}
  delivery:
    route: Smarthost
    smarthosts: [{name: upstream, host: ${host}, port: 2525, security: StartTLS, secretRef: {name: upstream}}]
`,
  );
  await logged("SecretNotFound");

  await send("No Secret yet");
  await waiting(/has no credentials now \(SecretNotFound\)/);
  await offer(password, "team: shop");
  await logged("kubectl -n team-shop label secret upstream posthouse.dev/use=smarthost");
  await offer(password);
  await received(1);
  expect(upstream.received[0]).toMatchObject({ user: "shop" });
  expect(upstream.received[0]?.content).toContain("DKIM-Signature:");

  await offer(wrong);
  await logged("SmarthostSecretCopied", 2);
  await send("Wrong password");
  const reason = /did not accept the credentials: 535 5\.7\.8 .*\[password\]/;
  await waiting(reason);
  const { stdout: queue } = await world.run("queue", "list", "--json");
  expect(queue).toMatch(reason);
  expect(subjects()).toEqual(["No Secret yet"]);
  await offer(password);
  await received(2);

  await offer(password, "team: shop");
  await logged('"reason":"SecretNotOffered"', 2);
  const connections = upstream.connections;
  await send("Withdrawn");
  await waiting(/has no credentials now \(SecretNotOffered\)/);
  expect(upstream.connections).toBe(connections);
  await offer(password);
  await received(3);
  expect(subjects()).toEqual(["No Secret yet", "Wrong password", "Withdrawn"]);
  expect(world.sink.received).toEqual([]);

  const told = [
    world.relay().output(),
    queue,
    await readFile(join(world.state, "status/team-shop/RelayTenant/shop.yaml"), "utf8"),
    (await world.run("queue", "list")).stdout,
  ].join();
  for (const secret of [password, wrong, btoa(password), btoa(wrong)]) expect(told).not.toContain(secret);
}, 90_000);
