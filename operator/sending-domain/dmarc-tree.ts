import type { LookUp } from "./look-up.ts";
import { parseTagList } from "./tag-list.ts";
import { joinedRecords, type ConclusiveAnswer } from "./verdict.ts";

/** Labels that a walk starts from at most, below the domain itself: so no walk asks more than eight times (RFC 9989 §4.10). */
const mostLabels = 7;

/** The tags of a DMARC record, and the domain at whose `_dmarc` it stands. */
export interface DmarcRecord {
  readonly domain: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** The policy that receivers apply to a domain without a record of its own. */
export interface InheritedPolicy {
  readonly record: DmarcRecord;
  /** The tag that it comes from. */
  readonly tag: "p" | "sp" | "np";
  /** As it stands, in lower case; `none` where the tag is missing. */
  readonly word: string;
}

/** Where the DMARC record of a domain stands. */
export function dmarcName(domain: string): string {
  return `_dmarc.${domain}`;
}

/** DMARC records among TXT records: those that begin with the version (RFC 9989 §4.7). */
export function dmarcTexts(answer: ConclusiveAnswer): readonly string[] {
  return joinedRecords(answer).filter((text) => /^\s*v\s*=\s*DMARC1\s*(;|$)/.test(text));
}

/** The domains that a tree walk asks about, in its order: the domain, then its parents of at most seven labels. */
export function walkedDomains(domain: string): readonly string[] {
  const labels = domain.split(".");
  const parents = labels.map((_, at) => labels.slice(at)).slice(1);
  return [domain, ...parents.filter(({ length }) => length <= mostLabels).map((parts) => parts.join("."))];
}

interface Walk {
  readonly found: readonly DmarcRecord[];
  /** A name could not be asked for, so that this may not be all. */
  readonly unclear: boolean;
}

/** Every record on the way up, until one says what its domain is (`psd=y` or `psd=n`). Several at one name count as none. */
function walkTree(domain: string, lookUp: LookUp): Walk {
  const found: DmarcRecord[] = [];
  let unclear = false;
  for (const each of walkedDomains(domain)) {
    const answer = lookUp(dmarcName(each), "TXT");
    if (answer?.kind === "Failed") unclear = true;
    const tags = answer === undefined || answer.kind === "Failed" ? undefined : soleRecord(answer);
    if (tags === undefined) continue;
    found.push({ domain: each, tags });
    if (/^[yn]$/i.test(tags.get("psd") ?? "")) break;
  }
  return { found, unclear };
}

function soleRecord(answer: ConclusiveAnswer): ReadonlyMap<string, string> | undefined {
  const [text, second] = dmarcTexts(answer);
  return text === undefined || second !== undefined ? undefined : parseTagList(text);
}

/** The organisational domain (RFC 9989 §4.10.2); the domain itself where nothing says otherwise. */
export function organisationalDomain(domain: string, lookUp: LookUp): string {
  const { found } = walkTree(domain, lookUp);
  const last = found.at(-1);
  if (last === undefined) return domain;
  const psd = last.tags.get("psd")?.toLowerCase();
  return psd === "y" && last.domain !== domain ? childOf(last.domain, domain) : last.domain;
}

/** The name one label below `parent` on the way to `domain`. */
function childOf(parent: string, domain: string): string {
  const [label = ""] = domain
    .slice(0, -parent.length - 1)
    .split(".")
    .toReversed();
  return `${label}.${parent}`;
}

/**
 * The policy that a domain without a record of its own inherits (RFC 9989 §4.10.1): of its organisational domain, else of
 * the public suffix above. `exists`: whether the domain is there at all, else `np` counts. A record that names neither a
 * known policy nor an address for reports is passed over.
 */
export function inheritedPolicy(domain: string, exists: boolean, lookUp: LookUp): InheritedPolicy | "None" | "Unclear" {
  const { found, unclear } = walkTree(domain, lookUp);
  if (unclear) return "Unclear";
  const organisation = organisationalDomain(domain, lookUp);
  const record = found.find((each) => each.domain === organisation) ?? found.find(({ tags }) => isPublicSuffix(tags));
  if (record === undefined || record.domain === domain) return "None";
  const tag =
    (exists ? (["sp", "p"] as const) : (["np", "sp", "p"] as const)).find((each) => record.tags.has(each)) ?? "p";
  const word = appliedWord(record.tags, tag);
  return word === undefined ? "None" : { record, tag, word };
}

function isPublicSuffix(tags: ReadonlyMap<string, string>): boolean {
  return tags.get("psd")?.toLowerCase() === "y";
}

/**
 * What receivers take a tag for (RFC 9989 §4.7): a missing or unknown policy is none where reports are asked for, and no
 * DMARC at all, undefined, where they are not.
 */
export function appliedWord(tags: ReadonlyMap<string, string>, tag: InheritedPolicy["tag"]): string | undefined {
  const word = tags.get(tag)?.toLowerCase();
  if (word === "none" || word === "quarantine" || word === "reject") return word;
  return /(^|,)\s*mailto:[^,]+@/i.test(tags.get("rua") ?? "") ? "none" : undefined;
}
