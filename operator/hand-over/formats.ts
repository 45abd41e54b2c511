import { json } from "./json.ts";
import { octodns } from "./octodns.ts";
import type { HandOver } from "./record-text.ts";
import { terraform } from "./terraform.ts";
import { text } from "./text.ts";
import { zoneFile } from "./zone-file.ts";

/** The forms in which records are handed over, with the file that each is in the ConfigMap. */
export const formats = {
  text: { file: "records.txt", write: text },
  bind: { file: "records.zone", write: zoneFile },
  terraform: { file: "records.tf", write: terraform },
  json: { file: "records.json", write: json },
  octodns: { file: "octodns.yaml", write: octodns },
} as const satisfies Readonly<Record<string, Format>>;

interface Format {
  readonly file: string;
  readonly write: (handOver: HandOver) => string;
}

export type FormatName = keyof typeof formats;

/** Every form, by file name. */
export function handOverFiles(handOver: HandOver): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.values(formats).map(({ file, write }) => [file, write(handOver)]));
}
