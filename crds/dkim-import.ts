import Type from "typebox";
import { label, objectName, rules } from "./dialect.ts";

/** A key that the owner of a domain brings along. */
export const DkimImport = Type.Object(
  {
    selector: Type.String({
      ...label,
      description: "Selector at which the key's record stands today.",
      ...rules({
        rule: "!self.matches('[0-9]{4,6}q[1-4](-[0-9]+)?(-ed)?$')",
        message: "selector looks like one that Posthouse allots, such as s2026q4; those are never imported",
      }),
    }),
    secretRef: Type.Object(
      {
        name: Type.String({
          ...objectName,
          description: "Name of a Secret in this namespace, labelled posthouse.dev/use: dkim-import.",
        }),
      },
      {
        description:
          "Where the private key is, in PEM (PKCS#8 or PKCS#1) under the data key privateKey. It is copied once; the Secret may go then.",
      },
    ),
  },
  {
    description:
      "A key of another provider (RSA of 2048 to 4096 bits, or Ed25519) that signs, once the domain is proven, until a key of Posthouse does. It proves nothing itself.",
  },
);
export type DkimImport = Type.Static<typeof DkimImport>;
