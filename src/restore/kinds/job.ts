/** Jobs: the selector of the old Job's uid would never match the new one's pods. */
import { dropKeys, recordAt, textAt } from "../json-path.ts";
import { KEEP, type KindHandler } from "./handler.ts";

/** Set by the Job controller from the Job's uid. */
export const CONTROLLER_UID_LABELS: readonly string[] = ["controller-uid", "batch.kubernetes.io/controller-uid"];

export const skipFinishedJobs: KindHandler = (_object, { archived }) => {
  if (textAt(archived, "status", "completionTime") === "") return KEEP;
  return { type: "skip", reason: "Finished", message: "the Job had completed" };
};

/** Removes the uid labels from selector and template. */
export const prepareJob: KindHandler = (object) => {
  const selector = recordAt(object, "spec", "selector");
  if (selector !== undefined) dropKeys(selector, "matchLabels", CONTROLLER_UID_LABELS);
  const metadata = recordAt(object, "spec", "template", "metadata");
  if (metadata !== undefined) dropKeys(metadata, "labels", CONTROLLER_UID_LABELS);
  return KEEP;
};
