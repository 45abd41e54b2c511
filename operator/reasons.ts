/** A reconciliation that cannot go on: `Stalled` until the user acts, `Waiting` until something else happens. */
export interface Problem {
  readonly kind: "Stalled" | "Waiting";
  readonly reason: Reason;
  /** What is wrong and what to do, in sentences for the user. */
  readonly message: string;
}

/** A reason as the guide tells it: `npm run generate` writes docs/guides/troubleshooting.md from the table. */
export interface ReasonEntry {
  readonly kind: Problem["kind"];
  /** What it means: what was found, and what goes on or does not meanwhile. */
  readonly means: string;
  /** What to do; the message of the condition ends in it. */
  readonly remedy: string;
  /** A command that shows more or does it. Capitals stand for what the reader fills in. */
  readonly command: string;
}

/** Every reason for Stalled and Waiting, with what the user can do about it. */
export const reasons = {
  UnknownPlan: {
    kind: "Stalled",
    means: "The fleet has no plan of the name in `spec.allowance.plan`. Mail of the tenant is refused.",
    remedy: "Set spec.allowance.plan to a plan of the fleet file, or add the plan there.",
    command: "kubectl -n NAMESPACE get relaytenant NAME -o jsonpath='{.spec.allowance.plan}'",
  },
  PlanNotAllowed: {
    kind: "Stalled",
    means: "The fleet does not let tenants of this namespace use the plan. Mail of the tenant is refused.",
    remedy: "Choose another plan, or have the namespace added to the plan's `namespaces` in the fleet file.",
    command: "kubectl -n NAMESPACE get relaytenant NAME -o jsonpath='{.spec.allowance.plan}'",
  },
  CreditsOverPlan: {
    kind: "Stalled",
    means: "Credits and top-ups together are more than the plan's cap. Mail of the tenant is refused.",
    remedy: "Lower spec.allowance, or choose a plan with a higher cap.",
    command: "kubectl -n NAMESPACE get relaytenant NAME -o jsonpath='{.spec.allowance}'",
  },
  RateOverPlan: {
    kind: "Stalled",
    means:
      "The rate of an environment is above what the plan gives the whole tenant. Mail goes on, at the plan's rate.",
    remedy: "Lower the environment's rate, or choose a plan with a higher one.",
    command: "kubectl -n NAMESPACE get relaytenant NAME -o jsonpath='{.spec.environments[*].rate}'",
  },
  OwnDomainsNotAllowed: {
    kind: "Stalled",
    means:
      "The plan of the tenant does not let it send as domains of its own. Mail from the domain is refused, and the claim takes no hold; keys, records and a hold from before are kept.",
    remedy: "Choose a plan with own domains for the RelayTenant, or send as the name in its status.sending.domain.",
    command: "kubectl -n NAMESPACE get relaytenant NAME -o jsonpath='{.spec.allowance.plan} {.status.sending.domain}'",
  },
  NoSharedDomain: {
    kind: "Stalled",
    means:
      "The plan does not let the tenant send as domains of its own, and the fleet file has no `sharedDomain` that it could send below. Mail of the tenant is refused.",
    remedy:
      "Choose a plan with own domains, or have the platform team set sharedDomain (domain and namespace) in the fleet file and claim that domain with a SendingDomain there.",
    command: "kubectl -n NAMESPACE get relaytenant NAME -o jsonpath='{.spec.allowance.plan}'",
  },
  SharedNameTooLong: {
    kind: "Stalled",
    means:
      "The name that the tenant would have below the fleet's shared domain is longer than DNS allows: 63 characters between two dots, 253 in all. Mail of the tenant is refused.",
    remedy: "Give the RelayTenant a shorter name, or choose a plan with own domains.",
    command: "kubectl -n NAMESPACE get relaytenants",
  },
  TopUpTimeInvalid: {
    kind: "Stalled",
    means: "The expiresAt of a top-up is not a time. Mail is accepted; that top-up counts for nothing.",
    remedy: "Write expiresAt as RFC 3339, such as 2026-12-01T00:00:00Z. The top-up counts as expired until then.",
    command: "kubectl -n NAMESPACE get relaytenant NAME -o jsonpath='{.spec.allowance.topUps}'",
  },
  SecretNotOwned: {
    kind: "Stalled",
    means:
      "A Secret of the name that a credential wants stands there and is not Posthouse's. It is left alone; that credential is not issued, the others are.",
    remedy:
      "Posthouse never changes a Secret that it did not make: choose another secretName, or delete that Secret if nothing needs it.",
    command: "kubectl -n NAMESPACE get secret SECRET --show-labels",
  },
  ConfigMapNotOwned: {
    kind: "Stalled",
    means:
      "A ConfigMap of the name that the records are handed over in stands there and is not Posthouse's. It is left alone; keys, checks and mail go on, and the status holds the records.",
    remedy:
      "Posthouse never changes a ConfigMap that it did not make: rename or delete that one, or read the records with posthouse dns.",
    command: "kubectl -n NAMESPACE get configmap NAME-dns --show-labels",
  },
  SecretNameShared: {
    kind: "Stalled",
    means: "Two credentials of the tenant name one Secret. The second of them is not issued.",
    remedy: "Give each credential a secretName of its own; the first by environment and name keeps it.",
    command: "kubectl -n NAMESPACE get relaytenant NAME -o jsonpath='{.spec.environments[*].credentials}'",
  },
  RotateAnnotationInvalid: {
    kind: "Stalled",
    means:
      "A part of the annotation posthouse.dev/rotate cannot be read, or names no credential of the spec: that key was not rotated. The other parts are carried out, and mail goes on.",
    remedy:
      "Write it as <environment>/<credential>=<token>, several separated by commas; a token is any word that was not used before.",
    command:
      "kubectl -n NAMESPACE annotate relaytenant NAME --overwrite posthouse.dev/rotate=ENVIRONMENT/CREDENTIAL=TOKEN",
  },
  DomainTaken: {
    kind: "Stalled",
    means:
      "The record of this claim was seen, but another SendingDomain proved the domain before and holds it. This one signs nothing.",
    remedy: "A domain has one holder in a fleet. Ask the platform team if it should be moved here.",
    command: "kubectl get sendingdomains --all-namespaces",
  },
  DomainTooLong: {
    kind: "Stalled",
    means: "The name of the DKIM record would be longer than DNS allows, so the domain can never be proven.",
    remedy: "Delete the SendingDomain: a name in DNS has at most 253 characters (RFC 1035), the selector's included.",
    command: "kubectl -n NAMESPACE delete sendingdomain NAME",
  },
  OverlapTooShort: {
    kind: "Stalled",
    means:
      "The overlap in `spec.dkim.rotation` is shorter than the longest time that mail is tried and 48 h. The shortest safe overlap holds instead; mail is signed as ever.",
    remedy: "Raise spec.dkim.rotation.overlap.",
    command: "kubectl -n NAMESPACE get sendingdomain NAME -o jsonpath='{.spec.dkim.rotation}'",
  },
  SelectorUnknown: {
    kind: "Stalled",
    means:
      "The list `spec.dkim.revokedSelectors` names a selector of which this SendingDomain has no key: nothing was revoked by it.",
    remedy: "Correct spec.dkim.revokedSelectors; status.dkim.keys lists the selectors.",
    command: "kubectl -n NAMESPACE get sendingdomain NAME -o jsonpath='{.status.dkim.keys[*].selector}'",
  },
  TooManyKeys: {
    kind: "Stalled",
    means:
      "A rotation is due, and so many keys of the domain are still needed that no further one fits into the report. The current keys go on signing.",
    remedy:
      "Wait until older keys are done with, or rotate more seldom, or shorten spec.dkim.rotation.overlap or retention.",
    command: "kubectl -n NAMESPACE get sendingdomain NAME -o jsonpath='{.status.dkim.keys}'",
  },
  ContractUnreadable: {
    kind: "Stalled",
    means: "The Secret that holds the domain is damaged. Nobody can tell whose it is, so nobody changes it.",
    remedy: "Ask the platform team to restore it from a backup, or to delete it so that the domain is proven anew.",
    command: "kubectl -n posthouse-system get secret -l posthouse.dev/contract=domain",
  },
  ContractNotOwned: {
    kind: "Stalled",
    means:
      "A Secret of the name that the tenant's contract has stands in the contract namespace and is not Posthouse's. It is left alone, and mail of the tenant is refused.",
    remedy: "Ask the platform team to find out who made that Secret, and to rename or delete it.",
    command: "kubectl -n posthouse-system get secrets -l '!app.kubernetes.io/managed-by'",
  },
  ContractTooLarge: {
    kind: "Stalled",
    means:
      "The tenant's credentials, their old keys, allowed sources and domains are together more than one Secret holds. Mail of the tenant is refused; what was accepted before is delivered.",
    remedy: "Ask for fewer credentials, allowedSources or domains, or make a second RelayTenant for a part of them.",
    command: "kubectl -n NAMESPACE get relaytenant NAME -o jsonpath='{.spec.environments}'",
  },
  HistoryUnreadable: {
    kind: "Stalled",
    means:
      "The ConfigMap with the history of the claim's keys is damaged. Keys are neither made nor changed meanwhile; one whose record is lost or that is revoked stops signing, and none takes its place.",
    remedy: "Ask the platform team to restore it from a backup, or to delete it so that it is rebuilt from the keys.",
    command: "kubectl -n posthouse-system get configmap -l posthouse.dev/record=key-history",
  },
  ImportKeyUnusable: {
    kind: "Stalled",
    means:
      "The Secret of `spec.dkim.import` holds no private key that can sign: RSA of 2048 to 4096 bits or Ed25519, in PEM (PKCS#8 or PKCS#1), without a passphrase, under the data key privateKey. Nothing is imported; Posthouse's own keys go on.",
    remedy: "Put the right key into the Secret, or remove spec.dkim.import.",
    command:
      "kubectl -n NAMESPACE get secret SECRET -o jsonpath='{.data.privateKey}' | base64 -d | openssl pkey -noout -text_pub",
  },
  ImportKeyChanged: {
    kind: "Stalled",
    means:
      "The Secret of `spec.dkim.import` holds another key than the one that was imported at this selector. The first one goes on; the other is not used.",
    remedy:
      "A selector stands for one key: put the first key back, or import the other at a selector of its own, or remove spec.dkim.import.",
    command: "kubectl -n NAMESPACE get sendingdomain NAME -o jsonpath='{.status.dkim.keys}'",
  },
  ImportSelectorTaken: {
    kind: "Stalled",
    means: "The selector in `spec.dkim.import` belongs to another key of this SendingDomain. Nothing is imported.",
    remedy:
      "A selector stands for one key: import the key at the selector at which its record stands, or remove spec.dkim.import.",
    command: "kubectl -n NAMESPACE get sendingdomain NAME -o jsonpath='{.status.dkim.keys[*].selector}'",
  },
  DNSAutomationNotAllowed: {
    kind: "Stalled",
    means:
      "The spec asks that records be published through ExternalDNS (`spec.dns.publish`), and the fleet file grants the domain to no such namespace. Nothing is published; what was published while there was a grant stays as it is and is not kept up. Keys, checks and mail go on.",
    remedy:
      "Set spec.dns.publish to Report and publish the records by hand, or have the platform team grant the zone to the namespace in dnsAutomation of the fleet file. Whoever withdrew the grant for good deletes the DNSEndpoint; it is not made again.",
    command: "kubectl -n NAMESPACE get sendingdomain NAME -o jsonpath='{.spec.domain} {.spec.dns.publish}'",
  },
  DNSEndpointNotOwned: {
    kind: "Stalled",
    means:
      "A DNSEndpoint of the name that the records are published by stands there and is not Posthouse's. It is left alone; keys, checks and mail go on.",
    remedy: "Posthouse never changes a DNSEndpoint that it did not make: rename or delete that one.",
    command: "kubectl -n NAMESPACE get dnsendpoint NAME-dns --show-labels",
  },
  ExternalDNSNotFound: {
    kind: "Waiting",
    means:
      "The spec asks that records be published through ExternalDNS, and the cluster does not know the kind DNSEndpoint. Nothing is published until it does; keys, checks and mail go on.",
    remedy:
      "Install ExternalDNS with its CRD (source `crd`, managed record type TXT), or set spec.dns.publish to Report.",
    command: "kubectl get crd dnsendpoints.externaldns.k8s.io",
  },
  TenantNotFound: {
    kind: "Waiting",
    means: "The SendingDomain names a RelayTenant that is not in its namespace.",
    remedy: "Create the RelayTenant; the keys and the DNS records are ready meanwhile.",
    command: "kubectl -n NAMESPACE get relaytenants",
  },
  SecretNotFound: {
    kind: "Waiting",
    means: "The spec refers to a Secret that is not in the namespace. What needs it waits; the rest goes on.",
    remedy: "Create the Secret, with its label posthouse.dev/use, or correct the reference.",
    command: "kubectl -n NAMESPACE get secrets --show-labels",
  },
  SecretNotOffered: {
    kind: "Waiting",
    means:
      "The Secret that the spec refers to does not say that Posthouse may read it for this use. Whoever may write a custom resource must not thereby read Secrets, so it is not looked into. What needs it waits; the rest goes on.",
    remedy: "Label the Secret if it is meant, or correct the reference.",
    command: "kubectl -n NAMESPACE label secret SECRET posthouse.dev/use=USE",
  },
  SmarthostSecretInvalid: {
    kind: "Stalled",
    means:
      "The Secret that a smarthost refers to is offered, but holds no user name and password that could be sent. Mail through that smarthost waits; the rest goes on.",
    remedy: "Give the Secret the keys username and password; mind line breaks at the end of a value.",
    command:
      "kubectl -n NAMESPACE create secret generic SECRET --type=kubernetes.io/basic-auth --from-literal=username=USERNAME --from-file=password=FILE --dry-run=client -o yaml | kubectl apply -f -",
  },
  SmarthostCopyNotOwned: {
    kind: "Stalled",
    means:
      "Posthouse hands the credentials for a smarthost to the relays in a Secret of the contract namespace, and something else stands at its name. It is left alone; mail through that smarthost waits.",
    remedy: "Ask the platform team to find out who made that Secret, and to delete it.",
    command: "kubectl -n posthouse-system get secret SECRET --show-labels",
  },
} as const satisfies Readonly<Record<string, ReasonEntry>>;

export type Reason = keyof typeof reasons;

/** A problem whose message says what was found, then what to do. */
export function problem(reason: Reason, found: string): Problem {
  const { kind, remedy } = reasons[reason];
  return { kind, reason, message: `${found} ${remedy}` };
}
