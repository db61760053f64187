/** Storage classes of another cluster: volumes, claims and claim templates follow the mapping. */
import { recordAt, recordsAt, textAt } from "../json-path.ts";
import { KEEP, type KindContext, type KindHandler, type Prepared } from "./handler.ts";

/** Maps `spec.storageClassName` of a PersistentVolume or claim. */
export const mapStorageClass: KindHandler = (object, context) => mapIn(recordAt(object, "spec"), context);

/** Maps the claim templates of a StatefulSet. */
export const mapClaimTemplates: KindHandler = (object, context) => {
  for (const template of recordsAt(object, "spec", "volumeClaimTemplates")) {
    const prepared = mapIn(recordAt(template, "spec"), context);
    if (prepared.type !== "keep") return prepared;
  }
  return KEEP;
};

function mapIn(spec: Record<string, unknown> | undefined, { options, known }: KindContext): Prepared {
  const current = textAt(spec, "storageClassName");
  const mapped = current === "" ? undefined : options.storageClassMapping.get(current);
  if (spec === undefined || mapped === undefined) return KEEP;
  if (!known.storageClassExists(mapped)) {
    return {
      type: "fail",
      reason: "StorageClassMissing",
      message: `StorageClass ${mapped}, which ${current} is mapped to, does not exist: create it or change the mapping`,
    };
  }
  spec.storageClassName = mapped;
  return KEEP;
}
