/** Init containers that a restore hook puts in front of a pod's own. */
import { sha256 } from "../../api/digest.ts";
import { initContainersFor } from "../hook-spec.ts";
import { recordAt, recordsAt, textAt } from "../json-path.ts";
import { KEEP, type KindHandler } from "./handler.ts";

/** Velero's waiting containers stay first: nothing may run before a volume's data is there. */
const WAITING = new Set(["restore-wait", "restic-wait"]);

/** Inserts the hook's containers, in order; named by content where they have no name, so that a plan stays the same. */
export const injectInitHooks: KindHandler = (object, { options, targetNamespace }) => {
  const spec = recordAt(object, "spec");
  if (spec === undefined) return KEEP;
  const name = `velero-restore-init-${sha256(`${targetNamespace}/${object.metadata.name}`).slice(0, 8)}`;
  const added = initContainersFor(object, targetNamespace, options.hooks, name);
  if (added.length === 0) return KEEP;
  const own = recordsAt(spec, "initContainers");
  const waiting = own.filter((container) => WAITING.has(textAt(container, "name")));
  const others = own.filter((container) => !waiting.includes(container));
  spec.initContainers = [...waiting, ...added, ...others];
  return KEEP;
};
