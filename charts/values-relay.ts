import Type from "typebox";
import { oneOf } from "../crds/dialect.ts";
import { closed, flag, listPassedOn, passedOn, podValues, replicas, strings, text } from "./values-pod.ts";

const service = closed(
  {
    type: oneOf(["ClusterIP", "NodePort", "LoadBalancer"], {
      default: "ClusterIP",
      description: "ClusterIP for clients inside, LoadBalancer for others.",
    }),
    externalTrafficPolicy: oneOf(["Local", "Cluster"], {
      default: "Local",
      description:
        "With NodePort and LoadBalancer. Local keeps the client's address, which allowedSources and rates by address need.",
    }),
    internalTrafficPolicy: oneOf(["Cluster", "Local"], {
      default: "Cluster",
      description: "Local: clients inside reach the pods of their node only.",
    }),
    loadBalancerClass: text("Class of the load balancer."),
    loadBalancerIP: text("Address that is asked for, where the load balancer still reads it here."),
    loadBalancerSourceRanges: Type.Array(Type.String(), {
      default: [],
      description: "Networks that may connect; everybody when empty.",
    }),
    clusterIP: text("Address inside; one is chosen when empty."),
    ipFamilyPolicy: text("SingleStack, PreferDualStack or RequireDualStack."),
    labels: strings("Further labels of the Service."),
    annotations: strings("Annotations of the Service, such as those that a load balancer reads."),
  },
  "The Service that clients submit to. Its ports are the listeners of the fleet.",
);

const autoscaling = closed(
  {
    enabled: flag("Make a HorizontalPodAutoscaler; needs Redis.", false),
    minReplicas: Type.Integer({ minimum: 1, default: 2, description: "Least number of pods." }),
    maxReplicas: Type.Integer({ minimum: 1, default: 10, description: "Largest number of pods." }),
    targetCPUUtilizationPercentage: Type.Unsafe<unknown>({
      type: ["integer", "null"],
      minimum: 1,
      default: 70,
      description: "Processor time that is aimed at, of what is requested; null for none, with metrics of your own.",
    }),
    metrics: listPassedOn("Further metrics of the autoscaler."),
    behavior: passedOn("How fast it scales.", { scaleDown: { stabilizationWindowSeconds: 300 } }),
  },
  "Number of pods by load. `replicas` is left out then.",
);

const persistence = closed(
  {
    size: text("Size of the volume. Mail that waits lies there.", "8Gi"),
    storageClass: text(
      "Storage class; the cluster's default when empty. No network file system: the store refuses it.",
    ),
    accessModes: Type.Array(Type.String(), { default: ["ReadWriteOnce"], description: "Access modes." }),
    labels: strings("Labels of the claim."),
    annotations: strings("Annotations of the claim."),
  },
  "The volume of the embedded store. It stays when the release is uninstalled.",
);

/** The values under `relay`. */
export const relayValues = closed(
  {
    replicas: replicas(
      "Number of pods: exactly 1 with the embedded store. null leaves it to a scaler of your own, with Redis.",
    ),
    autoscaling,
    service,
    persistence,
    strategy: passedOn("Update strategy of the Deployment, with Redis.", {
      type: "RollingUpdate",
      rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
    }),
    stopSeconds: Type.Unsafe<unknown>({
      type: ["integer", "null"],
      minimum: 1,
      default: null,
      description:
        "terminationGracePeriodSeconds; when null the fleet's limits.drainDelay, limits.stopTimeout and ten seconds together.",
    }),
    lowPorts: flag(
      "Let the pods listen on ports below 1024 without being root, by a sysctl that restricted pod security allows.",
      true,
    ),
    ...podValues("relay", { requests: { cpu: "200m", memory: "384Mi" }, limits: { memory: "1Gi" } }),
  },
  "The relay: takes mail, signs and delivers it. A StatefulSet of one pod with a volume, or with Redis a Deployment.",
);
