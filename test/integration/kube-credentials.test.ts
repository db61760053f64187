import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { createKubeClient } from "../../src/kube/create-client.ts";
import { silentLogger } from "../../src/log.ts";
import { createGuardedFolder, type GuardedFolder } from "../../tools/testbed/process/guarded-folder.ts";
import { startConnectProxy } from "../support/connect-proxy.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";

const NAMESPACES = { group: "", version: "v1", resource: "namespaces" };
const DEFAULT = { namespace: "", name: "default" };

describe("credentials", () => {
  const cluster = useTestCluster();
  const connect = useKubeClients();
  let folder: GuardedFolder;

  beforeAll(async () => {
    folder = await createGuardedFolder();
  });
  afterAll(() => folder.remove());

  /** A kubeconfig of one user for the test cluster. */
  async function kubeconfig(user: object, server = cluster.server, more: object = {}): Promise<string> {
    const path = join(folder.path, uniqueName("kubeconfig"));
    const authority = Buffer.from(cluster.connection.ca).toString("base64");
    const config = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "main",
      clusters: [{ name: "c", cluster: { server, "certificate-authority-data": authority, ...more } }],
      users: [{ name: "u", user }],
      contexts: [{ name: "main", context: { cluster: "c", user: "u" } }],
    };
    await writeFile(path, stringify(config));
    return path;
  }

  it("takes a token", async () => {
    const kube = await connect(await kubeconfig({ token: cluster.connection.token }));

    expect((await kube.get(NAMESPACES, DEFAULT))?.metadata.name).toBe("default");
  });

  it("takes a token file, also beside the kubeconfig, and notices that it was replaced", async () => {
    const name = uniqueName("token");
    await writeFile(join(folder.path, name), "expired\n");
    const kube = await connect(await kubeconfig({ tokenFile: name }));
    await expect(kube.get(NAMESPACES, DEFAULT)).rejects.toMatchObject({ code: "KubeForbidden", data: { status: 401 } });

    await writeFile(join(folder.path, name), `${cluster.connection.token}\n`);

    expect((await kube.get(NAMESPACES, DEFAULT))?.metadata.name).toBe("default");
  });

  it("asks an exec plugin, once for many requests, and again when its token is refused", async () => {
    const counter = join(folder.path, uniqueName("count"));
    const tokenFile = join(folder.path, uniqueName("token"));
    const plugin = join(folder.path, uniqueName("plugin"));
    await writeFile(tokenFile, cluster.connection.token);
    const answer = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}';
    await writeFile(
      plugin,
      `#!/bin/sh\necho "$KUBERNETES_EXEC_INFO" >> ${counter}\nprintf '${answer}' "$(cat ${tokenFile})"\n`,
    );
    await chmod(plugin, 0o700);
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: plugin, interactiveMode: "Never" };
    const kube = await connect(await kubeconfig({ exec }));
    const asked = async () => (await readFile(counter, "utf8")).trim().split("\n");

    await Promise.all(Array.from({ length: 10 }, () => kube.get(NAMESPACES, DEFAULT)));
    expect(await asked()).toHaveLength(1);
    expect(JSON.parse((await asked())[0] ?? "")).toMatchObject({
      kind: "ExecCredential",
      spec: { interactive: false },
    });

    await writeFile(tokenFile, "revoked");
    const revoked = await connect(await kubeconfig({ exec }));
    await expect(revoked.get(NAMESPACES, DEFAULT)).rejects.toMatchObject({ code: "KubeForbidden" });
    await writeFile(tokenFile, cluster.connection.token);
    expect((await revoked.get(NAMESPACES, DEFAULT))?.metadata.name).toBe("default");
  });

  it("says what a failing exec plugin said", async () => {
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "sh",
      args: ["-c", "echo log in first >&2; exit 1"],
    };
    const kube = await connect(await kubeconfig({ exec }));

    await expect(kube.get(NAMESPACES, DEFAULT)).rejects.toMatchObject({
      code: "KubeConfigInvalid",
      message: /log in first/,
    });
  });

  it("refuses a certificate or key that is none, before it asks the server", async () => {
    const pem = Buffer.from("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n").toString("base64");
    const user = { "client-certificate-data": pem, "client-key-data": pem };
    const kube = await connect(await kubeconfig(user));

    await expect(kube.get(NAMESPACES, DEFAULT)).rejects.toMatchObject({
      code: "KubeConfigInvalid",
      message: /^cannot get credentials for the API server: /,
    });
  });

  it("acts as another user when told to", async () => {
    const kube = await connect(await kubeconfig({ token: cluster.connection.token }), { impersonate: "nobody" });

    await expect(kube.get(NAMESPACES, DEFAULT)).rejects.toMatchObject({
      code: "KubeForbidden",
      message: /User "nobody"/,
    });
  });

  it("picks the named context", async () => {
    const path = await kubeconfig({ token: cluster.connection.token });
    const kube = await connect(path, { context: "main" });

    expect(await kube.getPath("/readyz")).toBe("ok");
    const options = { kubeconfigPath: path, context: "other", clock: systemClock, log: silentLogger };
    await expect(createKubeClient(options)).rejects.toMatchObject({
      code: "KubeConfigInvalid",
      message: /"other".*main/,
    });
  });

  it("names a kubeconfig that is not there or does not parse", async () => {
    const absent = join(folder.path, "absent");
    const broken = join(folder.path, uniqueName("broken"));
    await writeFile(broken, "{ clusters: [");
    for (const kubeconfigPath of [absent, broken]) {
      const options = { kubeconfigPath, clock: systemClock, log: silentLogger };
      await expect(createKubeClient(options)).rejects.toMatchObject({
        code: "KubeConfigInvalid",
        data: { path: kubeconfigPath },
      });
    }
  });

  it("refuses a server whose certificate is another's, without a second try", async () => {
    const path = join(folder.path, uniqueName("kubeconfig"));
    const clusters = [{ name: "c", cluster: { server: cluster.server } }];
    const users = [{ name: "u", user: { token: cluster.connection.token } }];
    const contexts = [{ name: "m", context: { cluster: "c", user: "u" } }];
    await writeFile(
      path,
      stringify({ apiVersion: "v1", kind: "Config", "current-context": "m", clusters, users, contexts }),
    );
    const waits: number[] = [];
    const kube = await connect(path, { clock: { ...systemClock, sleep: async (ms) => void waits.push(ms) } });

    await expect(kube.getPath("/version")).rejects.toMatchObject({
      code: "KubeUnavailable",
      message: /certificate is not trusted/,
    });
    expect(waits).toEqual([]);
  });

  it("reaches a server below a path, as behind a gateway", async () => {
    const gateway = await startClusterProxy(cluster);
    gateway.setFaults(async (call) => {
      const inner = call.url.replace(/^\/k8s\/clusters\/one/, "");
      if (inner === call.url) return { type: "answer", status: 404, headers: {}, body: "no such cluster" };
      const answer = await cluster.request("GET", inner);
      return {
        type: "answer",
        status: answer.status,
        headers: { "content-type": "application/json" },
        body: answer.text,
      };
    });
    const kube = await connect(await kubeconfig({ token: "any" }, `${gateway.url}/k8s/clusters/one/`));

    expect((await kube.get(NAMESPACES, DEFAULT))?.metadata.name).toBe("default");
    await gateway.stop();
  });

  it("goes through the proxy that the kubeconfig names, by one tunnel for requests one after another", async () => {
    const proxy = await startConnectProxy();
    const path = await kubeconfig({ token: cluster.connection.token }, cluster.server, { "proxy-url": proxy.url });
    const kube = await connect(path);

    for (const _time of [1, 2]) expect((await kube.get(NAMESPACES, DEFAULT))?.metadata.name).toBe("default");

    expect(proxy.tunnels).toEqual([new URL(cluster.server).host]);
    await proxy.stop();
  });

  it("asks for the certificate of the name that the kubeconfig gives", async () => {
    const config = (name: string) =>
      kubeconfig({ token: cluster.connection.token }, cluster.server, { "tls-server-name": name });

    const known = await connect(await config("kubernetes.default.svc"));
    expect((await known.get(NAMESPACES, DEFAULT))?.metadata.name).toBe("default");
    const unknown = await connect(await config("elsewhere.example"));
    await expect(unknown.get(NAMESPACES, DEFAULT)).rejects.toMatchObject({ code: "KubeUnavailable" });
  });

  it("takes gzip where told to, and gives the same bytes", async () => {
    const plain = await connect(cluster.kubeconfigPath);
    const proxy = await startClusterProxy(cluster);
    const zipped = await connect(proxy.kubeconfigPath, { limits: { acceptEncoding: "gzip" } });
    const clusterRoles = { group: "rbac.authorization.k8s.io", version: "v1", resource: "clusterroles" };

    const key = { namespace: "", name: "admin" };
    expect(await zipped.getBytes(clusterRoles, key)).toEqual(await plain.getBytes(clusterRoles, key));
    const builtIn = { labelSelector: "kubernetes.io/bootstrapping" }; // other files make and delete some of their own
    const names = async (kube: KubeClient) =>
      (await kube.list(clusterRoles, builtIn)).map(({ metadata }) => metadata.name);
    expect(await names(zipped)).toEqual(await names(plain));
    expect(proxy.calls.every((call) => call.headers["accept-encoding"] === "gzip")).toBe(true);
    await proxy.stop();
  });
});
