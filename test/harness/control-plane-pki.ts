/** The certificates of a control plane for tests: an authority that lives as long as the test, and what it signs. */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { generate } from "selfsigned";

export interface Pair {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS#8. */
  readonly key: string;
}

export interface Authority {
  /** PEM of its certificate. */
  readonly ca: string;
  /** A certificate that the API server shows. `names` are DNS names or IPv4 addresses. */
  readonly server: (names: readonly string[]) => Promise<Pair>;
  /** A certificate that makes its holder this user, a member of these groups. */
  readonly client: (user: string, groups: readonly string[]) => Promise<Pair>;
}

const day = 86_400_000;
const common = { keyType: "ec", curve: "P-256", algorithm: "sha256" } as const;

function validity(): { notBeforeDate: Date; notAfterDate: Date } {
  const now = Date.now();
  return { notBeforeDate: new Date(now - day), notAfterDate: new Date(now + 30 * day) };
}

export async function createAuthority(): Promise<Authority> {
  const root = await generate([{ name: "commonName", value: "posthouse test authority" }], {
    ...common,
    ...validity(),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", digitalSignature: true, keyCertSign: true, critical: true },
    ],
  });
  const sign = async (
    attributes: { name: string; value: string }[],
    usage: { serverAuth?: boolean; clientAuth?: boolean },
    names: readonly string[] = [],
  ): Promise<Pair> => {
    const altNames = names.map((name) =>
      /^[0-9.]+$/.test(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name },
    );
    const signed = await generate(attributes, {
      ...common,
      ...validity(),
      ca: { key: root.private, cert: root.cert },
      extensions: [
        { name: "basicConstraints", cA: false, critical: true },
        { name: "keyUsage", digitalSignature: true, critical: true },
        { name: "extKeyUsage", ...usage },
        ...(altNames.length > 0 ? [{ name: "subjectAltName" as const, altNames }] : []),
      ],
    });
    return { cert: signed.cert, key: signed.private };
  };
  return {
    ca: root.cert,
    server: (names) => sign([{ name: "commonName", value: "kube-apiserver" }], { serverAuth: true }, names),
    client: (user, groups) =>
      sign([{ name: "commonName", value: user }, ...groups.map((value) => ({ name: "organizationName", value }))], {
        clientAuth: true,
      }),
  };
}

/** The key pair that signs and verifies ServiceAccount tokens, as PEM. */
export function tokenKeys(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const parsed = createPrivateKey(privateKey);
  return {
    privateKey: parsed.export({ type: "sec1", format: "pem" }),
    publicKey: createPublicKey(parsed).export({ type: "spki", format: "pem" }),
  };
}
