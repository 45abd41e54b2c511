import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import type { AuditEvent } from "./audit-log.ts";
import { comparePermissions, type Comparison } from "./audit-permissions.ts";
import type { Rendered } from "./chart.ts";

/** Objects of a Role or a ClusterRole, bound to the ServiceAccount `post` of `home`. */
function role(rules: string, namespace?: string): readonly Rendered[] {
  const kind = namespace === undefined ? "ClusterRole" : "Role";
  const metadata = `{name: r${namespace === undefined ? "" : `, namespace: ${namespace}`}}`;
  const text = `
kind: ${kind}
metadata: ${metadata}
rules: ${rules}
---
kind: ${kind}Binding
metadata: ${metadata}
roleRef: {kind: ${kind}, name: r}
subjects: [{kind: ServiceAccount, name: post, namespace: home}]
`;
  return parseAllDocuments(text).map((document) => document.toJS() as Rendered);
}

/** A request: `list secrets team-a 200`, `patch relaytenants/status.posthouse.dev team-a/shop 403`. */
function asked(text: string, username = "system:serviceaccount:home:post"): AuditEvent {
  const [verb = "", what = "", where = "", code = ""] = text.split(" ");
  const [, resource = "", subresource, apiGroup] = /^([a-z]+)(?:\/([a-z]+))?(?:\.(.+))?$/.exec(what) ?? [];
  const [namespace, name] = where.split("/");
  const objectRef = {
    resource,
    ...(subresource !== undefined && { subresource }),
    ...(apiGroup !== undefined && { apiGroup }),
    ...(namespace !== "*" && { namespace }),
    ...(name !== undefined && { name }),
  };
  const rest = { auditID: "", stage: "ResponseComplete", requestURI: "", requestReceivedTimestamp: "" };
  return { ...rest, verb, user: { username }, objectRef, responseStatus: { code: Number(code) } };
}

const secrets = "[{apiGroups: [''], resources: [secrets], verbs: [list, watch]}]";
const status = "[{apiGroups: [posthouse.dev], resources: [relaytenants/status], verbs: [patch]}]";
const lease = "[{apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [one], verbs: [update]}]";

describe("permissions beside what was done", () => {
  const cases: readonly [
    what: string,
    objects: readonly Rendered[],
    events: readonly AuditEvent[],
    found: Partial<Comparison>,
  ][] = [
    ["all used", role(secrets), [asked("list secrets * 200"), asked("watch secrets * 200")], {}],
    [
      "one verb never used",
      role(secrets),
      [asked("list secrets * 200")],
      { unused: ["watch secrets in all namespaces"] },
    ],
    [
      "cluster-wide, used in one namespace",
      role(secrets),
      [asked("list secrets team-a 200"), asked("watch secrets team-a 200")],
      {},
    ],
    [
      "in a namespace, used in another by somebody's else grant",
      role(secrets, "team-a"),
      [asked("list secrets team-b 200"), asked("watch secrets team-a 200")],
      { unused: ["list secrets in team-a"] },
    ],
    [
      "used by another account",
      role(secrets),
      [asked("list secrets * 200", "system:serviceaccount:home:other"), asked("watch secrets * 200")],
      { unused: ["list secrets in all namespaces"] },
    ],
    ["a subresource", role(status), [asked("patch relaytenants/status.posthouse.dev team-a/shop 200")], {}],
    [
      "a subresource, of which the whole was used",
      role(status),
      [asked("patch relaytenants.posthouse.dev team-a/shop 200")],
      { unused: ["patch relaytenants/status.posthouse.dev in all namespaces"] },
    ],
    ["a name", role(lease, "home"), [asked("update leases.coordination.k8s.io home/one 200")], {}],
    [
      "a name, of which another was used",
      role(lease, "home"),
      [asked("update leases.coordination.k8s.io home/two 200")],
      { unused: ["update leases.coordination.k8s.io one in home"] },
    ],
    [
      "used in vain, as when an object is gone",
      role(lease, "home"),
      [asked("update leases.coordination.k8s.io home/one 404")],
      {},
    ],
    [
      "denied, which is no use",
      role(lease, "home"),
      [asked("update leases.coordination.k8s.io home/one 403")],
      {
        unused: ["update leases.coordination.k8s.io one in home"],
        denied: ["update leases.coordination.k8s.io one in home"],
      },
    ],
    [
      "denied twice, told once",
      [],
      [asked("list pods * 403"), asked("list pods * 403"), asked("get secrets a/b 403")],
      { denied: ["get secrets b in a", "list pods in all namespaces"] },
    ],
    ["denied to somebody else", [], [asked("list pods * 403", "anna")], {}],
  ];
  test.each(cases)("%s", (_what, objects, events, found) => {
    expect(comparePermissions(objects, "home/post", events)).toEqual({ unused: [], denied: [], ...found });
  });

  test("a binding of a role that is not there is a mistake", () => {
    const [, binding] = role(secrets, "team-a");
    expect(() => comparePermissions(binding ? [binding] : [], "home/post", [])).toThrow(
      /names a Role that is not there/,
    );
  });
});
