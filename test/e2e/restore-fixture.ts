import { beforeEach } from "vitest";
import type { KubeObject } from "../support/kube-object.ts";
import type { TestCluster } from "../support/test-cluster.ts";
import { type Installation, locationYaml, policyYaml } from "./run-fixture.ts";

/** The status of a RestorePlan, as far as tests look at it. */
export interface PlanStatus {
  readonly phase?: string;
  readonly planDigest?: string;
  readonly safetyBackup?: string;
  readonly run?: { readonly id: string };
  readonly progress?: { readonly totalItems: number; readonly itemsRestored: number };
  readonly conditions?: readonly ReadyCondition[];
}

export interface ReadyCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** One backup of a namespace whose only ConfigMap `prices` was `{apple: 1}`, and was changed to 2 since. */
export interface BackedUpShop {
  readonly namespace: string;
  readonly backup: string;
  prices(): Promise<unknown>;
  change(data: Readonly<Record<string, string>>): Promise<void>;
  statusOf(restorePlan: string): Promise<PlanStatus>;
}

/** Gives each test a shop of its own. */
export function useBackedUpShop(cluster: TestCluster, holdfast: Installation): BackedUpShop {
  const shop = { namespace: "", backup: "" };
  beforeEach(async () => {
    shop.namespace = await cluster.createNamespace();
    const metadata = { name: "prices", namespace: shop.namespace };
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { apple: "1" } });
    const { namespace, bucket } = holdfast;
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop.namespace),
    });
    await holdfast.once();
    shop.backup = (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
    await cluster.patch("ConfigMap", shop.namespace, "prices", { data: { apple: "2" } });
  });
  return {
    get namespace() {
      return shop.namespace;
    },
    get backup() {
      return shop.backup;
    },
    prices: async () => (await cluster.get("ConfigMap", shop.namespace, "prices")).data,
    change: async (data) => {
      await cluster.patch("ConfigMap", shop.namespace, "prices", { data });
    },
    statusOf: async (name) => {
      const plan = await cluster.get("RestorePlan", holdfast.namespace, name);
      return (plan as KubeObject & { status: PlanStatus }).status;
    },
  };
}

/** The `Ready` condition. */
export function ready({ conditions }: PlanStatus): ReadyCondition | undefined {
  return conditions?.find(({ type }) => type === "Ready");
}
