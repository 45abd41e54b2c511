/** `make demo`: two YAML files become keys, records, credentials and credits, and real mail goes through. Loopback only. */
import { verify } from "../harness/verify.ts";
import { narrator, type Narrator } from "./narrate.ts";
import { readCredential, sendMail, speak, type Credential } from "../harness/application.ts";
import { until } from "../harness/until.ts";
import { startWorld, type World } from "../harness/world.ts";

const friend = "anna@friend.example";
const orders = "orders@shop.example";

async function theReport(world: World, tell: Narrator): Promise<void> {
  tell.step("Two files are applied: docs/examples/quickstart/{tenant,domain}.yaml");
  const status = await until("a report with four records", async () => {
    const found = await world.report();
    return found.records?.length === 4 && found.records.every((record) => record.verdict === "Missing")
      ? found
      : undefined;
  });
  verify(status.dkim?.keys.length === 2 && status.dkim.keys.every((key) => key.state === "Pending"), "two keys wait");
  const shown = await world.run("dns", "shop.example");
  verify(shown.code === 1, `posthouse dns exits with 1: ${shown.code}`);
  tell.good(
    "two DKIM keys were made, RSA-2048 and Ed25519; four DNS records are Missing, and posthouse dns exits with 1:",
  );
  tell.show(shown.stdout.split("\n\nkeys")[0] ?? "");
  const early = await sendMail(
    await readCredential(world, "shop-production-web"),
    { from: orders, to: friend, subject: "Too early" },
    { port: world.ports.startTls, implicitTls: false },
  );
  verify(!early.accepted && early.reply.startsWith("550 5.7.1"), `an unproven domain may not send: ${early.reply}`);
  tell.good(`until one of them is seen, the domain may not send: ${early.reply}`);
}

async function theRecords(world: World, tell: Narrator): Promise<void> {
  tell.step("The records are published in the zone of shop.example");
  await world.publishRecords();
  const status = await until("every record Valid and both keys Active", async () => {
    const found = await world.report();
    const isValid = found.records?.every((record) => record.verdict === "Valid") === true;
    return isValid && found.dkim?.keys.every((key) => key.state === "Active") === true ? found : undefined;
  });
  const { code } = await world.run("dns", "shop.example", "--format", "json");
  verify(code === 0, `posthouse dns exits with 0: ${code}`);
  const proven = status.conditions?.find((condition) => condition.type === "OwnershipProven");
  verify(proven?.status === "True", "ownership is proven");
  tell.good("all four records are Valid, ownership is proven, both keys are Active, and posthouse dns exits with 0");
  for (const key of status.dkim?.keys ?? [])
    tell.show(`${key.selector}._domainkey.shop.example  ${key.algorithm}  ${key.state}`);
}

async function theMail(world: World, tell: Narrator): Promise<void> {
  tell.step("An application sends with the credential in its Secret");
  const web = await readCredential(world, "shop-production-web");
  const doors = [
    { name: "STARTTLS", port: world.ports.startTls, implicitTls: false },
    { name: "implicit TLS", port: world.ports.implicit, implicitTls: true },
  ];
  for (const door of doors) {
    const sent = await sendMail(web, { from: orders, to: friend, subject: `Order by ${door.name}` }, door);
    verify(
      sent.accepted && /^250 2\.0\.0 Ok: queued as \S+$/.test(sent.reply),
      `accepted over ${door.name}: ${sent.reply}`,
    );
    tell.good(`over ${door.name}: ${sent.reply}`);
  }
  await world.sink.waitFor((sink) => sink.received.length === 2, 20_000);
  for (const { content, secure, verdict } of world.sink.received) {
    const subject = /^Subject: (.*)\r$/m.exec(content.toString())?.[1] ?? "";
    const passed = verdict?.dkim.filter((signature) => signature.result === "pass" && signature.aligned) ?? [];
    const algorithms = passed.map((signature) => signature.algorithm).toSorted();
    verify(algorithms.join() === "ed25519-sha256,rsa-sha256", `both signatures verify: ${JSON.stringify(verdict)}`);
    verify(verdict?.spf === "pass" && verdict.dmarc === "pass", `SPF and DMARC pass: ${JSON.stringify(verdict)}`);
    verify(secure, "the delivery was encrypted");
    tell.good(
      `mx.friend.example received "${subject}" over TLS: ${algorithms.join(" pass, ")} pass, SPF pass, DMARC pass`,
    );
  }
}

