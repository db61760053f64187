/** Image names: another registry in the target cluster. */
import { recordAt, recordsAt, textAt } from "../json-path.ts";
import { KEEP, type KindHandler } from "./handler.ts";

/** Where each kind keeps its pod spec. */
const POD_SPECS: readonly (readonly string[])[] = [
  ["spec"],
  ["spec", "template", "spec"],
  ["spec", "jobTemplate", "spec", "template", "spec"],
];

/** Replaces the first mapping's old text that an image contains, in containers and init containers. */
export const mapImages: KindHandler = (object, { options }) => {
  if (options.imageMapping.length === 0) return KEEP;
  for (const path of POD_SPECS) {
    const spec = recordAt(object, ...path);
    for (const container of [...recordsAt(spec, "containers"), ...recordsAt(spec, "initContainers")]) {
      const image = textAt(container, "image");
      const rule = options.imageMapping.find(({ from }) => image.includes(from));
      if (rule !== undefined) container.image = image.replaceAll(rule.from, rule.to);
    }
  }
  return KEEP;
};
