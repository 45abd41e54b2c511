import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { isJsonObject } from "./json-value.ts";
import type { StructuralSchema } from "./structural-schema.ts";

/** The kinds of custom resources. */
export type CustomKind = "RelayTenant" | "SendingDomain";

const files: Readonly<Record<CustomKind, string>> = {
  RelayTenant: "relaytenants.posthouse.dev.yaml",
  SendingDomain: "sendingdomains.posthouse.dev.yaml",
};

/** Every kind of custom resource. */
export const customKinds = ["RelayTenant", "SendingDomain"] as const satisfies readonly CustomKind[];

/**
 * The text of the committed CRD of a kind. The one place that knows where the files are: `generated/` beside this
 * file, in the sources as in a build.
 */
export function committedText(kind: CustomKind): string {
  return readFileSync(new URL(`./generated/${files[kind]}`, import.meta.url), "utf8");
}

/** The schema of whole objects of a kind, from the committed CRD. Throws if that is not what `npm run generate` writes. */
export function committedSchema(kind: CustomKind): StructuralSchema {
  let at: unknown = parse(committedText(kind));
  for (const key of ["spec", "versions", 0, "schema", "openAPIV3Schema"]) {
    at = Array.isArray(at) ? at[Number(key)] : isJsonObject(at) ? at[key] : undefined;
  }
  if (!isJsonObject(at)) throw new Error(`the CRD of ${kind} has no schema; run npm run generate`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- generated from this type, held by structural.test.ts
  return at as unknown as StructuralSchema;
}
