import type { ConnectionOptions } from "node:tls";

/** Where the API server is, and with what to go there. */
export interface Access {
  /** URL of the server, without a slash at the end. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Pick<ConnectionOptions, "ca" | "cert" | "key" | "passphrase" | "rejectUnauthorized" | "servername">;
  readonly proxy?: string;
  /** Another one where connections made with the one before must not be used. */
  readonly fingerprint: string;
}
