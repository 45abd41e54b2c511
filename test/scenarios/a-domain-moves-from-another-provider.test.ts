import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SendingDomainStatus } from "../../crds/sending-domain.ts";
import { readCredential, sendMail } from "../harness/application.ts";
import { until } from "../harness/until.ts";
import { startWorld, type World } from "../harness/world.ts";

const guide = new URL("../../docs/guides/keys.md", import.meta.url);
const legacyName = "legacy._domainkey.shop.example";
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = privateKey.export({ type: "pkcs1", format: "pem" });
const told: string[] = [];

let world: World;
beforeAll(async () => {
  world = await startWorld({ activationDelay: "2s" });
  const p = publicKey.export({ type: "spki", format: "der" }).toString("base64");
  // As opendkim-genkey writes it, in two strings.
  const value = ["v=DKIM1; h=sha256; k=rsa; ", `p=${p.slice(0, 250)}`, p.slice(250)];
  world.zone.publish({ name: legacyName, type: "TXT", value });
});
afterAll(() => world.close());

async function status(): Promise<SendingDomainStatus> {
  const report = await world.report();
  told.push(JSON.stringify(report));
  return report;
}
const states = ({ dkim }: SendingDomainStatus): readonly string[] =>
  (dkim?.keys ?? []).map(({ selector, state }) => `${selector.replace(/^s\d{4}q\d/, "new")} ${state}`).toSorted();
const condition = ({ conditions }: SendingDomainStatus, type: string) => conditions?.find((each) => each.type === type);

function untilKeys(...expected: readonly string[]): Promise<SendingDomainStatus> {
  return until(`the keys are ${expected.join(", ")}`, async () => {
    const found = await status();
    return states(found).join() === expected.join() ? found : undefined;
  });
}

/** The commands of the guide's section, as they stand there. */
async function guideCommands(): Promise<string> {
  const [, section = ""] = (await readFile(guide, "utf8")).split("## Move a domain from another provider");
  const [, commands = ""] = /```sh\n(.*?)```/s.exec(section) ?? [];
  return commands;
}

async function send(subject: string): Promise<{ readonly accepted: boolean; readonly reply: string }> {
  const credential = await readCredential(world, "shop-production-web");
  const message = { from: "orders@shop.example", to: "anna@friend.example", subject };
  return sendMail(credential, message, { port: world.ports.startTls, implicitTls: false });
}

/** Sends a message, and says which selectors a receiver finds valid signatures of. */
async function selectorsOf(subject: string): Promise<readonly string[]> {
  const before = world.sink.received.length;
  expect(await send(subject)).toMatchObject({ accepted: true });
  await world.sink.waitFor((sink) => sink.received.length > before, 20_000);
  const verdict = world.sink.received.at(-1)?.verdict;
  expect(verdict).toMatchObject({ dmarc: "pass" });
  const dkim = verdict?.dkim ?? [];
  expect(dkim.map(({ result, aligned }) => `${result} ${aligned}`)).toEqual(dkim.map(() => "pass true"));
  return dkim.map(({ selector }) => selector.replace(/^s\d{4}q\d/, "new")).toSorted();
}

async function edit(file: string, change: (text: string) => string): Promise<void> {
  const path = join(world.manifests, file);
  await writeFile(path, change(await readFile(path, "utf8")));
}

test(
  "a Secret that is not offered is waited for, and its label wakes the SendingDomain",
  { timeout: 60_000 },
  async () => {
    const folder = dirname(world.manifests);
    await writeFile(join(folder, "legacy.private"), pem);
    const commands = await guideCommands();
    expect(commands).toContain("posthouse.dev/use: dkim-import");
    await promisify(execFile)("sh", ["-ec", commands.replace("posthouse.dev/use: dkim-import", "")], { cwd: folder });
    const block = "  dkim: { import: { selector: legacy, secretRef: { name: old-key } } }\n";
    await edit("domain.yaml", (text) => text + block);
    const message = await until("SecretNotOffered", async () => {
      const found = condition(await status(), "Ready");
      return found?.reason === "SecretNotOffered" ? found.message : undefined;
    });
    expect(message).toContain("kubectl -n team-shop label secret old-key posthouse.dev/use=dkim-import");
    await promisify(execFile)("sh", ["-ec", commands], { cwd: folder });
    const found = await untilKeys("legacy Pending", "new Pending", "new-ed Pending");
    expect(found.dkim?.keys.find(({ selector }) => selector === "legacy")?.origin).toBe("Imported");
  },
);

test("the imported key proves nothing: mail is refused until a new record is seen", { timeout: 60_000 }, async () => {
  await until("the record of the imported key is Valid", async () => {
    const found = (await status()).records?.find(({ fqdn }) => fqdn === legacyName);
    return found?.verdict === "Valid" ? true : undefined;
  });
  const found = await status();
  expect(condition(found, "OwnershipProven")?.status).toBe("False");
  expect(await send("Too early")).toMatchObject({ accepted: false });
  for (const format of ["text", "json", "bind", "terraform", "octodns"]) {
    const { stdout } = await world.run("dns", "shop.example", "--format", format);
    expect(stdout).toContain("legacy._domainkey");
    told.push(stdout);
  }
});

test("it signs from the proof until the new key may, and no signature fails", { timeout: 90_000 }, async () => {
  const { records = [] } = await status();
  const missing = records.filter(({ fqdn }) => fqdn !== legacyName);
  const publish = (wanted: typeof missing): void =>
    world.zone.publish(...wanted.map(({ fqdn, value }) => ({ name: fqdn, type: "TXT" as const, value })));
  // The record of the new RSA key lags behind that of the Ed25519 key, which proves the domain.
  const lags = ({ name }: (typeof missing)[number]): boolean => /^s\d{4}q\d\._domainkey$/.test(name);
  publish(missing.filter((record) => !lags(record)));
  const proven = await untilKeys("legacy Active", "new Pending", "new-ed Active");
  expect(condition(proven, "OwnershipProven")?.status).toBe("True");
  expect(await selectorsOf("Signed by the old key")).toEqual(["legacy", "new-ed"]);
  await rm(join(world.manifests, "old-key.yaml"));
  publish(missing.filter(lags));
  await untilKeys("legacy Retiring", "new Active", "new-ed Active");
  expect(await selectorsOf("Signed by the new keys")).toEqual(["new", "new-ed"]);
  const after = await status();
  expect(condition(after, "Ready")?.status).toBe("True");
  expect(after.records?.map(({ verdict }) => verdict)).toEqual(Array(5).fill("Valid"));
});

test("nothing of the private key was told to anybody", () => {
  const [, line = ""] = pem.split("\n");
  expect(line).toHaveLength(64);
  for (const text of [world.relay().output(), ...told]) {
    expect(text).not.toContain("PRIVATE KEY");
    expect(text).not.toContain(line);
  }
});
