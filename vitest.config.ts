import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    exclude: ["node_modules/**", "dist/**", ".cache/**"],
    testTimeout: 60_000,
    hookTimeout: 90_000,
    maxWorkers: 2,
    silent: "passed-only",
  },
});
