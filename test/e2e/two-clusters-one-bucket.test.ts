/** Two installations that share a bucket and its prefix, and ask for a backup of the same name at the same moment. */
import { expect, it } from "vitest";
import type { IncomingCall } from "../../tools/testbed/http/fault.ts";
import type { TestCluster } from "../support/test-cluster.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { type Ended, type Installation, useInstallation } from "./run-fixture.ts";
import { SECRET_REF, useS3Proxy } from "./s3-proxy-fixture.ts";

const east = usePrivateCluster();
const west = usePrivateCluster();
const inEast = useInstallation(east);
const inWest = useInstallation(west);
const s3 = useS3Proxy();
const SIDES = [
  { id: "east", cluster: east, holdfast: inEast },
  { id: "west", cluster: west, holdfast: inWest },
] as const;

/** Both clusters have this location. */
const PLACE = { default: true, s3: { prefix: "shared/by/two", ...SECRET_REF } };

async function declare(cluster: TestCluster, holdfast: Installation): Promise<void> {
  const { namespace } = holdfast;
  const shop = await cluster.createNamespace();
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "prices", namespace: shop } });
  await s3.createSecret(cluster, namespace);
  await holdfast.commit({ "location.yaml": s3.locationYaml({ name: "main", namespace }, PLACE) });
  const spec = { includedNamespaces: [shop] };
  const metadata = { name: "before-upgrade", namespace };
  await cluster.create({ apiVersion: "holdfast.dev/v1alpha1", kind: "Backup", metadata, spec });
}

async function runOnce({ id, holdfast }: (typeof SIDES)[number]): Promise<Ended> {
  const args = ["run", "--repo", holdfast.repository.path, "--once", "--timeout", "60s"];
  return await holdfast.start(args, { env: { HOLDFAST_CLUSTER: id } }).ended;
}

/** Lets nobody put a claim until both are about to; tells how many were. */
function claimAtTheSameMoment(): () => number {
  const isClaim = ({ method, url }: IncomingCall): boolean =>
    method === "PUT" && url.includes("before-upgrade/holdfast-claim.json");
  const both = Promise.withResolvers<void>();
  let arrived = 0;
  s3.setFaults(async (call) => {
    if (!isClaim(call)) return undefined;
    arrived += 1;
    if (arrived === SIDES.length) both.resolve();
    await both.promise;
    return undefined;
  });
  return () => arrived;
}

interface BackupStatus {
  readonly phase?: string;
  readonly failureReason?: string;
}

async function statusOf({ cluster, holdfast }: (typeof SIDES)[number]): Promise<BackupStatus> {
  return ((await cluster.get("Backup", holdfast.namespace, "before-upgrade")).status ?? {}) as BackupStatus;
}

/** Every object of the bucket's backups with the server's own digest and time. */
async function files(): Promise<string[]> {
  const found = await s3.objects("shared/by/two/backups/");
  return found.map(({ Key, ETag, LastModified }) => `${Key} ${ETag} ${LastModified?.getTime()}`).sort();
}

it("one takes the name; the other fails, names the owner, and deletes nothing of the owner's", async () => {
  for (const { cluster, holdfast } of SIDES) await declare(cluster, holdfast);
  const claims = claimAtTheSameMoment();

  const ended = await Promise.all(SIDES.map(runOnce));
  const met = claims();
  const after = await Promise.all(SIDES.map(statusOf));
  const [winner, loser] = after[0]?.phase === "Completed" ? SIDES : [SIDES[1], SIDES[0]];
  const made = await files();
  await runOnce(winner);
  await runOnce(loser);
  const refused = await statusOf(loser);
  await loser.holdfast.start(["backup", "delete", "before-upgrade", "--confirm"]).ended;
  await runOnce(loser);
  const verify = ["backup", "verify", "before-upgrade", "--read-data", "--location", "main"];
  const verified = await winner.holdfast.start(verify).ended;

  expect(met).toBe(SIDES.length);
  expect(after.map(({ phase }) => phase).sort()).toEqual(["Completed", "Failed"]);
  expect(ended.map(({ stderr, code }) => (code === null ? stderr : ""))).toEqual(["", ""]);
  const uid = (await winner.cluster.get("Namespace", undefined, "kube-system")).metadata.uid;
  const owner = `Backup ${winner.holdfast.namespace}/before-upgrade of cluster ${winner.id} (${uid})`;
  expect(refused).toMatchObject({ phase: "Failed", failureReason: expect.stringContaining(`taken by ${owner}`) });
  expect(await statusOf(winner)).toMatchObject({ phase: "Completed" });
  expect(await files()).toEqual(made);
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining("before-upgrade: ok")]);
});
