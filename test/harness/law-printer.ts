import { keyOf, keyText } from "../../cluster/object.ts";
import type { Story } from "./law-arbitraries.ts";
import type { LawEvent } from "./law-world.ts";

/** A story as numbered sentences, so that a counter-example can be followed by hand. */
export function printStory({ there, events }: Story): string {
  const standing = there.map((object) => `there stands ${keyText(keyOf(object))}, made by somebody else`);
  return `\n${[...standing, ...events.map(sentence)].map((line, i) => `${i + 1}. ${line}`).join("\n")}\n`;
}

function sentence(event: LawEvent): string {
  if (isByHand(event)) return byHand(event);
  switch (event.kind) {
    case "tenant":
      return applied(`RelayTenant ${event.namespace}/shop`, event.spec);
    case "domain":
      return applied(`SendingDomain ${event.namespace}/${event.name}`, event.spec);
    case "dns":
      return `the DNS shows ${event.shown.join(", ") || "nothing"}${event.lie === "None" ? "" : `, and lies: ${event.lie}`}`;
    case "wait":
      return event.time < 0 ? `the clock jumps ${-event.time / 1000} s back` : `${event.time / 1000} s pass`;
    case "offer":
      return `the Secret ${event.namespace}/old-key holds: ${event.key}`;
    default:
      return event satisfies never;
  }
}

type ByHand = Extract<LawEvent, { kind: "login" | "revoke" | "lose" | "alter" }>;

function isByHand(event: LawEvent): event is ByHand {
  return ["login", "revoke", "lose", "alter"].includes(event.kind);
}

/** What somebody does to Secrets, and to the keys in them. */
function byHand(event: ByHand): string {
  switch (event.kind) {
    case "revoke":
      return `somebody revokes key ${event.which} of ${event.namespace}/shop (modulo their count)`;
    case "login":
      return `the Secret ${event.namespace}/upstream holds the login: ${event.login}`;
    case "lose":
    case "alter":
      return `somebody ${event.kind === "lose" ? "deletes" : "alters"} object ${event.which} of ours (modulo their count)`;
    default:
      return event satisfies never;
  }
}

function applied(what: string, spec: object | undefined): string {
  return spec === undefined ? `${what} is deleted` : `${what} is applied: ${flow(spec)}`;
}

/** A spec as one line of YAML, near enough. */
function flow(spec: object): string {
  return JSON.stringify(spec)
    .replaceAll('"', "")
    .replaceAll(/[:,](?=\S)/g, "$& ");
}
