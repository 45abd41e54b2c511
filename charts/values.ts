import Type from "typebox";
import { fleetSchema } from "../cli/fleet.ts";
import { oneOf } from "../crds/dialect.ts";
import { closed, flag, listPassedOn, passedOn, podValues, renderMode, replicas, strings, text } from "./values-pod.ts";
import { relayValues } from "./values-relay.ts";

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
/** The name of an object, where there may be none. */
const objectName = { maxLength: 253, pattern: "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$" };
const named = (description: string): Type.TString => Type.String({ ...objectName, default: "", description });
const namespaceName = { maxLength: 63, pattern: `^(${label})?$` };

const image = closed(
  {
    repository: Type.String({
      pattern: "^[^\\s@]+$",
      default: "posthouse",
      description: "Repository of the image, with its registry.",
    }),
    tag: Type.String({
      pattern: "^(\\w[-\\w.]{0,127})?$",
      default: "",
      description: "Tag; the chart's appVersion when empty.",
    }),
    digest: Type.String({
      pattern: "^([a-z0-9]+:[0-9a-f]{32,})?$",
      default: "",
      description: "Digest like sha256:...; counts before the tag.",
    }),
    pullPolicy: oneOf(["IfNotPresent", "Always", "Never"], {
      default: "IfNotPresent",
      description: "When it is pulled.",
    }),
  },
  "The image of operator and relay.",
);

const redis = closed(
  {
    secretName: named(
      "An existing Secret that holds the address of a Redis. Empty: fleet.store says where the store is.",
    ),
    urlKey: text("Its key with the address, such as redis://redis.example.net:6379, without a password.", "url"),
    passwordKey: text("Its key with the password; none when empty."),
  },
  "The Redis that relay pods share.",
);

const tls = closed(
  {
    secretName: named("An existing Secret of type kubernetes.io/tls. A renewed one is used without a restart."),
    certManager: closed(
      {
        enabled: flag("Ask cert-manager for the certificate.", false),
        issuerRef: closed(
          {
            name: text("Name of the issuer."),
            kind: text("Issuer or ClusterIssuer.", "ClusterIssuer"),
            group: text("API group of the issuer.", "cert-manager.io"),
          },
          "Who issues it.",
        ),
        dnsNames: Type.Array(Type.String(), {
          default: [],
          description: "Names that it is for; when empty the fleet's hostname and the name of the Service.",
        }),
        spec: passedOn("Further fields of the Certificate's spec, such as duration and privateKey."),
      },
      "A certificate by cert-manager.",
    ),
  },
  "Certificate of the listeners. Without one each relay pod makes a self-signed certificate for itself, which no client can verify: for trying out only.",
);

const peers = (description: string): Type.TSchema => listPassedOn(description);
const ports = (value: readonly number[], description: string): Type.TSchema =>
  Type.Array(Type.Integer({ minimum: 1, maximum: 65535 }), { default: [...value], description });

const networkPolicy = closed(
  {
    enabled: flag("Make NetworkPolicies for both components.", false),
    submission: peers("Who may submit mail, as NetworkPolicy peers; everybody when empty."),
    monitoring: peers("Who may read /metrics, as NetworkPolicy peers; nobody but the operator when empty."),
    apiServerPorts: ports([443, 6443], "Ports of the API server."),
    mailPorts: ports([25, 465, 587, 2465, 2525, 2587], "Ports of servers that relays deliver to."),
    redisPorts: ports([6379, 26379], "Ports of Redis and its Sentinels."),
    extraEgress: listPassedOn("Further egress rules of both components."),
  },
  "What may connect where. Mail goes to every address: receivers are anywhere.",
);

const metrics = closed(
  {
    serviceMonitor: closed(
      {
        enabled: flag("Make a ServiceMonitor for each component.", false),
        renderMode: renderMode("ServiceMonitor"),
        labels: strings("Labels that your Prometheus looks for."),
        interval: text("How often metrics are read.", "30s"),
        scrapeTimeout: text("How long that may take; Prometheus decides when empty."),
        relabelings: listPassedOn("Relabelings of targets."),
        metricRelabelings: listPassedOn("Relabelings of metrics."),
      },
      "Scraping by the Prometheus operator.",
    ),
    prometheusRule: closed(
      {
        enabled: flag("Make a PrometheusRule with alerts.", false),
        renderMode: renderMode("PrometheusRule"),
        labels: strings("Labels that your Prometheus looks for."),
        alertLabels: strings("Further labels of each alert."),
        disabled: Type.Array(Type.String(), { default: [], description: "Names of alerts to leave out." }),
        extraRules: listPassedOn("Further rules of the group."),
      },
      "Alerts by the Prometheus operator.",
    ),
    dashboard: closed(
      {
        enabled: flag("Make a ConfigMap with a dashboard for Grafana.", false),
        namespace: text("Namespace of the ConfigMap; the release's when empty."),
        labels: Type.Unsafe<unknown>({
          type: "object",
          additionalProperties: { type: "string" },
          default: { grafana_dashboard: "1" },
          description: "Labels by which Grafana's sidecar finds it.",
        }),
        annotations: strings("Annotations, such as the folder in Grafana."),
      },
      "A dashboard for Grafana.",
    ),
  },
  "What Prometheus and Grafana get. Every pod serves /metrics on the port of `fleet.admin`.",
);

