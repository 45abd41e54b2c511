/** Writes what is generated from the fleet file's schema: its reference and its JSON schema. */
import { writeFileSync } from "node:fs";
import { fleetJsonSchema, fleetReference } from "./fleet-reference.ts";

const folder = new URL("../docs/reference/", import.meta.url);
writeFileSync(new URL("fleet.md", folder), fleetReference());
writeFileSync(new URL("fleet.schema.json", folder), fleetJsonSchema());
