/** Writes what is generated from tables of the code: the fleet file's reference and JSON schema, and the guide to every reason. */
import { writeFileSync } from "node:fs";
import { fleetJsonSchema, fleetReference } from "./fleet-reference.ts";
import { troubleshootingGuide } from "./troubleshooting.ts";

const docs = new URL("../docs/", import.meta.url);
writeFileSync(new URL("reference/fleet.md", docs), fleetReference());
writeFileSync(new URL("reference/fleet.schema.json", docs), fleetJsonSchema());
writeFileSync(new URL("guides/troubleshooting.md", docs), troubleshootingGuide());
