import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { createGitRecord, type GitRecord } from "../../src/reconcile/git-record.ts";
import { createLiveObjects, type LiveObjects } from "../../src/reconcile/live-objects.ts";
import { createSources } from "../../src/reconcile/sources.ts";
import type { BareRepository } from "../../tools/testbed/git/bare-repository.ts";
import { useGitRemotes } from "../support/use-git-remotes.ts";
import { useGitServer } from "../support/use-git-server.ts";

const server = useGitServer();
const remotes = useGitRemotes();
const BRANCH = "holdfast/testbed";
const PATH = "policies/holdfast/shop.yaml";

let repository: BareRepository;
let live: LiveObjects;
let record: GitRecord;

beforeEach(async () => {
  const created = await server.createRepository();
  repository = created.repository;
  const installation = { cluster: "testbed", clusterUid: "uid-1", namespace: "holdfast", term: 1 };
  live = createLiveObjects("holdfast");
  const sources = createSources({ flagged: undefined, hasObjects: () => true, onRecord: () => {} });
  sources.setRecordTarget(
    { namespace: "holdfast", name: "main" },
    { remote: await remotes.open({ url: created.url }), branch: BRANCH },
  );
  record = createGitRecord({ live, sources, clock: systemClock, installation });
  live.subscribe(record.note);
});
afterEach(() => server.setFaults());

function putPolicy(name: string, resourceVersion: string): void {
  live.put({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "BackupPolicy",
    metadata: { name, namespace: "holdfast", uid: name, resourceVersion },
    spec: { schedules: [{ name: "daily", cron: "@daily" }], template: {} },
  });
}

async function writeKey(run: string): Promise<void> {
  await record.writeKey({
    key: "a".repeat(64),
    run,
    cluster: "testbed",
    clusterUid: "uid-1",
    namespace: "holdfast",
    name: "undo",
    term: 1,
    claimedAt: "2026-11-20T21:00:00Z",
  });
}

async function text(): Promise<string | undefined> {
  return (await repository.readTree(BRANCH))[PATH];
}

it("undoes a person's edit with the next batch, although a key was pushed on top of it", async () => {
  putPolicy("shop", "1");
  await record.flush();
  const written = await text();
  await repository.commit({ branch: BRANCH, files: { [PATH]: "edited: true\n" } });

  await writeKey("undo-1");
  const edited = await text();
  putPolicy("other", "2");
  await record.flush();

  expect(edited).toBe("edited: true\n");
  expect(await text()).toBe(written);
});

it("puts a new key into a folder of its first digits, and goes on with one that stands in the old place", async () => {
  await writeKey("undo-1");
  const sharded = `keys/aa/${"a".repeat(64)}.json`;
  expect(Object.keys(await repository.readTree(BRANCH))).toContain(sharded);
  const text = await repository.readFile(BRANCH, sharded);
  await repository.commit({ branch: BRANCH, files: { [sharded]: null, [`keys/${"a".repeat(64)}.json`]: text } });

  const known = await record.readKey("a".repeat(64));
  await writeKey("undo-2");

  expect(known?.run).toBe("undo-1");
  expect((await record.readKey("a".repeat(64)))?.run).toBe("undo-1");
  expect(Object.keys(await repository.readTree(BRANCH))).not.toContain(sharded);
});
