/** What is remembered of an object after a write: an undo is guarded by it. */

import { asBuffer } from "../api/json-bytes.ts";
import type { KubeObject } from "../api/object.ts";
import { parseForDeciding } from "../kube/item-bytes.ts";
import { metadataTexts } from "../kube/list-scanner.ts";
import { refOf } from "../kube/paths.ts";
import { errorOfGarble } from "../kube/status.ts";
import { settledContent, settledContentOfBytes } from "./settled-content.ts";
import type { ObjectRecord, PlannedItem } from "./types.ts";

export type WrittenObject = Pick<ObjectRecord, "uid" | "resourceVersion" | "content">;

/** Of a parsed object. */
export function writtenObject(resource: string, object: KubeObject): WrittenObject {
  const { uid, resourceVersion } = object.metadata;
  return guards([uid, resourceVersion], isGuessable(resource, object) ? undefined : settledContent(resource, object));
}

/** The same, of the answer to a write. @throws {KubeRejected} when it is no JSON */
export function writtenAnswer({ entry, gvr }: PlannedItem, answer: Uint8Array): WrittenObject {
  try {
    if (entry.resource === "secrets") return writtenObject(entry.resource, parseForDeciding(answer));
    const bytes = asBuffer(answer);
    return guards(metadataTexts(bytes, ["uid", "resourceVersion"]), settledContentOfBytes(entry.resource, bytes));
  } catch (error) {
    throw errorOfGarble(refOf(gvr, entry), error);
  }
}

/** Records go to Git, and whoever reads a digest there can try passwords against it. */
function isGuessable(resource: string, { type }: KubeObject): boolean {
  return resource === "secrets" && type !== "kubernetes.io/service-account-token";
}

function guards([uid, resourceVersion]: readonly (string | undefined)[], content: string | undefined): WrittenObject {
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(content === undefined ? {} : { content }),
  };
}
