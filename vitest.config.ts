import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    exclude: ["node_modules/**", "dist/**", ".cache/**"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    silent: "passed-only",
  },
});