async function theRefusals(world: World, tell: Narrator): Promise<void> {
  tell.step("What is refused, and how");
  const web = await readCredential(world, "shop-production-web");
  const door = { port: world.ports.startTls, implicitTls: false };
  const refused = async (what: string, who: Credential, from: string, pattern: RegExp): Promise<void> => {
    const { accepted, reply } = await sendMail(who, { from, to: friend, subject: what }, door);
    verify(!accepted && pattern.test(reply), `${what} is refused: ${reply}`);
    tell.good(`${what}: ${reply}`);
  };
  const last = web.password.at(-1) === "0" ? "1" : "0";
  await refused("a wrong key", { ...web, password: web.password.slice(0, -1) + last }, orders, /^535 5\.7\.8 /);
  await refused("another's domain", web, "ceo@friend.example", /^550 5\.7\.1 /);
  const marketing = await readCredential(world, "shop-marketing-newsletter");
  await refused("a disabled environment", marketing, orders, /^5\d\d 5\.7\.1 /);
  const plain = Buffer.from(`\0apikey\0${web.password}`).toString("base64");
  const [, ehlo = "", auth = ""] = await speak(world.ports.startTls, ["EHLO app.example", `AUTH PLAIN ${plain}`]);
  verify(!/AUTH/.test(ehlo) && /STARTTLS/.test(ehlo), "AUTH is not offered before TLS");
  verify(auth.startsWith("538 5.7.11 "), `AUTH before TLS is refused: ${auth}`);
  tell.good(`AUTH before TLS: ${auth}`);
  verify(world.sink.received.length === 2, "nothing of that was delivered");
}

async function theCredits(world: World, tell: Narrator): Promise<void> {
  tell.step("Credits: one credit is one recipient");
  const web = await readCredential(world, "shop-production-web");
  const door = { port: world.ports.startTls, implicitTls: false };
  await world.editTenant((text) => text.replace("amount: 12000", "amount: 3"));
  tell.show("tenant.yaml: amount: 12000 -> 3; two are used");
  const exhausted = await until("credits are gone", async () => {
    const sent = await sendMail(web, { from: orders, to: [friend, "ben@friend.example"], subject: "Two more" }, door);
    verify(!sent.accepted || world.sink.received.length < 10, "credits run out");
    return sent.accepted ? undefined : sent.reply;
  });
  verify(exhausted === "451 4.7.1 Authentication failed: Maximum credits exceeded", `the known reply: ${exhausted}`);
  tell.good(`exhausted: ${exhausted}`);
  await world.editTenant((text) =>
    text.replace(/( +)plan: Pro\n/, "$1plan: Pro\n$1topUps: [{ name: black-friday, amount: 5000 }]\n"),
  );
  tell.show("tenant.yaml: + topUps: [{ name: black-friday, amount: 5000 }]");
  const before = world.sink.received.length;
  const flowing = await until("mail flows again", async () => {
    const sent = await sendMail(web, { from: orders, to: [friend, "ben@friend.example"], subject: "Two more" }, door);
    return sent.accepted ? sent.reply : undefined;
  });
  await world.sink.waitFor((sink) => sink.received.length > before, 20_000);
  tell.good(`topped up: ${flowing}; delivered`);
}

async function theCapture(world: World, tell: Narrator): Promise<void> {
  tell.step("A Capture environment keeps its message");
  const staging = await readCredential(world, "shop-staging-web");
  const before = world.sink.received.length;
  const sent = await sendMail(
    staging,
    { from: orders, to: friend, subject: "Only a test" },
    { port: world.ports.implicit, implicitTls: true },
  );
  verify(sent.accepted, `staging accepts: ${sent.reply}`);
  const id = / as (\S+)$/.exec(sent.reply)?.[1] ?? "";
  const shown = await until("it is captured", async () => {
    const { code, stdout } = await world.run("captures", "show", id);
    return code === 0 ? stdout : undefined;
  });
  verify(
    (shown.match(/^DKIM-Signature:/gm) ?? []).length === 2 && shown.includes("Only a test"),
    "it is kept, signed twice",
  );
  verify(world.sink.received.length === before, "it was not delivered");
  tell.good(`posthouse captures show ${id} prints it, signed by both keys; nobody received it`);
}

async function everyStep(world: World, tell: Narrator): Promise<void> {
  await theReport(world, tell);
  await theRecords(world, tell);
  await theMail(world, tell);
  await theRefusals(world, tell);
  await theCredits(world, tell);
  await theCapture(world, tell);
}

/** Rejects at the first SIGINT or SIGTERM, so that what was started is stopped and removed; a second one ends the process at once. */
function interruption(): { readonly signal: Promise<never>; readonly came: () => boolean } {
  let came = false;
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  for (const name of ["SIGINT", "SIGTERM"]) {
    process.once(name, () => {
      came = true;
      reject(new Error(`interrupted by ${name}`));
    });
  }
  return { signal: promise, came: () => came };
}

async function demo(tell: Narrator, interrupted: ReturnType<typeof interruption>): Promise<void> {
  const world = await startWorld();
  try {
    await Promise.race([everyStep(world, tell), interrupted.signal]);
  } catch (error) {
    if (!interrupted.came()) console.error(world.relay().output().split("\n").slice(-40).join("\n"));
    throw error;
  } finally {
    await world.close();
  }
}

const started = Date.now();
const interrupted = interruption();
console.log("Posthouse: two YAML files, one process, real mail. Everything stays on 127.0.0.1.");
try {
  await demo(narrator(), interrupted);
} catch (error) {
  if (!interrupted.came()) throw error;
  console.error("\nInterrupted: everything is stopped and removed.");
  process.exit(130);
}
console.log(`\nEvery step was verified, in ${Math.round((Date.now() - started) / 1000)} s.`);
console.log("Keep it running: make up    Then: README.md, docs/guides/quickstart.md");
