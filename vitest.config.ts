import { defineConfig } from "vitest/config";

const exclude = ["node_modules/**", "dist/**", ".cache/**"];

/**
 * Tests of code that leaves nothing behind in its process: their files take turns in processes that have it loaded. Those
 * that take longest are not among them: they must not be the last.
 */
const inTurns = [
  "{contract,crds,net,relay,runtime}/**/*.test.ts",
  "operator/**/!(laws).test.ts",
  "cluster/**/!(faults|kubernetes|shared-strings).test.ts",
  "cli/**/!(store-*).test.ts",
  "test/{bench,soak}/**/*.test.ts",
  "test/harness/**/{audit-permissions,image,needed,readme-commands,rules,service-range,zone-server}.test.ts",
];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 90_000,
    // More than twice the cores of a small machine: what takes long waits for other processes most of the time.
    maxWorkers: 5,
    // Kubernetes is written in Go, and lives for a minute: its garbage is hardly worth collecting, which takes a third of its time.
    env: { GOGC: "off", GOMEMLIMIT: "900MiB" },
    silent: "passed-only",
    projects: [
      // Projects run in the order of their names: what is quick fills the end.
      { extends: true, test: { name: "alone", include: ["**/*.test.ts"], exclude: [...exclude, ...inTurns] } },
      { extends: true, test: { name: "in turns", include: inTurns, exclude, isolate: false } },
    ],
  },
});
