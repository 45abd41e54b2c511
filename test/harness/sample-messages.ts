import { readdirSync, readFileSync } from "node:fs";

/** A message to try a signature on. */
export interface SampleMessage {
  readonly name: string;
  /** With CRLF at line ends, unsigned, From `shop.example`. */
  readonly content: Buffer;
}

/** The messages of test/fixtures/messages/: one for each thing that signers and verifiers got wrong somewhere. */
export function fixtureMessages(): readonly SampleMessage[] {
  const folder = new URL("../fixtures/messages/", import.meta.url);
  return readdirSync(folder)
    .filter((file) => file.endsWith(".eml"))
    .toSorted()
    .map((file) => ({ name: file.slice(0, -4), content: readFileSync(new URL(file, folder)) }));
}

/** A body of about a megabyte: prose with ragged white space, base64, and blank lines at its end. */
export function largeMessage(): SampleMessage {
  const prose = "Lorem  ipsum dolor sit amet,\tconsectetur adipiscing elit, sed do eiusmod \t tempor  \r\n";
  const base64 = `${Buffer.alloc(57, 0x5a).toString("base64")}\r\n`;
  const body = `${prose.repeat(6000)}\r\n${base64.repeat(7000)}\r\n \r\n\r\n`;
  return { name: "large", content: Buffer.from(`From: orders@shop.example\r\nSubject: large\r\n\r\n${body}`) };
}

/** `count` messages, the same in every run, put together of awkward pieces by a small generator. */
export function generatedMessages(count: number): readonly SampleMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const pick = picker(index + 1);
    const header = Array.from({ length: 2 + pick(12) }, () => field(pick));
    header.splice(pick(header.length), 0, "From: orders@shop.example");
    const body = Array.from({ length: pick(30) }, () => pieces(pick, words, 9) + lineEnds[pick(lineEnds.length)]);
    const content = Buffer.from(`${header.join("\r\n")}\r\n\r\n${body.join("")}`, "latin1");
    return { name: `generated-${String(index).padStart(3, "0")}`, content };
  });
}

const names = [
  ..."To Cc Subject Date Reply-To Message-ID List-Unsubscribe List-Unsubscribe-Post Feedback-ID".split(" "),
  ..."MIME-Version Content-Type Content-Transfer-Encoding Content-ID References List-Id Sender".split(" "),
  ..."X-Own Received subject TO content-type Return-Path".split(" "),
];
const folds = ["", "", "", "\r\n ", "\r\n\t", "\r\n  \t "];
const words = [" ", "  ", "\t", " \t ", "a", "word", "=3D", ".", ":", ";", "\u00c3\u00a4", "\u00a0", "x".repeat(76)];
const lineEnds = ["\r\n", "\r\n", "\r\n", " \r\n", "\t\r\n", "\r\n\r\n", "\r\n \r\n", ""];

/** Chance with a memory: numbers below a bound, in an order that the seed settles (a linear congruential generator). */
function picker(seed: number): (bound: number) => number {
  let state = BigInt(seed);
  return (bound) => {
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) % 2n ** 64n;
    return Number((state >> 33n) % BigInt(bound));
  };
}

function pieces(pick: (bound: number) => number, of: readonly string[], most: number): string {
  return Array.from({ length: pick(most) }, () => of[pick(of.length)]).join("");
}

/** A field, perhaps folded; a fold is always followed by text, as no line of a header may be empty. */
function field(pick: (bound: number) => number): string {
  const name = names[pick(names.length)];
  const parts = Array.from({ length: 1 + pick(3) }, () => `${folds[pick(folds.length)]}${pieces(pick, words, 5)}v`);
  return `${name}:${parts.join("")}`;
}
