/** What a finished run left in its location. */
import type { RestorePlan } from "../api/kinds.generated.ts";
import { restoreKeys } from "../storage/layout.ts";
import { readGzipText } from "../storage/velero-files.ts";
import type { CliIo } from "./io.ts";

/** The text of one of a run's files; undefined where it is not there. */
export async function readRunFile(
  io: CliIo,
  plan: RestorePlan,
  file: "logs" | "results" | "resourceList",
): Promise<string | undefined> {
  const run = plan.status?.run?.id;
  const backup = plan.status?.backup;
  if (run === undefined || backup === undefined) return undefined;
  const { store } = await io.deps().location(backup.storageLocation, backup.namespace);
  return await readGzipText(store, restoreKeys(run)[file], io.signal);
}
