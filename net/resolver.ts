/** Record types that Posthouse asks for. */
export type RecordType = "A" | "AAAA" | "MX" | "TXT" | "CNAME" | "NS" | "SOA" | "PTR";

export interface MxRecord {
  readonly preference: number;
  /** Lower case, no trailing dot; "" for a null MX (RFC 7505). */
  readonly exchange: string;
}

/** Values of one answer, of the type that was asked for; a CNAME chain has been followed. */
export interface RecordValues {
  readonly A: string;
  readonly AAAA: string;
  readonly MX: MxRecord;
  /** The character strings of one TXT record, in order, not joined. */
  readonly TXT: readonly string[];
  readonly CNAME: string;
  readonly NS: string;
  /** Lower case, no trailing dot. */
  readonly PTR: string;
  readonly SOA: { readonly primary: string; readonly serial: number; readonly minimum: number };
}

/**
 * What a question got. `NoData` is a name that exists without such a record, `NXDomain` a name that does not exist,
 * `Failed` everything that says nothing of the zone: SERVFAIL, REFUSED, a timeout, an answer that cannot be read.
 */
export type Answer<T extends RecordType = RecordType> =
  | {
      readonly kind: "Records";
      readonly values: readonly RecordValues[T][];
      /** Seconds: the lowest TTL of the chain. */
      readonly ttl: number;
    }
  /** `negativeTtl`, seconds: the SOA minimum or its TTL, whichever is less (RFC 2308); undefined without a SOA. */
  | { readonly kind: "NoData" | "NXDomain"; readonly negativeTtl?: number }
  | { readonly kind: "Failed"; readonly reason: string };

/** Asks the DNS. It never rejects: what goes wrong is a `Failed` answer. */
export interface Resolver {
  resolve<T extends RecordType>(name: string, type: T, signal?: AbortSignal): Promise<Answer<T>>;
}
