import { describe, expect, it } from "vitest";
import type { KubeClient } from "../../src/kube/client.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, restore, withKind } from "./restore-support.ts";

describe("an object that stands as archived and moves between plan and write", () => {
  const cluster = useTestCluster();
  const client = useKubeClients();

  /** Restores two equal ConfigMaps while somebody writes to the first just before it is labelled. */
  async function restoreWhile(write: (namespace: string) => Promise<unknown>): Promise<{
    readonly outcomes: Readonly<Record<string, string>>;
    readonly phase: string;
    readonly data: unknown;
  }> {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    await cluster.apply(configMap(namespace, "busy", { a: "1" }), configMap(namespace, "quiet", { a: "1" }));
    const store = await backUp(kube, withKind(await cluster.list("ConfigMap", namespace)));
    let isFirst = true;
    const raced: KubeClient = {
      ...kube,
      patchBytes: async (gvr, key, patch, options) => {
        if (key.name === "busy" && isFirst) {
          isFirst = false;
          await write(namespace);
        }
        return await kube.patchBytes(gvr, key, patch, options);
      },
    };

    const spec = { includedNamespaces: [namespace], existingResourcePolicy: "update" as const };
    const { outcomes, outcome } = await restore(raced, store, { spec });

    const { data } = await cluster.get("ConfigMap", namespace, "busy");
    return { outcomes, phase: outcome.phase, data };
  }

  it("is labelled all the same where its content stays", async () => {
    const { outcomes, phase } = await restoreWhile((namespace) =>
      cluster.patch("ConfigMap", namespace, "busy", { metadata: { labels: { "velero.io/restore-name": "another" } } }),
    );

    expect(outcomes).toMatchObject({ "ConfigMap busy": "labelled", "ConfigMap quiet": "labelled" });
    expect(phase).toBe("Completed");
  });

  it("is patched where its content changes", async () => {
    const { outcomes, phase, data } = await restoreWhile((namespace) =>
      cluster.patch("ConfigMap", namespace, "busy", { data: { a: "2" } }),
    );

    expect(outcomes).toMatchObject({ "ConfigMap busy": "patched", "ConfigMap quiet": "labelled" });
    expect(phase).toBe("Completed");
    expect(data).toEqual({ a: "1" });
  });
});
