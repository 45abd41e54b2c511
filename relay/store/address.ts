/** Where a store is, as the fleet file says in `store`. */
export type StoreAddress =
  /** `file:PATH`: the embedded engine in a folder. */
  | { readonly kind: "File"; readonly path: string }
  /** `redis://[user@]host[:port][/database]`, or `rediss://` for TLS. */
  | ({ readonly kind: "Redis"; readonly host: string; readonly port: number } & RedisLogin)
  /** `redis+sentinel://[user@]host[:port],.../name[/database]`, or `rediss+sentinel://` for TLS to Sentinels and servers. */
  | ({
      readonly kind: "Sentinel";
      readonly sentinels: readonly { readonly host: string; readonly port: number }[];
      /** The primary's name, as the Sentinels know it. */
      readonly name: string;
    } & RedisLogin);

interface RedisLogin {
  readonly tls: boolean;
  readonly user?: string;
  readonly database: number;
}

const redisPort = 6379;
const sentinelPort = 26_379;

/** Thrown with what is wrong in a store address. Never holds the address: somebody may have put a password into it. */
export class StoreAddressError extends Error {
  override readonly name = "StoreAddressError";
}

/** Reads the text of `store`. Throws {@link StoreAddressError}. */
export function parseStoreAddress(text: string): StoreAddress {
  const [, scheme = "", rest = ""] = /^([a-z+]+):(.*)$/s.exec(text) ?? [];
  switch (scheme) {
    case "file": {
      const path = rest.replace(/^\/\/(?=\/)/, "");
      if (path === "") throw new StoreAddressError("names no folder; write it like file:./data/store");
      return { kind: "File", path };
    }
    case "redis":
    case "rediss":
      return parseRedis(rest, scheme === "rediss");
    case "redis+sentinel":
    case "rediss+sentinel":
      return parseSentinel(rest, scheme === "rediss+sentinel");
    default:
      throw new StoreAddressError(
        "is none of file:PATH, redis://HOST, rediss://HOST, redis+sentinel://HOST,HOST/NAME and rediss+sentinel://HOST,HOST/NAME",
      );
  }
}

function parseRedis(rest: string, tls: boolean): StoreAddress {
  const { hosts, path, user } = split(rest);
  const [host, ...others] = hosts.map((item) => parseHost(item, redisPort));
  if (host === undefined || others.length > 0)
    throw new StoreAddressError("names more than one server; Sentinels are written redis+sentinel://HOST,HOST/NAME");
  const [database = "", ...more] = path;
  return { kind: "Redis", ...host, tls, ...user, database: databaseOf(database, more) };
}

function parseSentinel(rest: string, tls: boolean): StoreAddress {
  const { hosts, path, user } = split(rest);
  const [name = "", database = "", ...more] = path;
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(name))
    throw new StoreAddressError("does not name the primary as the Sentinels know it: redis+sentinel://HOST,HOST/NAME");
  const sentinels = hosts.map((item) => parseHost(item, sentinelPort));
  return { kind: "Sentinel", sentinels, name, tls, ...user, database: databaseOf(database, more) };
}

function split(rest: string): {
  readonly hosts: readonly string[];
  readonly path: readonly string[];
  readonly user: { readonly user?: string };
} {
  if (!rest.startsWith("//")) throw new StoreAddressError("names no host");
  const [authority = "", ...path] = rest.slice(2).split("/");
  const at = authority.lastIndexOf("@");
  const user = authority.slice(0, Math.max(at, 0));
  if (user.includes(":") || /[?#]/.test(rest))
    throw new StoreAddressError(
      "holds a password or options: the password comes from redis.passwordFile or the environment variable POSTHOUSE_REDIS_PASSWORD",
    );
  if (at >= 0 && !/^[A-Za-z0-9._-]{1,128}$/.test(user)) throw new StoreAddressError("has a bad user name");
  return { hosts: authority.slice(at + 1).split(","), path, user: user === "" ? {} : { user } };
}

function parseHost(text: string, defaultPort: number): { readonly host: string; readonly port: number } {
  const [, bracketed, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? name;
  const number = port === undefined ? defaultPort : Number(port);
  if (host === undefined || number < 1 || number > 65_535)
    throw new StoreAddressError("has a host that is none: write it like redis.example.net:6379 or [2001:db8::1]:6379");
  return { host, port: number };
}

function databaseOf(text: string, more: readonly string[]): number {
  if (more.length > 0 || !/^\d{0,3}$/.test(text)) throw new StoreAddressError("ends in what is no database number");
  return Number(text);
}

/** The address for people: without the user. */
export function describeStoreAddress(address: StoreAddress): string {
  if (address.kind === "File") return address.path;
  if (address.kind === "Redis") return `Redis at ${address.host}:${address.port}`;
  return `Redis ${address.name} of the Sentinels ${address.sentinels.map(({ host, port }) => `${host}:${port}`).join(", ")}`;
}
