/** An upstream relay on loopback that wants AUTH, over TLS with a certificate of a test authority. */
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { generate } from "selfsigned";
import { SMTPServer } from "smtp-server";
import { replyError } from "./mx-script.ts";

/** A certification authority, and a certificate of it for one host; PEM. */
export interface TestCertificate {
  readonly authority: string;
  readonly key: string;
  readonly cert: string;
}

/** A certificate for `host` by an authority of its own. */
export async function testCertificate(host: string): Promise<TestCertificate> {
  const ec = { keyType: "ec", algorithm: "sha256" } as const;
  const authority = await generate([{ name: "commonName", value: "Test authority" }], {
    ...ec,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
    ],
  });
  const leaf = await generate([{ name: "commonName", value: host }], {
    ...ec,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [{ name: "subjectAltName", altNames: [{ type: 2, value: host }] }],
  });
  return { authority: authority.cert, key: leaf.private, cert: leaf.cert };
}

export interface SmarthostOptions {
  readonly certificate: TestCertificate;
  /** Passwords by user name. */
  readonly accounts: Readonly<Record<string, string>>;
  /** Mechanisms that it offers, PLAIN and LOGIN when absent. */
  readonly methods?: readonly string[];
  /** TLS from the first octet instead of STARTTLS. */
  readonly implicit?: boolean;
  /** 127.0.0.1 when absent. */
  readonly address?: string;
  /** 0, the default, picks a free one. */
  readonly port?: number;
  /** The reply to a wrong password. */
  readonly refusal?: (password: string) => string;
  /** The refusal of every sender; they are accepted when absent. */
  readonly sender?: () => string;
}

/** A message that came over a session, and who had logged in there. */
export interface SmarthostMessage {
  readonly session: string;
  readonly user: string;
  readonly content: string;
}

/** A running smarthost. */
export interface TestSmarthost {
  readonly address: string;
  readonly port: number;
  /** Each AUTH that came, with the password that was sent. */
  readonly logins: {
    readonly session: string;
    readonly method: string;
    readonly user: string;
    readonly password: string;
  }[];
  readonly received: SmarthostMessage[];
  /** Connections so far. */
  readonly connections: number;
  /** Changes what the passwords are. */
  setAccounts(accounts: Readonly<Record<string, string>>): void;
  close(): Promise<void>;
}

/** Starts a smarthost. */
export async function startSmarthost(options: SmarthostOptions): Promise<TestSmarthost> {
  const { certificate, address = "127.0.0.1", refusal = () => "535 5.7.8 no" } = options;
  const logins: TestSmarthost["logins"] = [];
  const received: SmarthostMessage[] = [];
  let { accounts } = options;
  let connections = 0;
  const server = new SMTPServer({
    name: "upstream",
    key: certificate.key,
    cert: certificate.cert,
    secure: options.implicit ?? false,
    authMethods: [...(options.methods ?? ["PLAIN", "LOGIN"])],
    disableReverseLookup: true,
    closeTimeout: 100,
    onConnect(_session, done) {
      connections++;
      done();
    },
    onAuth({ method, ...auth }, session, done) {
      const { username, password } = { username: auth.username ?? "", password: auth.password ?? "" };
      logins.push({ session: session.id, method, user: username, password });
      if (accounts[username] === password) return done(null, { user: username });
      return done(replyError(refusal(password)));
    },
    onMailFrom(_address, _session, done) {
      done(options.sender && replyError(options.sender()));
    },
    onData(stream, session, done) {
      stream.once("end", () => done());
      void buffer(stream).then((content) =>
        received.push({ session: session.id, user: session.user ?? "", content: content.toString() }),
      );
    },
  });
  server.on("error", () => undefined);
  const listener = server.listen(options.port ?? 0, address);
  await once(listener, "listening");
  const bound = listener.address();
  return {
    address,
    port: typeof bound === "object" && bound ? bound.port : 0,
    logins,
    received,
    get connections() {
      return connections;
    },
    setAccounts(next) {
      accounts = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}
