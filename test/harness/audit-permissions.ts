/** What Roles grant to a ServiceAccount, held against what the API server's audit log says it did. */
import type { AuditEvent } from "./audit-log.ts";
import type { Rendered } from "./chart.ts";

/** One verb on one resource. */
interface Permission {
  readonly verb: string;
  /** With its subresource and group: `relaytenants/status.posthouse.dev`, `secrets`. */
  readonly resource: string;
  /** Undefined: in all namespaces. */
  readonly namespace: string | undefined;
  /** Empty: of every name. */
  readonly names: readonly string[];
}

export interface Comparison {
  /** Granted, and never used: `delete configmaps in team-shop`. */
  readonly unused: readonly string[];
  /** Asked for, and not granted. */
  readonly denied: readonly string[];
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface Binding extends Rendered {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[];
}

/** Compares what `account` (`namespace/name`) may do by the roles and bindings among `objects` with what it did. Both lists are sorted. */
export function comparePermissions(
  objects: readonly Rendered[],
  account: string,
  events: readonly AuditEvent[],
): Comparison {
  const username = `system:serviceaccount:${account.replace("/", ":")}`;
  const own = events.filter(({ user, objectRef }) => user.username === username && objectRef?.resource !== undefined);
  const done = own.filter(({ responseStatus }) => responseStatus?.code !== 403);
  const refused = own.filter(({ responseStatus }) => responseStatus?.code === 403);
  const unused = grantedTo(objects, account).filter((permission) => !done.some((event) => isUse(permission, event)));
  return { unused: sortedTexts(unused.map(textOf)), denied: sortedTexts(refused.map(textOfEvent)) };
}

function grantedTo(objects: readonly Rendered[], account: string): readonly Permission[] {
  const bindings = objects.filter(
    (object): object is Binding =>
      object.kind.endsWith("RoleBinding") &&
      (object as Binding).subjects?.some(
        ({ kind, name, namespace }) => kind === "ServiceAccount" && `${namespace}/${name}` === account,
      ) === true,
  );
  return bindings.flatMap(({ kind, metadata, roleRef }) => {
    const role = objects.find(
      (object) =>
        object.kind === roleRef.kind &&
        object.metadata.name === roleRef.name &&
        (roleRef.kind === "ClusterRole" || object.metadata.namespace === metadata.namespace),
    );
    if (role === undefined) throw new Error(`${kind} ${metadata.name} names a ${roleRef.kind} that is not there`);
    const where = kind === "ClusterRoleBinding" ? undefined : (metadata.namespace ?? "");
    return (role["rules"] as readonly Rule[]).flatMap((rule) => permissionsOf(rule, where));
  });
}

function permissionsOf(rule: Rule, namespace: string | undefined): readonly Permission[] {
  const { apiGroups, resources, verbs, resourceNames: names = [] } = rule;
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.map((verb) => ({ verb, resource: group === "" ? resource : `${resource}.${group}`, names, namespace })),
    ),
  );
}

function resourceOf({ objectRef }: AuditEvent): string {
  const { resource = "", subresource, apiGroup } = objectRef ?? {};
  const whole = subresource === undefined ? resource : `${resource}/${subresource}`;
  return apiGroup === undefined || apiGroup === "" ? whole : `${whole}.${apiGroup}`;
}

function isUse({ verb, resource, namespace, names }: Permission, event: AuditEvent): boolean {
  const { objectRef } = event;
  return (
    event.verb === verb &&
    resourceOf(event) === resource &&
    (namespace === undefined || namespace === objectRef?.namespace) &&
    (names.length === 0 || names.includes(objectRef?.name ?? ""))
  );
}

function textOf({ verb, resource, namespace, names }: Permission): string {
  const which = names.length === 0 ? "" : ` ${names.join(", ")}`;
  return `${verb} ${resource}${which} in ${namespace ?? "all namespaces"}`;
}

function textOfEvent(event: AuditEvent): string {
  const { name, namespace } = event.objectRef ?? {};
  return `${event.verb} ${resourceOf(event)}${name === undefined ? "" : ` ${name}`} in ${namespace ?? "all namespaces"}`;
}

function sortedTexts(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].toSorted();
}
