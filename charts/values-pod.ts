import Type from "typebox";
import { oneOf } from "../crds/dialect.ts";

/** An object that Kubernetes knows and the chart passes on as it is. */
export function passedOn(description: string, value: object = {}): Type.TSchema {
  return Type.Unsafe<unknown>({ type: "object", default: value, description });
}

/** A list of objects that the chart passes on as they are. */
export function listPassedOn(description: string): Type.TSchema {
  return Type.Unsafe<unknown>({ type: "array", items: { type: "object" }, default: [], description });
}

/** A map of strings, as labels and annotations are. */
export function strings(description: string): Type.TSchema {
  return Type.Unsafe<unknown>({ type: "object", additionalProperties: { type: "string" }, default: {}, description });
}

export function text(description: string, value = ""): Type.TString {
  return Type.String({ default: value, description });
}

export function flag(description: string, value: boolean): Type.TBoolean {
  return Type.Boolean({ default: value, description });
}

/** An object that has no fields but these. */
export function closed(properties: Type.TProperties, description: string): Type.TObject {
  return Type.Object(properties, { additionalProperties: false, description });
}

const budget = closed(
  {
    enabled: flag("Make a PodDisruptionBudget.", false),
    minAvailable: Type.Unsafe<unknown>({
      type: ["integer", "string", "null"],
      default: null,
      description: "Pods that must stay, as a number or like 50%; excludes maxUnavailable.",
    }),
    maxUnavailable: Type.Unsafe<unknown>({
      type: ["integer", "string"],
      default: 1,
      description: "Pods that may be away while a node is drained; minAvailable counts before it.",
    }),
  },
  "What a drained node may take away at once.",
);

const serviceAccount = (component: string): Type.TObject =>
  closed(
    {
      create: flag("Make a ServiceAccount.", true),
      name: text(`Name of the ServiceAccount; <release>-${component} when empty.`),
      annotations: strings("Annotations of the ServiceAccount."),
    },
    "Who the pods are for the API server.",
  );

/** Restricted pod security is the default of both components. */
const security = {
  podSecurityContext: passedOn(
    "Security context of the pods. On OpenShift set runAsUser, runAsGroup and fsGroup to null.",
    {
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      fsGroup: 1000,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
  ),
  securityContext: passedOn("Security context of the container.", {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    readOnlyRootFilesystem: true,
  }),
};

/** Probes by the admin port. */
function probes(startSeconds: number): Type.TProperties {
  return {
    livenessProbe: passedOn("Timing of the liveness probe, GET /healthz.", {
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    }),
    readinessProbe: passedOn("Timing of the readiness probe, GET /readyz.", {
      periodSeconds: 5,
      timeoutSeconds: 5,
      failureThreshold: 2,
    }),
    startupProbe: passedOn("Timing of the startup probe, GET /healthz: how long a start may take.", {
      periodSeconds: 2,
      timeoutSeconds: 5,
      failureThreshold: startSeconds / 2,
    }),
  };
}

/** The values that the operator's pods and the relay's have in common. */
export function podValues(component: "operator" | "relay", resources: object): Type.TProperties {
  return {
    resources: passedOn("Processor time and memory.", resources),
    podDisruptionBudget: budget,
    serviceAccount: serviceAccount(component),
    ...security,
    ...probes(120),
    labels: strings("Further labels of the workload."),
    annotations: strings("Annotations of the workload."),
    podLabels: strings("Further labels of the pods."),
    podAnnotations: strings("Annotations of the pods."),
    nodeSelector: strings("Labels of the nodes that the pods may run on."),
    tolerations: listPassedOn("Taints that the pods put up with."),
    affinity: passedOn("Affinity of the pods."),
    topologySpreadConstraints: listPassedOn(
      "How pods are spread; over nodes as well as can be when empty. A constraint without labelSelector gets that of these pods.",
    ),
    priorityClassName: text("Priority class of the pods."),
    extraArgs: Type.Array(Type.String(), { default: [], description: "Further arguments of the command." }),
    extraEnv: listPassedOn("Further environment variables."),
    extraVolumes: listPassedOn("Further volumes, such as a certification authority that the fleet file names."),
    extraVolumeMounts: listPassedOn("Where they are mounted."),
  };
}

/** How many pods; null leaves the number to somebody else, such as a scaler of your own. */
export function replicas(description: string): Type.TSchema {
  return Type.Unsafe<unknown>({ type: ["integer", "null"], minimum: 0, default: 1, description });
}

/** Rendered only where the kind is known to the API server, or always, for renderings without one. */
export function renderMode(kind: string): Type.TSchema {
  return oneOf(["SkipIfMissing", "Always"], {
    default: "SkipIfMissing",
    description: `SkipIfMissing: nothing where the API server does not know ${kind}. Always: also in a rendering that asks no API server.`,
  });
}
