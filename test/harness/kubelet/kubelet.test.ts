import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { withControlPlane } from "../with-control-plane.ts";
import { until } from "../until.ts";
import { canRunKubelet } from "./kubelet.ts";
import { holds, newNamespace, patience, scriptContainer, scriptPod, server, type Namespaced } from "./small-pods.ts";
import { withKubelet } from "./with-kubelet.ts";

const limit = 2 * patience;

describe.skipIf(!canRunKubelet)("a kubelet made of processes", () => {
  const controlPlane = withControlPlane();
  const kubelet = withKubelet(controlPlane);
  let space: Namespaced;
  beforeAll(async () => {
    space = await newNamespace(controlPlane());
  }, limit);

  test("gives a container the environment of its spec and nothing else", { timeout: limit }, async () => {
    await space.create("Secret", "given", { stringData: { password: "p" } });
    await space.create("ConfigMap", "given", { data: { one: "1", two: "2" } });
    const env = [
      { name: "PASSWORD", valueFrom: { secretKeyRef: { name: "given", key: "password" } } },
      { name: "ABSENT", valueFrom: { configMapKeyRef: { name: "none", key: "k", optional: true } } },
      { name: "LABEL", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: "MEMORY", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } },
      { name: "TOGETHER", value: "$(MAP_one)$(PASSWORD) $$(PASSWORD) $(UNKNOWN)" },
    ];
    const rest = {
      env,
      envFrom: [{ prefix: "MAP_", configMapRef: { name: "given" } }],
      args: ["$(LABEL)"],
      resources: { limits: { memory: "64Mi" } },
      command: [
        "node",
        "--eval",
        `let compiled = "";
        try { fs.writeFileSync("/app/.compiled/x", "") } catch (error) { compiled = error.code }
        console.log(JSON.stringify({ argv: process.argv.slice(1), env: process.env, host: os.hostname(), pid: process.pid, compiled }))`,
      ],
    };
    await space.create("Pod", "told", {
      spec: scriptPod("", rest, { restartPolicy: "Never", enableServiceLinks: false }),
    });
    const told = JSON.parse(await space.output("told")) as {
      argv: string[];
      env: Record<string, string>;
      host: string;
      pid: number;
      compiled: string;
    };
    const { podIP } = (await space.pod("told"))?.status ?? {};
    const own = Object.entries(told.env).filter(([name]) => !name.startsWith("KUBERNETES_"));
    expect(Object.fromEntries(own)).toEqual({
      HOME: "/home/node",
      HOSTNAME: "told",
      LABEL: "told",
      MAP_one: "1",
      MAP_two: "2",
      MEMORY: "64",
      NODE_COMPILE_CACHE: "/app/.compiled",
      NODE_ENV: "production",
      PASSWORD: "p",
      PATH: expect.stringContaining("/usr/local/bin"),
      POD_IP: podIP,
      TOGETHER: "1p $(PASSWORD) $(UNKNOWN)",
    });
    expect(told.env).toMatchObject({
      KUBERNETES_SERVICE_PORT: "443",
      KUBERNETES_SERVICE_HOST: expect.stringMatching(/^127\./),
    });
    expect(told).toMatchObject({ argv: ["told"], host: "told", pid: 1, compiled: "EROFS" });
  });

  test("lets a container wait for what is not there yet", { timeout: limit }, async () => {
    const env = [{ name: "LATE", valueFrom: { secretKeyRef: { name: "late", key: "word" } } }];
    await space.create("Pod", "patient", {
      spec: scriptPod("console.log(process.env.LATE)", { env }, { restartPolicy: "Never" }),
    });
    const waiting = await space.seen(
      "patient",
      "waits",
      ({ status }) => status.containerStatuses?.[0]?.state.waiting?.reason === "CreateContainerConfigError",
    );
    expect(waiting.status.containerStatuses?.[0]?.state.waiting?.message).toContain('"late"');
    await space.create("Secret", "late", { stringData: { word: "came" } });
    expect(await space.output("patient")).toBe("came\n");
  });

  test("shows volumes, and what changes in them", { timeout: limit }, async () => {
    await space.create("ConfigMap", "changing", { data: { word: "old", other: "x" } });
    await space.create("PersistentVolumeClaim", "kept", {
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
    });
    const script = `
      const show = (path) => { const { mode, gid } = fs.statSync(path); return (mode & 0o777).toString(8) + " " + gid + " " + fs.readFileSync(path, "utf8") };
      const fails = (action) => { try { action(); return "" } catch (error) { return error.code } };
      fs.writeFileSync("/kept/" + process.pid, "");
      console.log([show("/map/word"), fs.readdirSync("/map").filter((name) => !name.startsWith("..")), show("/told/labels"),
        fs.readdirSync("/var/run/secrets/kubernetes.io/serviceaccount").filter((name) => !name.startsWith("..")).join(),
        fails(() => fs.writeFileSync("/etc/x", "")), fails(() => fs.writeFileSync("/map/x", "")), fails(() => fs.writeFileSync("/scratch/x", ""))].join("\\n"));
      setInterval(() => { if (fs.readFileSync("/map/word", "utf8") !== "old") { console.log(show("/map/word")); process.exit(0); } }, 50);`;
    const volumes = [
      { name: "map", configMap: { name: "changing", items: [{ key: "word", path: "word" }], defaultMode: 0o400 } },
      { name: "told", downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
      { name: "scratch", emptyDir: {} },
      { name: "kept", persistentVolumeClaim: { claimName: "kept" } },
    ];
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
    const securityContext = {
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
    };
    await space.create("Pod", "reader", {
      spec: scriptPod(
        script,
        { volumeMounts, securityContext },
        { volumes, restartPolicy: "Never", securityContext: { runAsUser: 1234, fsGroup: 4321, runAsNonRoot: true } },
      ),
    });
    await until(
      "it has read the old one",
      async () => ((await space.kubectl("logs", "reader").catch(() => "")).includes(" old") ? true : undefined),
      patience,
    );
    await space.kubectl("patch", "configmap", "changing", "--patch", '{"data":{"word":"new"}}');
    expect(await space.output("reader")).toBe(
      [
        "440 4321 old",
        "word",
        '644 4321 app="reader"',
        "ca.crt,namespace,token",
        "EROFS",
        "EROFS",
        "",
        "440 4321 new",
        "",
      ].join("\n"),
    );
    const again = scriptPod(
      "console.log(fs.readdirSync('/kept'))",
      { volumeMounts: volumeMounts.slice(3) },
      { volumes: volumes.slice(3), restartPolicy: "Never" },
    );
    await space.create("Pod", "successor", { spec: again });
    expect(await space.output("successor")).toBe("[ '1' ]\n");
  });

  test("gives tokens that the API server knows", { timeout: limit }, async () => {
    const token = { serviceAccountToken: { audience: "someone", expirationSeconds: 600, path: "token" } };
    const volumes = [{ name: "token", projected: { sources: [token] } }];
    const script = `
      const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
      const at = "/var/run/secrets/kubernetes.io/serviceaccount/";
      const read = (path) => fs.readFileSync(path, "utf8");
      https.get({ host, port, path: "/api/v1/namespaces/none/pods", ca: read(at + "ca.crt"), headers: { authorization: "Bearer " + read(at + "token") } }, (answer) => {
        answer.resume();
        console.log(JSON.stringify({ code: answer.statusCode, namespace: read(at + "namespace"), token: read("/token/token") }));
      });`;
    const spec = scriptPod(
      script,
      { volumeMounts: [{ name: "token", mountPath: "/token" }] },
      { volumes, restartPolicy: "Never" },
    );
    await space.create("Pod", "holder", { spec });
    const told = JSON.parse(await space.output("holder")) as { code: number; namespace: string; token: string };
    expect(told).toMatchObject({ code: 403, namespace: space.namespace });
    const { body } = await controlPlane().ask({
      method: "POST",
      path: "/apis/authentication.k8s.io/v1/tokenreviews",
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenReview",
        spec: { token: told.token, audiences: ["someone"] },
      },
    });
    expect(body).toMatchObject({ status: { user: { username: `system:serviceaccount:${space.namespace}:default` } } });
  });

  test("runs init containers first, and tells how a pod ended", { timeout: limit }, async () => {
    const volumes = [{ name: "shared", emptyDir: {} }];
    const volumeMounts = [{ name: "shared", mountPath: "/shared" }];
    const init = scriptContainer("fs.writeFileSync('/shared/word', 'ready')", { name: "init", volumeMounts });
    const script = "console.log(fs.readFileSync('/shared/word', 'utf8')); process.exit(7)";
    await space.create("Pod", "failing", {
      spec: scriptPod(script, { volumeMounts }, { volumes, initContainers: [init], restartPolicy: "Never" }),
    });
    expect(await space.output("failing")).toBe("ready\n");
    const { status } = await space.seen("failing", "failed", (pod) => pod.status.phase === "Failed");
    expect(status.initContainerStatuses?.[0]?.state.terminated).toMatchObject({ exitCode: 0, reason: "Completed" });
    expect(status.containerStatuses?.[0]?.state.terminated).toMatchObject({ exitCode: 7, reason: "Error" });
  });

  test("restarts what crashes, later each time", { timeout: limit }, async () => {
    await space.create("Pod", "crashing", { spec: scriptPod("process.exit(1)") });
    const pod = await space.seen(
      "crashing",
      "backs off again",
      ({ status: { containerStatuses: [main] = [] } }) =>
        (main?.restartCount ?? 0) >= 1 && main?.state.waiting?.reason === "CrashLoopBackOff",
    );
    expect(pod.status.containerStatuses?.[0]?.state.waiting?.message).toContain("back-off");
    expect(pod.status.phase).toBe("Running");
  });

  test("asks probes: readiness opens the Service, liveness restarts", { timeout: limit }, async () => {
    const script = `
      process.on("SIGTERM", () => process.exit(0));
      let ready = false, alive = true;
      http.createServer((request, response) => {
        if (request.url === "/open") ready = true;
        if (request.url === "/die") alive = false;
        response.writeHead((request.url === "/readyz" && !ready) || (request.url === "/healthz" && !alive) ? 500 : 200).end();
      }).listen(8080, process.env.POD_IP);`;
    const container = {
      ports: [{ name: "web", containerPort: 8080 }],
      startupProbe: { tcpSocket: { port: "web" }, periodSeconds: 1, failureThreshold: 60 },
      readinessProbe: webProbe("/readyz"),
      livenessProbe: webProbe("/healthz"),
    };
    await space.create("Service", "probed", {
      spec: { selector: { app: "probed" }, ports: [{ port: 80, targetPort: "web" }] },
    });
    await space.create("Pod", "probed", { spec: scriptPod(script, container) });
    const { status } = await space.seen(
      "probed",
      "runs",
      (pod) => pod.status.containerStatuses?.[0]?.state.running !== undefined,
    );
    const service = `http://${(await space.kubectl("get", "service", "probed", "-o", "jsonpath={.spec.clusterIP}")).trim()}/`;
    const direct = `http://${status.podIP}:8080`;
    await until(
      "it listens",
      () =>
        fetch(direct).then(
          () => true as const,
          () => undefined,
        ),
      patience,
    );
    await expect(fetch(service)).rejects.toThrow("fetch failed");
    await fetch(`${direct}/open`);
    await space.seen("probed", "is ready", (pod) => holds(pod, "Ready"));
    await until(
      "the Service leads to it",
      () =>
        fetch(service).then(
          ({ ok }) => ok || undefined,
          () => undefined,
        ),
      patience,
    );
    await fetch(`${direct}/die`);
    const restarted = await space.seen(
      "probed",
      "restarts",
      (pod) => pod.status.containerStatuses?.[0]?.restartCount === 1,
    );
    expect(holds(restarted, "Ready")).toBe(false);
  });

  test("restarts what does not come up", { timeout: limit }, async () => {
    const script = `process.on("SIGTERM", () => process.exit(3)); setInterval(() => {}, 1000);`;
    const startupProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 5 };
    const container = { startupProbe };
    await space.create("Pod", "silent", { spec: scriptPod(script, container) });
    const { status } = await space.seen(
      "silent",
      "restarts",
      (pod) => (pod.status.containerStatuses?.[0]?.restartCount ?? 0) > 0,
    );
    expect(status.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(3);
    await space.kubectl("delete", "pod", "silent", "--wait=false");
  });

  test("updates a Deployment without a refused connection", { timeout: limit }, async () => {
    await space.create("Service", "web", {
      spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    await space.create("Deployment", "web", webDeployment("old"));
    await space.kubectl("rollout", "status", "deployment/web", "--timeout=80s");
    const service = `http://${(await space.kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")).trim()}/`;
    const ask = async (): Promise<string> => (await fetch(service, { headers: { connection: "close" } })).text();
    await until("the Service leads to it", () => ask().catch(() => undefined), patience);
    const patched = JSON.stringify(webDeployment("new"));
    await space.kubectl("patch", "deployment", "web", "--patch", patched);
    const answers: string[] = [];
    await until(
      "only new pods answer",
      async () => {
        answers.push(await ask());
        return answers.length >= 20 && answers.slice(-20).every((answer) => answer === "new") ? true : undefined;
      },
      patience,
    );
    expect(new Set(answers)).toEqual(new Set(["old", "new"]));
  });

  test("starts a killed container anew, in its pod and its volumes", { timeout: limit }, async () => {
    const script = `
      fs.appendFileSync("/scratch/starts", "x");
      console.log(fs.readFileSync("/scratch/starts", "utf8"));
      setInterval(() => {}, 1000);`;
    const volumes = [{ name: "scratch", emptyDir: {} }];
    const container = { volumeMounts: [{ name: "scratch", mountPath: "/scratch" }] };
    await space.create("Pod", "killed", { spec: scriptPod(script, container, { volumes }) });
    const { status } = await space.seen("killed", "runs", (pod) => holds(pod, "Ready"));
    await until("it has started", async () => (await space.kubectl("logs", "killed")) === "x\n" || undefined, patience);
    await kubelet().signal(space.namespace, "killed", "SIGKILL");
    const again = await space.seen(
      "killed",
      "runs again",
      (pod) => holds(pod, "Ready") && pod.status.containerStatuses?.[0]?.restartCount === 1,
    );
    expect(again.status.podIP).toBe(status.podIP);
    expect(again.status.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(137);
    await until(
      "it has started again",
      async () => (await space.kubectl("logs", "killed")) === "x\nxx\n" || undefined,
      patience,
    );
    await expect(kubelet().signal(space.namespace, "none", "SIGKILL")).rejects.toThrow("no pod");
  });

  test("gives a pod its grace, and no more", { timeout: limit }, async () => {
    const stubborn = `
      process.on("SIGTERM", () => console.log("asked", fs.existsSync("/scratch/hook") ? "after its hook" : ""));
      console.log("up");
      setInterval(() => {}, 1000);`;
    const container = {
      lifecycle: { preStop: { exec: { command: ["touch", "/scratch/hook"] } } },
      volumeMounts: [{ name: "scratch", mountPath: "/scratch" }],
    };
    const rest = { terminationGracePeriodSeconds: 2, volumes: [{ name: "scratch", emptyDir: {} }] };
    await space.create("Pod", "stubborn", { spec: scriptPod(stubborn, container, rest) });
    await until(
      "it is up",
      async () => ((await space.kubectl("logs", "stubborn").catch(() => "")).includes("up") ? true : undefined),
      patience,
    );
    const started = performance.now();
    await space.kubectl("delete", "pod", "stubborn", "--wait=false");
    await until("it is gone", async () => ((await space.pod("stubborn")) ? undefined : true), patience);
    expect(performance.now() - started).toBeGreaterThan(1500);
    const [, said] = (await kubelet().logs()).split("stubborn_main.log");
    expect(said?.split("---")[0]?.trim().split("\n")).toEqual(["up", "asked after its hook"]);
  });

  test("leaves no process behind when it is killed", { timeout: limit }, async () => {
    const child = spawn(
      process.execPath,
      [new URL("kubelet-child.ts", import.meta.url).pathname, controlPlane().kubeconfig, controlPlane().url],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await once(child.stdout, "data");
    const mark = `mark-${space.namespace}`;
    await space.create("Pod", "orphan", {
      spec: { ...scriptPod(`setInterval(() => {}, 1000, "${mark}")`), nodeName: "node-2" },
    });
    const running = (): boolean => processes().some((line) => line.includes(mark));
    await until("it runs", async () => running() || undefined, patience);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    await until("nothing of it runs", async () => !running() || undefined, patience);
    expect(running()).toBe(false);
  });
});

function webProbe(path: string): object {
  return { httpGet: { path, port: "web" }, periodSeconds: 1, failureThreshold: 1 };
}

/** Two pods that answer with `text`, one replaced at a time. */
function webDeployment(text: string): object {
  const pod = scriptPod(server(text), {
    readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 },
    // Longer than the Service takes to hear of it.
    lifecycle: { preStop: { sleep: { seconds: 3 } } },
  });
  return {
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "web" } },
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: { metadata: { labels: { app: "web" } }, spec: pod },
    },
  };
}

/** The command lines of every process. */
function processes(): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    });
}
