import { defineConfig } from "vitest/config";

/** Unit tests touch no server; every other project runs against real ones, started once by the global setup. */
const realServers = {
  globalSetup: ["test/support/global-setup.ts"],
  testTimeout: 120_000,
  hookTimeout: 600_000,
};

export default defineConfig({
  test: {
    // More than the two cores of the smallest machine we support: tests on servers mostly wait for them.
    maxWorkers: 3,
    projects: [
      { test: { name: "unit", include: ["src/**/*.test.ts", "test/*.test.ts"], testTimeout: 240_000 } },
      { test: { name: "integration", include: ["test/integration/**/*.test.ts"], ...realServers } },
      // Twice more where a scenario fails, from an empty state: the API server frees the port of a deleted Service when
      // its repair loop comes round, and which of two objects takes the last place of a quota is a race, since we write
      // side by side. A real difference fails every time.
      { test: { name: "conformance", include: ["test/conformance/**/*.test.ts"], retry: 2, ...realServers } },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], ...realServers } },
      { test: { name: "system", include: ["test/system/**/*.test.ts"], ...realServers } },
    ],
  },
});
