import { join } from "node:path";
import { findBinary } from "../testbed/binaries/find-binary.ts";
import { startControlPlane } from "../testbed/control-plane/control-plane.ts";
import { startNodes } from "../testbed/nodes/nodes.ts";
import { createBucket } from "../testbed/s3/bucket.ts";
import { startS3Server } from "../testbed/s3/s3-server.ts";
import { run } from "./run.ts";
import type { Screen } from "./screen.ts";

/** Where the demo takes place. */
export interface DemoCluster extends AsyncDisposable {
  kubectl(...args: string[]): Promise<string>;
  /** Global flags that make a `holdfast` command talk to this cluster. */
  readonly flags: readonly string[];
  /** Environment of `holdfast`: the credentials of the S3 server, where there is one. */
  readonly env: Readonly<Record<string, string>>;
  /** YAML of the BackupStorageLocation; a filesystem one lies in `folder`. */
  location(folder: string): string;
}

interface DemoOptions {
  readonly s3: boolean;
  readonly context: string | undefined;
  readonly screen: Screen;
}

const BUCKET = "holdfast-demo";

/** What the demo makes outside a namespace, as kubectl names it. */
const MADE = [
  "namespace/shop",
  "namespace/platform",
  "namespace/holdfast",
  "customresourcedefinition/orders.shop.example",
  ...["backuppolicies", "backups", "backupstoragelocations", "gitsources", "restoreplans"].map(
    (kind) => `customresourcedefinition/${kind}.holdfast.dev`,
  ),
  "priorityclass/shop-critical",
  "clusterrole/shop-node-reader",
  "clusterrolebinding/shop-node-reader",
];

/** Starts what the demo needs; disposing stops it all and leaves an existing cluster running. */
export async function openCluster({ s3, context, screen }: DemoOptions): Promise<DemoCluster> {
  await using started = new AsyncDisposableStack();
  const flags =
    context === undefined ? await ownCluster(started, screen) : await existingCluster(started, screen, context);
  const kubectlBinary = await findBinary("kubectl");
  const store = s3 ? await s3Location(started, screen) : folderLocation();
  const kept = started.move();
  return {
    kubectl: (...args) => run(kubectlBinary, [...flags, ...args]),
    flags,
    ...store,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function ownCluster(started: AsyncDisposableStack, screen: Screen): Promise<string[]> {
  screen.say("Starting etcd, a Kubernetes API server, its controllers and a simulated node …");
  const controlPlane = await startControlPlane();
  started.defer(() => controlPlane.stop());
  const nodes = await startNodes(controlPlane);
  started.defer(() => nodes.stop());
  screen.say(`A real API server answers at ${controlPlane.server}.`);
  return ["--kubeconfig", controlPlane.kubeconfigPath];
}

/** @throws Error when the context can't be used, or holds something that the demo would overwrite or delete */
async function existingCluster(started: AsyncDisposableStack, screen: Screen, context: string): Promise<string[]> {
  const kubectl = await findBinary("kubectl");
  const onContext = (...args: string[]): Promise<string> => run(kubectl, ["--context", context, ...args]);
  // The kinds too: deleting those of an installation would delete every policy in the cluster with them.
  const taken = (await onContext("get", ...MADE, "--ignore-not-found", "-o", "name")).trim();
  if (taken !== "")
    throw new Error(`context ${context} already has ${taken.replaceAll("\n", ", ")}; the demo would overwrite it`);
  screen.say(`Everything happens in context ${context}; what the demo makes there is deleted at the end.`);
  started.defer(async () => {
    screen.say(`Deleting what the demo made in context ${context} …`);
    const gone = ["--ignore-not-found", "--timeout=120s"];
    try {
      await onContext("delete", "-f", join(import.meta.dirname, "shop"), ...gone);
      await onContext("delete", "-k", join(import.meta.dirname, "../.."), ...gone);
    } catch (cause) {
      throw new Error("not all of it is deleted: `kubectl delete -f tools/demo/shop` and `kubectl delete -k .` do", {
        cause,
      });
    }
    screen.say("Nothing of it is left in the cluster.");
  });
  return ["--context", context];
}

function folderLocation(): Pick<DemoCluster, "env" | "location"> {
  return {
    env: {},
    location: (folder) => locationYaml(`  provider: filesystem\n  filesystem:\n    path: ${join(folder, "backups")}\n`),
  };
}

async function s3Location(
  started: AsyncDisposableStack,
  screen: Screen,
): Promise<Pick<DemoCluster, "env" | "location">> {
  const server = await startS3Server();
  started.defer(() => server.stop());
  await createBucket(server, BUCKET);
  screen.say(`An S3 server answers at ${server.endpoint}.`);
  return {
    env: { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey },
    location: () =>
      locationYaml(
        `  provider: s3\n  s3:\n    bucket: ${BUCKET}\n    prefix: demo\n    region: ${server.region}\n    endpoint: ${server.endpoint}\n    forcePathStyle: true\n`,
      ),
  };
}

function locationYaml(provider: string): string {
  return `apiVersion: holdfast.dev/v1alpha1
kind: BackupStorageLocation
metadata:
  name: default
  namespace: holdfast
spec:
  default: true
${provider}`;
}
