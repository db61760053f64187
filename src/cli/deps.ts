import { locationDefaults } from "../api/defaults.ts";
import type { BackupStorageLocation } from "../api/kinds.generated.ts";
import { BACKUP, BACKUP_STORAGE_LOCATION } from "../api/kinds.ts";
import { HOLDFAST_VERSION } from "../api/version.ts";
import { CodedError, isCoded } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import type { CliDeps, CliIo, OpenedLocation } from "./io.ts";
import { createOpenStore } from "./open-store.ts";
import { systemUid } from "./system-uid.ts";

/** The builders behind `io.deps()`: each adapter is made once, when a command first asks for it. */
export function buildDeps(io: CliIo): CliDeps {
  let kube: Promise<KubeClient> | undefined;
  let openStore: ReturnType<typeof createOpenStore> | undefined;
  const connect = (): Promise<KubeClient> => {
    kube ??= connectKube(io);
    return kube;
  };
  return {
    kube: connect,
    close: async () => {
      if (kube !== undefined) (await kube.catch(() => undefined))?.close();
    },
    location: async (name, namespace) => {
      const client = await connect();
      const location = await findLocation(io, client, name, namespace ?? io.options().namespace);
      openStore ??= createOpenStore(client, io.clock.monotonic);
      return await open(location, openStore);
    },
  };
}

async function connectKube(io: CliIo): Promise<KubeClient> {
  const { createKubeClient } = await import("../kube/create-client.ts");
  const { kubeconfig, context } = io.options();
  return await createKubeClient({
    kubeconfigPath: kubeconfig ?? io.config.kubeconfig,
    context,
    clock: io.clock,
    log: io.log,
    userAgent: `holdfast/${HOLDFAST_VERSION}`,
  });
}

async function open(
  location: BackupStorageLocation,
  openStore: (location: BackupStorageLocation) => ReturnType<ReturnType<typeof createOpenStore>>,
): Promise<OpenedLocation> {
  return {
    namespace: location.metadata.namespace ?? "",
    name: location.metadata.name,
    readOnly: locationDefaults(location.spec).accessMode === "ReadOnly",
    store: await openStore(location),
  };
}

async function findLocation(
  io: CliIo,
  kube: KubeClient,
  name: string | undefined,
  namespace: string,
): Promise<BackupStorageLocation> {
  const own = io.options().namespace;
  for (const place of new Set([namespace, own])) {
    const locations = (await listLocations(kube, place)).filter(
      ({ metadata }) => name === undefined || metadata.name === name,
    );
    const chosen =
      locations.find(({ spec }) => spec.default === true) ?? (locations.length === 1 ? locations[0] : undefined);
    if (chosen !== undefined) return chosen;
  }
  if (name === undefined) {
    const message = `no BackupStorageLocation in namespace ${namespace} is the default; name one with --location`;
    throw new CodedError("Usage", { argument: "--location" }, message);
  }
  throw new CodedError(
    "KubeNotFound",
    { ref: `BackupStorageLocation ${namespace}/${name}` },
    `there is no BackupStorageLocation ${name} in namespace ${namespace}: see \`holdfast status\``,
  );
}

async function listLocations(kube: KubeClient, namespace: string): Promise<BackupStorageLocation[]> {
  try {
    return (await kube.list(BACKUP_STORAGE_LOCATION, { namespace })) as unknown as BackupStorageLocation[];
  } catch (error) {
    if (!isCoded(error, "KubeNotFound")) throw error;
    throw notInstalled(error);
  }
}

/** The UID of this cluster. @throws {KubeNotFound} without our kinds */
export async function assertInstalled(kube: KubeClient): Promise<string> {
  const uid = await systemUid(kube);
  const { resources } = await kube.discovery();
  if (!resources.some(({ group, resource }) => group === BACKUP.group && resource === BACKUP.resource))
    throw notInstalled(undefined);
  return uid;
}

/** What to do where the API server does not know our kinds. */
export function notInstalled(cause: unknown): CodedError {
  return new CodedError(
    "KubeNotFound",
    { ref: "holdfast.dev" },
    "the cluster does not serve Holdfast's kinds: install them with kubectl apply -k . (or manifests/crds)",
    { cause },
  );
}
