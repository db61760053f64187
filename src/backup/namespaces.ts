/** The Namespace objects of a backup: chosen last, when it is known which namespaces hold something. */

import type { BackupSpec } from "../api/kinds.generated.ts";
import { matchesLabels, selectsEverything } from "../api/label-selector.ts";
import type { KubeObject } from "../api/object.ts";
import type { KubeClient } from "../kube/client.ts";
import { fetchObjects } from "./fetch.ts";
import { at, isLabelledOut } from "./item-plan.ts";
import type { BackupPlan, NamespaceFacts } from "./plan.ts";
import type { BackupRun } from "./run.ts";
import { selectsAllNamespaces } from "./scope-plan.ts";

const NAMESPACES = { group: "", version: "v1", resource: "namespaces" };

/** What is known of every namespace. */
export async function readNamespaces(kube: KubeClient, signal: AbortSignal): Promise<NamespaceFacts[]> {
  const namespaces = await kube.list(NAMESPACES, { signal });
  return namespaces.map((namespace: KubeObject) => ({
    name: namespace.metadata.name,
    labels: namespace.metadata.labels ?? {},
    terminating:
      namespace.metadata.deletionTimestamp !== undefined || at(namespace, "status", "phase") === "Terminating",
  }));
}

/** Names of the namespaces that a label keeps out. */
export function labelledOutNamespaces(namespaces: readonly NamespaceFacts[]): string[] {
  return namespaces.filter((namespace) => isLabelledOut(namespace.labels)).map((namespace) => namespace.name);
}

/** Which Namespace objects are stored: selected ones, those a label selector matches, and those of archived objects. */
export function chosenNamespaces(
  spec: BackupSpec,
  plan: BackupPlan,
  namespaces: readonly NamespaceFacts[],
  used: ReadonlySet<string>,
): string[] {
  const resource = plan.resources.get("namespaces");
  if (resource === undefined || !plan.scope.lists(resource)) return [];
  const selectors = [
    ...(spec.labelSelector === undefined ? [] : [spec.labelSelector]),
    ...(spec.orLabelSelectors ?? []),
  ];
  const hasSelector = selectors.some((selector) => !selectsEverything(selector));
  const byFilter = !hasSelector || !selectsAllNamespaces(spec);
  return namespaces
    .filter(({ name, labels, terminating }) => {
      if (terminating || !plan.namespaces.filter.includes(name)) return false;
      return byFilter || used.has(name) || selectors.some((selector) => matchesLabels(selector, labels));
    })
    .map((namespace) => namespace.name);
}

/** Archives the chosen Namespace objects. */
export async function collectNamespaces(
  run: BackupRun,
  spec: BackupSpec,
  namespaces: readonly NamespaceFacts[],
): Promise<void> {
  const resource = run.plan.resources.get("namespaces");
  const chosen = chosenNamespaces(spec, run.plan, namespaces, run.usedNamespaces);
  if (resource === undefined || chosen.length === 0) return;
  await fetchObjects(
    run,
    resource,
    chosen.map((name) => ({ namespace: "", name })),
  );
}
