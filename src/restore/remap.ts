/**
 * Ownership marks of Argo CD, Flux and Helm name a place. In another namespace they would be lies: the owner would prune
 * the copy, or adopt it.
 */
import type { KubeObject } from "../api/object.ts";
import { dropKeys } from "./json-path.ts";

const STRIPPED_LABELS: readonly string[] = [
  "argocd.argoproj.io/instance",
  "kustomize.toolkit.fluxcd.io/name",
  "kustomize.toolkit.fluxcd.io/namespace",
  "helm.toolkit.fluxcd.io/name",
  "helm.toolkit.fluxcd.io/namespace",
];

const STRIPPED_ANNOTATIONS: readonly string[] = [
  "argocd.argoproj.io/tracking-id",
  "argocd.argoproj.io/installation-id",
];

const HELM_NAMESPACE = "meta.helm.sh/release-namespace";

/** Rewrites or strips the marks in place; returns one sentence when there were any. */
export function remapOwnershipMarks(object: KubeObject, source: string, target: string): string | undefined {
  if (source === target) return undefined;
  const { metadata } = object;
  const found = [
    ...STRIPPED_LABELS.filter((key) => metadata.labels?.[key] !== undefined),
    ...STRIPPED_ANNOTATIONS.filter((key) => metadata.annotations?.[key] !== undefined),
  ];
  if (found.length > 0) {
    dropKeys(metadata, "labels", STRIPPED_LABELS);
    dropKeys(metadata, "annotations", STRIPPED_ANNOTATIONS);
  }
  const followsHelm = metadata.annotations?.[HELM_NAMESPACE] === source;
  if (followsHelm && metadata.annotations !== undefined) metadata.annotations[HELM_NAMESPACE] = target;
  if (found.length === 0 && !followsHelm) return undefined;
  const stripped = found.length > 0 ? `removed ${found.join(", ")}` : "";
  const rewritten = followsHelm ? `set ${HELM_NAMESPACE} to ${target}` : "";
  return `ownership marks of namespace ${source}: ${[stripped, rewritten].filter((text) => text !== "").join("; ")}`;
}
