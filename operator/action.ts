import type { ConfigMapObject, DnsEndpointObject, ObjectKey, SecretObject } from "../cluster/object.ts";
import type { KeyAlgorithm } from "../contract/key-secret.ts";
import type { ClaimIdentity, CredentialIdentity } from "../contract/names.ts";
import type { KeyCopy } from "./sending-domain/imports.ts";

/** Where applications submit mail, as credential Secrets tell them. */
export interface Submission {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte instead of STARTTLS. */
  readonly implicitTls: boolean;
  /** PEM of the certificates to trust; absent when the public ones do. */
  readonly certificates?: string;
}

/** A credential's place, and the Secret in the tenant's namespace that applications read it from. */
export interface CredentialTarget {
  readonly credential: CredentialIdentity;
  readonly secretName: string;
}

/** Credentials to copy: the Secret `from.secret` beside a RelayTenant, and where to. */
export interface SmarthostCopy {
  /** The contract namespace. */
  readonly namespace: string;
  /** The name that the plan has seen their fingerprint in. */
  readonly name: string;
  readonly from: { readonly namespace: string; readonly tenant: string; readonly secret: string };
}

/** What a plan may ask for. `applyAction` is the one place that carries it out. */
export type Action =
  /** Makes a DKIM key pair and creates its immutable Secret, never replacing one. */
  | {
      readonly kind: "createKey";
      readonly namespace: string;
      readonly claim: ClaimIdentity;
      readonly selector: string;
      readonly algorithm: KeyAlgorithm;
    }
  /** Copies a private key that a Secret offers into a key Secret of ours, never replacing one. */
  | {
      readonly kind: "importKey";
      readonly namespace: string;
      readonly claim: ClaimIdentity;
      readonly copy: KeyCopy;
    }
  /** Creates an object, never replacing one: who finds it taken reads it. */
  | { readonly kind: "create"; readonly object: SecretObject | ConfigMapObject }
  /** Makes an object so; with a resourceVersion only if it is still that version. */
  | { readonly kind: "apply"; readonly object: SecretObject | ConfigMapObject }
  /** Hands records to ExternalDNS: creates the object, or makes it so. */
  | { readonly kind: "publish"; readonly object: DnsEndpointObject }
  /** Issues an API key: its record first, then the application Secret (`replaces`: the version it overwrites, else it must not exist). */
  | {
      readonly kind: "issueCredential";
      readonly namespace: string;
      readonly target: CredentialTarget;
      readonly serial: number;
      readonly replaces?: string;
      /** The token of posthouse.dev/rotate that the key answers, or that was answered last. */
      readonly rotation?: string;
    }
  /** Rewrites an application Secret around the API key that it holds. */
  | { readonly kind: "refreshCredential"; readonly target: CredentialTarget; readonly resourceVersion: string }
  /** Copies the credentials for a smarthost into an immutable Secret of that name, never replacing one. */
  | ({ readonly kind: "copySmarthostSecret" } & SmarthostCopy)
  /** Deletes an object of ours, if it is still this very one and as it was seen. */
  | { readonly kind: "delete"; readonly key: ObjectKey; readonly uid: string; readonly resourceVersion: string };
