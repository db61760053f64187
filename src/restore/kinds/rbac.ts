/** Role bindings: a service account moves with its namespace. Users and groups are names only and stay. */
import { recordsAt } from "../json-path.ts";
import { KEEP, type KindHandler } from "./handler.ts";

/** Rewrites the namespaces of ServiceAccount subjects by the namespace mapping. */
export const prepareBinding: KindHandler = (object, { options }) => {
  for (const subject of recordsAt(object, "subjects")) {
    if (typeof subject.namespace !== "string") continue;
    const mapped = options.namespaceMapping.get(subject.namespace);
    if (mapped !== undefined) subject.namespace = mapped;
  }
  return KEEP;
};
