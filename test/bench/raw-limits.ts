/** What the machine itself can do, with nothing of Posthouse in the way but the store's own way of writing. */
import { generateKeyPairSync, sign } from "node:crypto";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { openEnvironment } from "../../relay/store/lmdb/environment.ts";
import { createLogger } from "../../runtime/log.ts";
import { startRedis } from "../harness/redis.ts";

/** Each a number per second. */
export interface RawLimits {
  /** RSA-2048 signatures of 4 KiB, in Node's thread pool, on all cores. */
  readonly rsaSignatures: number;
  /** Transactions of one small row, one after the other, each flushed. */
  readonly lmdbCommits: number;
  /** Flushes of a file that grew by 4 KiB each time. */
  readonly growingFlushes: number;
  /** Flushes of 4 KiB that were written over. */
  readonly overwritingFlushes: number;
  /** SETs of 4 KiB on a Redis with `appendfsync always`, 50 on their way at once over one connection. */
  readonly redisSets: number;
}

/** Measures for about five times `seconds`, in a folder that it makes under `folder`. */
export async function measureRawLimits(folder: string, seconds: number): Promise<RawLimits> {
  const place = mkdtempSync(join(folder, "raw-"));
  try {
    return {
      rsaSignatures: await rsaSignatures(seconds),
      lmdbCommits: await lmdbCommits(place, seconds),
      growingFlushes: flushes(join(place, "growing"), seconds, () => null),
      overwritingFlushes: flushes(join(place, "same"), seconds, () => 0),
      redisSets: await redisSets(seconds),
    };
  } finally {
    rmSync(place, { recursive: true });
  }
}

/** RSA-2048 signatures a second, on all cores. */
export async function rsaSignatures(seconds: number): Promise<number> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const data = Buffer.alloc(4096, 97);
  const once = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      sign("sha256", data, privateKey, (error, signature) => (error === null ? resolve(signature) : reject(error)));
    });
  return rate(seconds, 8, once);
}

async function lmdbCommits(place: string, seconds: number): Promise<number> {
  const log = createLogger({ level: "error", destination: process.stderr });
  const environment = await openEnvironment(join(place, "store"), log);
  let value = 0;
  const result = await rate(seconds, 1, () => environment.write((tables) => tables.meta.putSync("bench", value++)));
  await environment.close();
  return result;
}

async function redisSets(seconds: number): Promise<number> {
  const server = await startRedis();
  const client = new Redis(server.port, server.host);
  const body = Buffer.alloc(4096, 97);
  let next = 0;
  try {
    return await rate(seconds, 50, () => client.set(`body:${next++}`, body));
  } finally {
    client.disconnect();
    await server.close();
  }
}

function flushes(file: string, seconds: number, position: () => number | null): number {
  const descriptor = openSync(file, "w");
  const page = Buffer.alloc(4096, 1);
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < seconds * 1000) {
    writeSync(descriptor, page, 0, page.length, position());
    fdatasyncSync(descriptor);
    count += 1;
  }
  closeSync(descriptor);
  return (count / (performance.now() - start)) * 1000;
}

/** Keeps `inFlight` calls going for a while. Returns calls per second. */
async function rate(seconds: number, inFlight: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let count = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() - start < seconds * 1000) {
        await work();
        count += 1;
      }
    }),
  );
  return (count / (performance.now() - start)) * 1000;
}
