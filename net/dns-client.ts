import { randomBytes } from "node:crypto";
import type { Clock } from "../runtime/clock.ts";
import { askServer } from "./ask.ts";
import { longestChain, readAnswer, type Chain, type Reading } from "./dns-answer.ts";
import { encodeQuery, octetsOfChance } from "./dns-message.ts";
import { isDomainName, normaliseName } from "./domain-name.ts";
import { endpointText, type Endpoint } from "./endpoint.ts";
import type { Answer, RecordType, Resolver } from "./resolver.ts";

export interface DnsClientOptions {
  /** Recursive resolvers, asked in this order; at least one. */
  readonly servers: readonly Endpoint[];
  /** Milliseconds that one of them may take for one question. */
  readonly timeout: number;
  readonly clock: Clock;
  /** Random octets, from a source that nobody can guess. */
  readonly random?: (size: number) => Uint8Array;
}

/** How many times the list of servers is gone through before a question has failed. */
const rounds = 2;

type Failed = Extract<Answer, { kind: "Failed" }>;

/** A stub resolver: UDP first, TCP when the answer is truncated or looks forged, then the next server. No cache. */
export function dnsClient(options: DnsClientOptions): Resolver {
  return {
    async resolve<T extends RecordType>(name: string, type: T, signal?: AbortSignal): Promise<Answer<T>> {
      let chain: Chain = { seen: [normaliseName(name)], ttl: Number.MAX_SAFE_INTEGER };
      for (let asked = 0; asked <= longestChain; asked++) {
        const target = chain.seen.at(-1) ?? "";
        if (!isDomainName(target)) return { kind: "Failed", reason: "not a domain name" };
        const reading = await askServers(options, { type, chain }, signal);
        if (reading.kind === "Answer") return reading.answer;
        chain = { seen: reading.seen, ttl: reading.ttl };
      }
      return { kind: "Failed", reason: `more than ${longestChain} aliases` };
    },
  };
}

interface Question<T extends RecordType> {
  readonly type: T;
  readonly chain: Chain;
}

/** Goes through the servers until one gives more than a failure. */
async function askServers<T extends RecordType>(
  options: DnsClientOptions,
  question: Question<T>,
  signal?: AbortSignal,
): Promise<Reading<T>> {
  let last: Failed = { kind: "Failed", reason: "no resolver is configured" };
  for (let round = 0; round < rounds; round++) {
    for (const server of options.servers) {
      const reading = await readServer(options, server, question, signal);
      if (reading.kind === "Alias" || reading.answer.kind !== "Failed") return reading;
      last = { kind: "Failed", reason: `${endpointText(server)}: ${reading.answer.reason}` };
      if (signal?.aborted === true) return { kind: "Answer", answer: last };
    }
  }
  return { kind: "Answer", answer: last };
}

async function readServer<T extends RecordType>(
  options: DnsClientOptions,
  server: Endpoint,
  { type, chain }: Question<T>,
  signal?: AbortSignal,
): Promise<Reading<T>> {
  const random = options.random ?? randomBytes;
  const query = encodeQuery(chain.seen.at(-1) ?? "", type, random(octetsOfChance));
  const limits = { clock: options.clock, timeout: options.timeout, ...(signal === undefined ? {} : { signal }) };
  const asked = await askServer(server, query, "UDP", limits);
  return asked.kind === "Failed" ? { kind: "Answer", answer: asked } : readAnswer(asked.packet, type, chain);
}
