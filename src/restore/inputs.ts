/** What a spec refers to and the engine is given: the ConfigMaps of modifiers and policy, and Velero's plug-in ConfigMaps. */
import type { RestorePlanSpec } from "../api/kinds.generated.ts";
import type { GroupVersionResource, KubeObject } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import type { RestoreRequest } from "./types.ts";

const CONFIG_MAPS: GroupVersionResource = { group: "", version: "v1", resource: "configmaps" };
const PLUGIN_CONFIG = "velero.io/plugin-config";

/** The part of a request that stands in ConfigMaps of the plan's namespace, or of Holdfast's own. */
export type RestoreInputs = Pick<
  RestoreRequest,
  "modifierData" | "policyData" | "storageClassMapping" | "imageMapping" | "resourcePriorities"
>;

/**
 * Reads them. A ConfigMap that does not exist leaves `modifierData` or `policyData` out, which validation reports.
 * @throws {InvalidSpec} when two ConfigMaps claim to configure one plug-in
 */
export async function loadRestoreInputs(
  kube: KubeClient,
  spec: RestorePlanSpec,
  namespace: string,
  ownNamespace: string,
): Promise<RestoreInputs> {
  const named = async (name: string | undefined): Promise<KubeObject | undefined> =>
    name === undefined ? undefined : await kube.get(CONFIG_MAPS, { namespace, name });
  const modifiers = await named(spec.resourceModifier?.name);
  const policy = await named(spec.resourcePolicy?.name);
  const configs = await kube.list(CONFIG_MAPS, { namespace: ownNamespace, labelSelector: PLUGIN_CONFIG });
  const storageClasses = pluginConfig(configs, "velero.io/change-storage-class");
  const images = pluginConfig(configs, "velero.io/change-image-name");
  return {
    ...(modifiers === undefined ? {} : { modifierData: dataOf(modifiers) }),
    ...(policy === undefined ? {} : { policyData: dataOf(policy) }),
    ...(storageClasses === undefined ? {} : { storageClassMapping: storageClasses }),
    ...(images === undefined ? {} : { imageMapping: Object.values(images) }),
  };
}

function pluginConfig(configs: readonly KubeObject[], plugin: string): Record<string, string> | undefined {
  const [config, ...more] = configs.filter(({ metadata }) => metadata.labels?.[plugin] === "RestoreItemAction");
  if (more.length > 0) {
    const names = [config, ...more].map((each) => each?.metadata.name).join(", ");
    throw new CodedError(
      "InvalidSpec",
      { fields: [] },
      `more than one ConfigMap configures ${plugin}: ${names}; keep one`,
    );
  }
  return config === undefined ? undefined : dataOf(config);
}

function dataOf(config: KubeObject): Record<string, string> {
  return { ...(config.data as Record<string, string> | undefined) };
}
