import { Resolver } from "node:dns/promises";
import { authenticate } from "mailauth";

/** What a receiver finds out about a message, by mailauth to the letter of the RFCs. */
export interface MxVerdict {
  /** One for each signature, from the top. */
  readonly dkim: readonly {
    readonly domain: string;
    readonly selector: string;
    /** Such as `rsa-sha256`. */
    readonly algorithm: string;
    /** Such as `pass`, `fail` or `neutral`. */
    readonly result: string;
    /** The signing domain is aligned with that of From. */
    readonly aligned: boolean;
  }[];
  /** Such as `pass`, `softfail` or `none`. */
  readonly spf: string;
  /** Such as `pass`, `fail` or `none`. */
  readonly dmarc: string;
}

/** A message as it came in. */
export interface Received {
  readonly content: Buffer;
  /** The client's address. */
  readonly ip: string;
  readonly helo: string;
  readonly sender: string;
}

/** Verifies as the receiver `mta` would, with what the DNS server at `address:port` says. */
export function createVerifier(mta: string, server: string): (received: Received) => Promise<MxVerdict> {
  const dns = new Resolver({ timeout: 2000, tries: 2 });
  dns.setServers([server]);
  return async ({ content, ...client }) => {
    const found = await authenticate(content, {
      ...client,
      mta,
      strict: true,
      disableArc: true,
      disableBimi: true,
      resolver: (name, type) => dns.resolve(name, type) as Promise<string[][]>,
    });
    return {
      dkim: found.dkim.results.map((result) => ({
        domain: result.signingDomain ?? "",
        selector: result.selector ?? "",
        algorithm: result.algo ?? "",
        result: result.status.result,
        aligned: typeof result.status.aligned === "string",
      })),
      spf: found.spf === false ? "none" : found.spf.status.result,
      dmarc: found.dmarc === false ? "none" : found.dmarc.status.result,
    };
  };
}
