/** Installs Holdfast from the manifests that come with it, by server-side apply. */
import { readFile } from "node:fs/promises";
import { parse, parseAllDocuments } from "yaml";
import type { KubeObject } from "../api/object.ts";
import type { Clock } from "../clock.ts";
import { CodedError, isCoded } from "../errors.ts";
import type { Discovery, KubeClient } from "../kube/client.ts";

const ROOT = new URL("../../", import.meta.url);
/** The manifests name it; another one needs a kustomization of its own. */
export const PACKAGED_NAMESPACE = "holdfast";
const FIELD_MANAGER = "holdfast-bootstrap";
const ESTABLISHED_WITHIN_MS = 60_000;

export interface InstallChoices {
  /** Name of the installation, for the ConfigMap. */
  readonly cluster: string;
  /** The image of the Deployment; undefined as the manifests have it. */
  readonly image: string | undefined;
  /** Appended to the arguments of the Deployment. */
  readonly args: readonly string[];
}

/** The objects of `kustomization.yaml` in its order, with the installation's choices put in. */
export async function packagedObjects(choices: InstallChoices): Promise<readonly KubeObject[]> {
  const kustomization = parse(await readFile(new URL("kustomization.yaml", ROOT), "utf8")) as {
    readonly resources: readonly string[];
    readonly images: readonly { readonly name: string; readonly newTag: string }[];
  };
  const texts = await Promise.all(kustomization.resources.map((path) => readFile(new URL(path, ROOT), "utf8")));
  const objects = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as KubeObject));
  const [image] = kustomization.images;
  return objects.map((object) =>
    choose(object, { ...choices, image: choices.image ?? `${image?.name}:${image?.newTag}` }),
  );
}

function choose(object: KubeObject, { cluster, image, args }: InstallChoices): KubeObject {
  if (object.kind === "ConfigMap") return { ...object, data: { ...(object.data as object), cluster } };
  if (object.kind !== "Deployment") return object;
  const spec = structuredClone(object.spec) as {
    template: { spec: { containers: { image?: string | undefined; args: string[] }[] } };
  };
  for (const container of spec.template.spec.containers) {
    container.image = image;
    container.args.push(...args);
  }
  return { ...object, spec };
}

/** Applies objects in their order; kinds that were just made are waited for. @throws {KubeConflict} with the remedy */
export async function applyObjects(
  kube: KubeClient,
  clock: Clock,
  objects: readonly KubeObject[],
  options: { readonly force: boolean; readonly signal: AbortSignal },
): Promise<void> {
  for (const object of objects) {
    const gvr = await servedAs(kube, clock, object, options.signal);
    const key = { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
    const writing = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict", signal: options.signal } as const;
    try {
      await kube.patch(gvr, key, { type: "apply", body: object, force: options.force }, writing);
    } catch (error) {
      if (!isCoded(error, "KubeConflict")) throw error;
      const ref = `${object.kind} ${object.metadata.name}`;
      const message = `${ref} was applied by somebody else already (${error.message}): --force-conflicts takes it over`;
      throw new CodedError("KubeConflict", { ref }, message, { cause: error });
    }
  }
}

type Served = Discovery["resources"][number];

async function servedAs(kube: KubeClient, clock: Clock, object: KubeObject, signal: AbortSignal): Promise<Served> {
  const [group, version] = object.apiVersion.includes("/") ? object.apiVersion.split("/") : ["", object.apiVersion];
  const deadline = clock.monotonic() + ESTABLISHED_WITHIN_MS;
  for (let refresh = false; ; refresh = true) {
    const { resources } = await kube.discovery({ refresh, signal });
    const found = resources.find(
      (each) => each.group === group && each.version === version && each.kind === object.kind,
    );
    if (found !== undefined) return found;
    if (clock.monotonic() > deadline) {
      const message = `the API server does not serve ${object.kind} of ${object.apiVersion}`;
      throw new CodedError("KubeNotFound", { ref: object.kind }, message);
    }
    await clock.sleep(250, signal);
  }
}