const rbac = closed(
  {
    create: flag("Make Roles, ClusterRoles and their bindings for operator and relay.", true),
    tokenReviews: flag(
      "Let relays check the operator's token, by the one ClusterRole that they have. Without it credits used are not reported in statuses.",
      true,
    ),
    userRoles: flag(
      "Make the ClusterRoles posthouse-view, posthouse-tenant and posthouse-platform for people; the first two join view and edit.",
      true,
    ),
  },
  "Permissions.",
);

const crds = closed(
  {
    enabled: flag("Install the CustomResourceDefinitions, and upgrade them with the chart.", true),
    keep: flag("Keep them, and with them every custom resource, when the release is uninstalled.", true),
    annotations: strings("Further annotations of the CustomResourceDefinitions."),
  },
  "The CustomResourceDefinitions RelayTenant and SendingDomain.",
);

const fleet = Type.Unsafe<unknown>({
  ...fleetSchema,
  default: {},
  title: undefined,
  description:
    "The fleet file, field by field as docs/reference/fleet.md has it: hostname, listeners, plans, dns, limits, delivery and so on. " +
    "What is not said here the chart fills in: hostname is the name of the Service inside the cluster, listeners are 587, 465 and 2525, " +
    "store is the volume, limits.drainDelay is 5s, tls and admin are as the pods have them. Add {name: smtp, port: 25} to listeners to submit on port 25 too.",
});

/** The values of the chart: what values.yaml, its JSON schema and the table of the README are made from. */
export const chartValues = closed(
  {
    nameOverride: Type.String({
      maxLength: 63,
      pattern: "^([A-Za-z0-9]([-\\w.]*[A-Za-z0-9])?)?$",
      default: "",
      description: "Instead of the chart's name in labels.",
    }),
    fullnameOverride: Type.String({
      maxLength: 46,
      pattern: "^([a-z]([-a-z0-9]*[a-z0-9])?)?$",
      default: "",
      description: "Instead of the release's name as the beginning of the names of all objects.",
    }),
    commonLabels: strings("Labels of all objects."),
    commonAnnotations: strings("Annotations of all objects."),
    image,
    imagePullSecrets: listPassedOn("Secrets for pulling the image, such as {name: registry}."),
    fleet,
    redis,
    tls,
    tenantNamespaces: Type.Array(Type.String({ ...namespaceName, minLength: 1 }), {
      default: [],
      uniqueItems: true,
      description:
        "Namespaces with RelayTenants and SendingDomains; they must exist. The operator gets a Role in each and no ClusterRole. Empty: all namespaces.",
    }),
    contractNamespace: Type.String({
      ...namespaceName,
      default: "",
      description:
        "Namespace for private keys and contracts; it must exist. Empty: the release's. In one of their own nobody who may read the release reads them.",
    }),
    bindAddress: text(
      "Address that pods listen on; every one of the pod when empty. 0.0.0.0 where the kernel has no IPv6. $(POD_IP) is the pod's own.",
    ),
    logLevel: oneOf(["debug", "info", "warn", "error"], { default: "info", description: "Least severe level logged." }),
    crds,
    rbac,
    admissionPolicy: closed(
      {
        enabled: flag(
          "Make the ValidatingAdmissionPolicy that lets spec.allowance change only for those who may update relaytenants/allowance.",
          true,
        ),
      },
      "Who may raise an allowance.",
    ),
    operator: closed(
      {
        replicas: replicas("Number of pods; one works, the others stand by."),
        ...podValues("operator", { requests: { cpu: "100m", memory: "192Mi" }, limits: { memory: "768Mi" } }),
      },
      "The operator: makes keys, credentials and contracts, and checks DNS.",
    ),
    relay: relayValues,
    networkPolicy,
    metrics,
    extraObjects: listPassedOn("Further objects to be made with the release; templates in them are rendered."),
  },
  "Values of the Posthouse chart.",
);
