import Type from "typebox";
import { DkimImport } from "./dkim-import.ts";
import { Condition, dateTime, durationForm, listMap, listSet, oneOf, rules } from "./dialect.ts";

const selector = { minLength: 1, maxLength: 63, pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" };

const Rotation = Type.Object(
  {
    schedule: oneOf(["Manual", "Quarterly", "Interval"], {
      default: "Manual",
      description:
        "Manual: new keys when asked for by the annotation posthouse.dev/rotate. Quarterly: once a quarter too, on a day of the claim's own. Interval: each `every` too.",
    }),
    every: Type.Optional(
      Type.String({ ...durationForm, description: "Age at which a key is replaced; seven days (168h) or more." }),
    ),
    overlap: Type.String({
      ...durationForm,
      default: "240h",
      description:
        "How long a replaced key is kept in reserve, its record published: at least the longest that mail is tried and 48h.",
    }),
    retention: Type.String({
      ...durationForm,
      default: "720h",
      description: "How long the record of a key stays published after its private half was deleted; 48h or more.",
    }),
  },
  {
    description: "When DKIM keys are replaced by new ones.",
    default: {},
    ...rules(
      {
        rule: "self.schedule == 'Interval' ? has(self.every) : !has(self.every)",
        message: "every is required with Interval, and forbidden with the others",
      },
      {
        rule: "!has(self.every) || duration(self.every) >= duration('168h')",
        message: "every must be 168h or more",
      },
      { rule: "duration(self.retention) >= duration('48h')", message: "retention must be 48h or more" },
    ),
  },
);

export const SendingDomainSpec = Type.Object(
  {
    domain: Type.String({
      minLength: 3,
      maxLength: 253,
      pattern: "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$",
      description: "The domain in lower-case A-labels, matched exactly: a subdomain needs a SendingDomain of its own.",
      ...rules({
        rule: "self == oldSelf",
        message: "domain is immutable; give another domain a SendingDomain of its own",
      }),
    }),
    tenantRef: Type.Object(
      {
        name: Type.String({
          minLength: 1,
          maxLength: 253,
          pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
          description: "Name of the RelayTenant in this namespace.",
        }),
      },
      {
        description: "The tenant that may send as the domain.",
        ...rules({
          rule: "self == oldSelf",
          message: "tenantRef is immutable; delete the SendingDomain, then make it anew for the other tenant",
        }),
      },
    ),
    deletionPolicy: oneOf(["Retain", "Delete"], {
      default: "Retain",
      description:
        "What becomes of the private keys an hour after the SendingDomain is gone. Retain: made again, it finds them. Delete: they go. Which selectors were used is remembered either way.",
    }),
    dkim: Type.Object(
      {
        algorithms: listSet(oneOf(["RSA2048", "Ed25519"], { description: "A DKIM key algorithm." }), {
          maxItems: 2,
          minItems: 1,
          default: ["RSA2048", "Ed25519"],
          description: "Algorithms to keep a key of; a message carries a signature of each Active key.",
          ...rules({
            rule: "'RSA2048' in self",
            message: "algorithms must contain RSA2048: some receivers fail Ed25519",
          }),
        }),
        selectorPrefix: Type.String({
          minLength: 1,
          maxLength: 20,
          pattern: "^[a-z]([-a-z0-9]*[a-z0-9])?$",
          default: "s",
          description: "First part of each selector; claims that live side by side set different ones.",
        }),
        rotation: Rotation,
        revokedSelectors: listSet(
          Type.String({ ...selector, description: "Selector of a key of this SendingDomain." }),
          {
            maxItems: 16,
            default: [],
            description:
              "Keys that sign no more from now on; their private halves are deleted, and they stay revoked when they are taken off the list. A new key takes the place of an Active one.",
          },
        ),
        import: Type.Optional(DkimImport),
      },
      { description: "DKIM keys (RFC 6376).", default: {} },
    ),
    spf: Type.Object(
      {
        qualifier: oneOf(["Fail", "SoftFail", "Neutral"], {
          default: "SoftFail",
          description: "How the proposed SPF record ends: -all, ~all or ?all.",
        }),
      },
      { description: "SPF (RFC 7208), reported as an include to merge, never as addresses.", default: {} },
    ),
    dmarc: Type.Object(
      {
        policy: oneOf(["None", "Quarantine", "Reject"], {
          default: "None",
          description: "The policy to publish; a stricter record is Valid too.",
        }),
        testing: oneOf(["Enabled", "Disabled"], {
          default: "Disabled",
          description: "Whether the record carries t=y (RFC 9989).",
        }),
        rua: Type.Optional(
          listSet(Type.String({ minLength: 8, maxLength: 320, pattern: "^mailto:[^@,!;\\s]+@[^@,!;\\s]+$" }), {
            maxItems: 8,
            minItems: 1,
            description: "Where aggregate reports go, as mailto URIs.",
          }),
        ),
      },
      { description: "DMARC (RFC 9989).", default: {} },
    ),
    dns: Type.Optional(
      Type.Object(
        {
          publish: oneOf(["Report", "ExternalDNS"], {
            default: "Report",
            description:
              "Report: the records are for people to publish. ExternalDNS: a DNSEndpoint beside the SendingDomain publishes them, where the fleet grants that.",
          }),
        },
        { description: "How records come into DNS.", default: {} },
      ),
    ),
  },
  { description: "What the claim asks for." },
);
export type SendingDomainSpec = Type.Static<typeof SendingDomainSpec>;

const KeyStatus = Type.Object(
  {
    selector: Type.String({ maxLength: 63, description: "DKIM selector." }),
    algorithm: oneOf(["RSA2048", "Ed25519"], {
      description: "Key algorithm; RSA2048 of an imported key stands for RSA of up to 4096 bits.",
    }),
    state: oneOf(["Pending", "Active", "Retiring", "Retired", "Revoked"], {
      description:
        "Pending: not yet visible long enough. Active: signs while its record is visible. Retiring: a newer key signs, this one is in reserve. Retired: the private half is deleted, the record is still needed. Revoked: the record is to say so.",
    }),
    fingerprint: Type.String({
      maxLength: 80,
      description: "SHA-256 of the public key (SubjectPublicKeyInfo), in hex.",
    }),
    origin: Type.Optional(
      oneOf(["Imported"], { description: "Imported: brought along by spec.dkim.import. Absent: made by Posthouse." }),
    ),
    createdAt: dateTime({ description: "When the key was made, or imported." }),
    activatedAt: Type.Optional(dateTime({ description: "When it began to sign." })),
  },
  { description: "A DKIM key." },
);

const RecordStatus = Type.Object(
  {
    purpose: oneOf(["DKIM", "SPF", "DMARC", "DMARCReport"], {
      description:
        "What the record is for. DMARCReport: another domain says that it takes this domain's DMARC reports.",
    }),
    type: oneOf(["TXT"], { description: "DNS record type." }),
    fqdn: Type.String({ maxLength: 255, description: "Absolute owner name, without a trailing dot." }),
    name: Type.String({
      maxLength: 255,
      description: "Owner name relative to the domain, as DNS consoles want it; @ for the domain itself.",
    }),
    value: Type.String({
      maxLength: 4096,
      description: "What to publish, joined; split into strings of 255 octets in zone files.",
    }),
    verdict: oneOf(["Valid", "Missing", "Mismatch", "NeedsMerge", "Unknown"], { description: "What live DNS says." }),
    observed: Type.Optional(Type.String({ maxLength: 4096, description: "What was found instead." })),
    explanation: Type.Optional(
      Type.String({ maxLength: 2048, description: "Why the verdict is not Valid, and what to do, in sentences." }),
    ),
    publishIn: Type.Optional(
      Type.String({
        maxLength: 255,
        description:
          "The domain whose owner publishes the record, and to which name is relative; absent when it is this one.",
      }),
    ),
    verdictSince: dateTime({ description: "When the verdict last changed." }),
  },
  { description: "A DNS record to publish, and what was found." },
);

export const SendingDomainStatus = Type.Object(
  {
    observedGeneration: Type.Integer({
      minimum: -1,
      description: "The generation that this status speaks of; -1 before the first.",
    }),
    conditions: Type.Optional(
      listMap("type", Condition, {
        maxItems: 16,
        description:
          "Ready, KeysReady, OwnershipProven, DKIMVerified, SPFVerified, DMARCVerified, DNSVerified; Reconciling and Stalled when True.",
      }),
    ),
    dkim: Type.Optional(
      Type.Object(
        {
          lastHandledRotation: Type.Optional(
            Type.String({ maxLength: 64, description: "The token of posthouse.dev/rotate that was last acted on." }),
          ),
          keys: listMap("selector", KeyStatus, { maxItems: 16, description: "DKIM keys of the claim." }),
        },
        { description: "DKIM." },
      ),
    ),
    records: Type.Optional(listMap("fqdn", RecordStatus, { maxItems: 32, description: "DNS records to publish." })),
  },
  { description: "What Posthouse made of it.", default: { observedGeneration: -1 } },
);
export type SendingDomainStatus = Type.Static<typeof SendingDomainStatus>;
export type RecordStatus = Type.Static<typeof RecordStatus>;
export type KeyStatus = Type.Static<typeof KeyStatus>;
