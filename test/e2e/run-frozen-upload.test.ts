/** A leader that stops in the middle of an upload, as a paused machine does, and goes on after another has taken over. */
import { randomBytes } from "node:crypto";
import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { describe, expect, it } from "vitest";
import type { IncomingCall } from "../../tools/testbed/http/fault.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { policyYaml, QUICK_LEASE, type Running, useInstallation } from "./run-fixture.ts";
import { phaseOf, reasonOf } from "./run-killed-fixture.ts";
import { SECRET_REF, useS3Proxy } from "./s3-proxy-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const s3 = useS3Proxy();

const RECORD = "refs/heads/holdfast/testbed";
/** More than fits into one part, so that the archive is a multipart upload. */
const CONFIG_MAPS = 14;

async function fillShop(): Promise<string> {
  const shop = await cluster.createNamespace();
  for (let index = 0; index < CONFIG_MAPS; index++) {
    const metadata = { name: `large-${index}`, namespace: shop };
    const data = { noise: randomBytes(675_000).toString("base64") };
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data });
  }
  return shop;
}

async function commitDesired(): Promise<void> {
  const { namespace } = holdfast;
  await s3.createSecret(cluster, namespace);
  await holdfast.commit({
    "location.yaml": s3.locationYaml({ name: "main", namespace }, { default: true, s3: SECRET_REF }),
    "shop.yaml": policyYaml(namespace, "shop", await fillShop()),
  });
}

function start(): { readonly running: Running; readonly log: () => string } {
  const args = ["run", "--repo", holdfast.repository.path, "--interval", "1s", "--grace", "1s", ...QUICK_LEASE];
  const running = holdfast.start(args);
  let log = "";
  running.process.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString("utf8");
  });
  return { running, log: () => log };
}

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  await waitUntil(async () => await isTrue(), { what, timeoutMs: 90_000, intervalMs: 200 });
}

async function backups(): Promise<string[]> {
  const found = await cluster.list("Backup", holdfast.namespace);
  return found.map((each) => `${timeless(each.metadata.name)} ${phaseOf(each)} ${reasonOf(each)}`).sort();
}

function timeless(name: string): string {
  return name.replace(/\d{14}/, "SLOT");
}

/** Every object of the bucket with the digest that the server gives it. */
async function objects(): Promise<string[]> {
  return (await s3.objects()).map(({ Key, ETag }) => `${timeless(Key ?? "")} ${ETag}`).sort();
}

/** Whether the first call of a kind, which is the frozen leader's, has its answer. */
function answered(matches: (call: IncomingCall) => boolean): boolean {
  return s3.calls.find(matches)?.status !== undefined;
}

/** The term of each leader that has written the record since a commit, that commit included. */
async function termsSince(head: string): Promise<(string | undefined)[]> {
  const commits = await holdfast.repository.log(RECORD);
  const made = commits.slice(0, commits.findIndex(({ oid }) => oid === head) + 1);
  return made.map(({ message }) => /^Holdfast-Term: (\d+)$/m.exec(message)?.[1]);
}

async function unfinishedUploads(): Promise<number> {
  return (await s3.client.send(new ListMultipartUploadsCommand({ Bucket: s3.bucket }))).Uploads?.length ?? 0;
}

const isPart = ({ url }: IncomingCall): boolean => url.includes("partNumber=");
const isCompletion = ({ method, url }: IncomingCall): boolean => method === "POST" && url.includes("uploadId=");

/** Where the leader freezes, and how long the request it has just sent stays on its way. */
const MOMENTS: readonly { readonly moment: string; readonly freezesAt: typeof isPart; readonly isLate: boolean }[] = [
  { moment: "in the middle of a part", freezesAt: isPart, isLate: false },
  { moment: "at a completion that is carried out", freezesAt: isCompletion, isLate: false },
  { moment: "at a completion that arrives late", freezesAt: isCompletion, isLate: true },
];

describe("a leader frozen in its upload and thawed after another has taken over", { timeout: 300_000 }, () => {
  it.each(MOMENTS)("changes nothing ($moment)", async ({ freezesAt, isLate }) => {
    await commitDesired();
    let frozen = false;
    const taken = Promise.withResolvers<void>();
    const first = start();
    s3.setFaults(async (call) => {
      if (frozen || !freezesAt(call)) return undefined;
      frozen = first.running.process.kill("SIGSTOP");
      if (isLate) await taken.promise;
      return undefined;
    });
    await until("the leader is frozen", () => frozen);
    const second = start();
    const made = ["shop-hourly-SLOT Failed Interrupted", "shop-hourly-SLOT-r1 Completed Completed"];
    await until("the other has made the slot up", async () => (await backups()).join() === made.join());
    await until("the record is written", async () =>
      Object.keys(await holdfast.record()).some((path) => path.endsWith("-r1.yaml")),
    );
    const before = await objects();
    const head = (await holdfast.repository.resolve(RECORD)) ?? "";
    const [term] = await termsSince(head);

    taken.resolve();
    if (isLate) await until("the completion is answered", () => answered(isCompletion));
    first.running.process.kill("SIGCONT");
    await until("the first sees that it leads no more", () => first.log().includes("leads no more"));
    await until("its upload is ended", async () => (await unfinishedUploads()) === 0);
    first.running.process.kill("SIGTERM");
    const ended = await first.running.ended;
    second.running.process.kill("SIGTERM");
    await second.running.ended;

    expect(await backups()).toEqual(made);
    expect(await objects()).toEqual(before);
    expect(before.filter((object) => object.includes("velero-backup.json"))).toEqual([
      expect.stringContaining("backups/shop-hourly-SLOT-r1/velero-backup.json"),
    ]);
    expect(new Set(await termsSince(head))).toEqual(new Set([term]));
    expect(ended.code).toBe(0);
  });
});
