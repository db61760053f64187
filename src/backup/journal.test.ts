import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import type { Clock } from "../clock.ts";
import { createJournal } from "./journal.ts";

const clock: Clock = {
  now: () => Date.parse("2026-01-02T03:04:05Z"),
  monotonic: () => 0,
  sleep: () => Promise.resolve(),
};

it("files warnings and errors by namespace, cluster and run, in Velero's words", () => {
  const journal = createJournal(clock, "holdfast/b");

  journal.warn("odd", { namespace: "a", resource: "pods", name: "p" });
  journal.error("bad", { namespace: "", resource: "nodes", error: new Error("https://user:secret@host/x?token=1") });
  journal.error("worse", { resource: "namespaces" });

  expect([journal.warnings, journal.errors]).toEqual([1, 2]);
  expect(journal.results()).toEqual({
    warnings: { namespaces: { a: [" resource: /pods name: /p message: /odd"] } },
    errors: {
      cluster: [" resource: /nodes message: /bad error: /https://host/x"],
      velero: [" resource: /namespaces message: /worse"],
    },
  });
});

it("writes the log as Velero's", async () => {
  const journal = createJournal(clock, "holdfast/b");
  journal.info('said "hello"', { resource: "pods", namespace: "a" });

  const log = gunzipSync(await journal.logFile()).toString();

  expect(log).toBe(
    'time="2026-01-02T03:04:05Z" level=info msg="said \\"hello\\"" backup=holdfast/b resource=pods namespace=a\n',
  );
});
