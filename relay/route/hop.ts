/**
 * How a connection to a hop is secured. `Never`: plaintext. `IfOffered`: STARTTLS where the hop offers it, its
 * certificate unchecked, plaintext when the handshake fails. `Required`: STARTTLS, or the hop is not used. `Implicit`: TLS from the
 * first octet. `verify` asks for a certificate that is valid for the hop's name.
 *
 * A direct route never verifies: an MX name comes out of insecure DNS, so a certificate for it proves nothing.
 */
export type HopTls =
  | { readonly start: "Never" | "IfOffered"; readonly verify: false }
  | { readonly start: "Required" | "Implicit"; readonly verify: boolean };

/** One server to try: an address that the guard let pass, under the name that its certificate is held against. */
export interface Hop {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly tls: HopTls;
  /**
   * The Secret with the credentials to log in with: by reference, whoever opens a session looks them up. It is of one tenant,
   * and a session of one is never used for another. `tls.verify` is true then.
   */
  readonly login?: string;
}
