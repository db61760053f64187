import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { findBinary } from "../../tools/testbed/binaries/find-binary.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";

const run = promisify(execFile);

describe("simulated nodes", () => {
  const cluster = useTestCluster({ nodes: true });

  it("run a pod at once, and exec in it", async () => {
    const namespace = await cluster.createNamespace();
    await cluster.create(pod(namespace, "web"));

    const running = await cluster.waitFor("Pod", namespace, "web", isInPhase("Running"));
    const exec = await kubectl(cluster.kubeconfigPath, [
      "-n",
      namespace,
      "exec",
      "web",
      "--",
      "sh",
      "-c",
      "echo $((6 * 7))",
    ]);

    expect(running.spec).toMatchObject({ nodeName: "n1" });
    expect(exec.stdout).toBe("42\n");
  });

  it("exec through a proxy that records it", async () => {
    const namespace = await cluster.createNamespace();
    await cluster.create(pod(namespace, "web"));
    await cluster.waitFor("Pod", namespace, "web", isInPhase("Running"));
    const proxy = await startClusterProxy(cluster);

    const exec = await kubectl(proxy.kubeconfigPath, ["-n", namespace, "exec", "web", "--", "echo", "through"]);

    expect(exec.stdout).toBe("through\n");
    expect(proxy.calls.filter((call) => call.url.includes("/exec?"))).toMatchObject([{ status: 101 }]);
    await proxy.stop();
  });

  it("complete the pod of a Job", async () => {
    const namespace = await cluster.createNamespace();
    const template = { spec: { ...pod(namespace, "x").spec, restartPolicy: "Never" } };
    const metadata = { namespace, name: "once" };

    await cluster.create({ apiVersion: "batch/v1", kind: "Job", metadata, spec: { template } });

    await cluster.waitFor("Job", namespace, "once", (job) => (job.status as { succeeded?: number }).succeeded === 1);
  });

  it("leave a pod pending where a test asks for it", async () => {
    const namespace = await cluster.createNamespace();
    await cluster.create(pod(namespace, "labelled", { labels: { "conf/unscheduled": "true" } }));
    await cluster.create(pod(namespace, "nobody", {}, { schedulerName: "nobody" }));
    await cluster.create(pod(namespace, "last"));

    await cluster.waitFor("Pod", namespace, "last", isInPhase("Running"));
    const pods = await cluster.list("Pod", namespace);

    expect(pods.filter((each) => !isInPhase("Running")(each)).map((each) => each.metadata.name)).toEqual([
      "labelled",
      "nobody",
    ]);
  });
});

function pod(namespace: string, name: string, metadata: object = {}, spec: object = {}) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name, ...metadata },
    spec: { containers: [{ name: "main", image: "registry.example.com/app:1" }], ...spec },
  };
}

function isInPhase(phase: string): (object: KubeObject) => boolean {
  return ({ status }) => (status as { phase?: string } | undefined)?.phase === phase;
}

async function kubectl(kubeconfig: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return await run(await findBinary("kubectl"), ["--kubeconfig", kubeconfig, ...args]);
}
