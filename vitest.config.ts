import { defineConfig } from "vitest/config";

/** Unit tests touch no server; every other project runs against real ones, started once by the global setup. */
const realServers = {
  globalSetup: ["test/support/global-setup.ts"],
  // a test of several processes takes 40 s on a busy machine with two cores; one that hangs is seen soon enough
  testTimeout: 240_000,
  hookTimeout: 600_000,
  // of a poll: the second that vitest gives it is over on a busy machine
  expect: { poll: { timeout: 30_000 } },
};

export default defineConfig({
  test: {
    // More than the two cores of the smallest machine we support: tests on servers mostly wait for them.
    maxWorkers: 3,
    projects: [
      { test: { name: "unit", include: ["src/**/*.test.ts", "test/*.test.ts"], testTimeout: 240_000 } },
      { test: { name: "integration", include: ["test/integration/**/*.test.ts"], ...realServers } },
      // A replay may wait until the API server has found out that the port of a deleted Service is free.
      {
        test: {
          name: "conformance",
          include: ["test/conformance/**/*.test.ts"],
          ...realServers,
          testTimeout: 400_000,
        },
      },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], ...realServers } },
      { test: { name: "system", include: ["test/system/**/*.test.ts"], ...realServers } },
    ],
  },
});
