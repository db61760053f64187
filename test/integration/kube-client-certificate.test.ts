import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stringify } from "yaml";
import { createGuardedFolder, type GuardedFolder } from "../../tools/testbed/process/guarded-folder.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const TLS = join(import.meta.dirname, "../testdata/tls");
const SELF_REVIEWS = { group: "authentication.k8s.io", version: "v1", resource: "selfsubjectreviews" };

const cluster = usePrivateCluster({
  controllerManager: false,
  apiServerArgs: [`--client-ca-file=${join(TLS, "client-ca.pem")}`],
});
const connect = useKubeClients();
let folder: GuardedFolder;

beforeAll(async () => {
  folder = await createGuardedFolder();
});
afterAll(() => folder.remove());

async function kubeconfig(name: string, user: object): Promise<string> {
  const path = join(folder.path, name);
  const authority = Buffer.from(cluster.connection.ca).toString("base64");
  const clusters = [{ name: "c", cluster: { server: cluster.server, "certificate-authority-data": authority } }];
  const contexts = [{ name: "m", context: { cluster: "c", user: "u" } }];
  const users = [{ name: "u", user }];
  await writeFile(
    path,
    stringify({ apiVersion: "v1", kind: "Config", "current-context": "m", clusters, users, contexts }),
  );
  return path;
}

it("takes a client certificate, named by files beside the kubeconfig", async () => {
  for (const file of ["client-cert.pem", "client-key.pem"]) await copyFile(join(TLS, file), join(folder.path, file));
  const path = await kubeconfig("files", {
    "client-certificate": "client-cert.pem",
    "client-key": "client-key.pem",
  });
  const kube = await connect(path);

  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview", metadata: { name: "" } };

  expect(await kube.create(SELF_REVIEWS, review)).toMatchObject({
    status: { userInfo: { username: "alice", groups: expect.arrayContaining(["system:masters"]) } },
  });
});

it("is nobody without the certificate", async () => {
  const kube = await connect(await kubeconfig("none", {}));

  await expect(kube.get({ group: "", version: "v1", resource: "secrets" }, { namespace: "default", name: "x" }))
    .rejects //
    .toMatchObject({ code: "KubeForbidden" });
});
