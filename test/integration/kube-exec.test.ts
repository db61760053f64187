import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { ExecTarget, KubeClient } from "../../src/kube/client.ts";
import { execPatiently } from "../../src/kube/exec-patiently.ts";
import { useKubeClients } from "../support/kube-client.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";

describe("exec through the real protocol", () => {
  const cluster = useTestCluster({ nodes: true });
  const connect = useKubeClients();
  let kube: KubeClient;
  let target: Omit<ExecTarget, "command">;

  beforeAll(async () => {
    kube = await connect(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const spec = { containers: [{ name: "main", image: "busybox" }] };
    await cluster.create({ apiVersion: "v1", kind: "Pod", metadata: { namespace, name: "db" }, spec });
    const isRunning = (pod: KubeObject) => (pod.status as { phase?: string } | undefined)?.phase === "Running";
    await cluster.waitFor("Pod", namespace, "db", isRunning);
    target = { namespace, pod: "db", container: "main", timeoutMs: 20_000 };
  });

  const run = (...command: string[]) => kube.exec({ ...target, command });

  it("gives back output and exit code 0", async () => {
    const result = await run("sh", "-c", "echo out; echo err >&2");

    expect(result).toEqual({ type: "exited", exitCode: 0, stdout: "out\n", stderr: "err\n" });
  });

  it("passes arguments as they are", async () => {
    expect(await run("printf", "%s|", "a b", "c&d", "ü", "$HOME")).toMatchObject({ stdout: "a b|c&d|ü|$HOME|" });
  });

  it("tells a command's own failure", async () => {
    const result = await run("sh", "-c", "echo no >&2; exit 7");

    // the simulated node words the exit code; a kubelet sends it as a cause (`exec-status.test.ts`)
    expect(result).toMatchObject({ type: "failed", stderr: "no\n", message: /exit status 7/ });
  });

  it("gives up at the time-out and keeps what was said until then", async () => {
    const result = await kube.exec({ ...target, command: ["sh", "-c", "echo begun; sleep 30"], timeoutMs: 6_000 });

    expect(result).toEqual({ type: "timedOut", stdout: "begun\n", stderr: "" });
  });

  it("cuts output that never ends", async () => {
    const result = await run("sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x");

    expect(result).toMatchObject({ type: "exited", exitCode: 0 });
    expect(result.stdout).toHaveLength(64 * 1024);
  });

  it("says why a command never ran", async () => {
    expect(await kube.exec({ ...target, pod: "absent", command: ["true"] })).toMatchObject({
      type: "failed",
      message: /cannot start|not found/,
    });
    expect(await kube.exec({ ...target, container: "absent", command: ["true"] })).toMatchObject({ type: "failed" });
    expect(await run("/no/such/program")).not.toMatchObject({ exitCode: 0 });
  });

  it("tells a server that is away, or refuses for now, from one that says no", async () => {
    const proxy = await startClusterProxy(cluster);
    const through = await connect(proxy.kubeconfigPath);
    const ending = async (): Promise<string> => (await through.exec({ ...target, command: ["true"] })).type;

    const tried: string[] = [];
    for (const status of [429, 502, 503, 403]) {
      proxy.setFaults(({ url }) => (url.includes("/exec?") ? { type: "answer", status } : undefined));
      tried.push(await ending());
    }
    await proxy.stop();
    const away = await through.exec({ ...target, command: ["true"] });

    expect(tried).toEqual(["unreached", "unreached", "unreached", "forbidden"]);
    expect(away).toMatchObject({ type: "unreached", message: /cannot start the command: .*ECONNREFUSED/ });
  });

  it("does not believe what a server forbids that has just started", async () => {
    const proxy = await startClusterProxy(cluster);
    const through = await connect(proxy.kubeconfigPath);
    let looks = 0;
    proxy.setFaults(({ url }) => {
      if (looks > 1) return undefined;
      if (url === "/api") looks += 1;
      return { type: "answer", status: 403 };
    });

    const early = await through.exec({ ...target, command: ["true"] });
    const later = await execPatiently(through, systemClock, { ...target, command: ["true"] });
    await proxy.stop();

    expect(early).toMatchObject({ type: "unreached", message: /not ready yet/ });
    expect(later).toMatchObject({ type: "exited", exitCode: 0 });
  });

  it("stops at the signal's reason", async () => {
    const stop = new AbortController();

    const running = kube.exec({ ...target, command: ["sleep", "30"] }, stop.signal);
    setTimeout(() => stop.abort(new Error("enough")), 300);

    await expect(running).rejects.toThrow("enough");
  });

  it("leaves this process's own output alone", async () => {
    const before = [process.stdout.writable, process.stderr.writable];

    await run("true");

    expect([process.stdout.writable, process.stderr.writable]).toEqual(before);
  });
});
