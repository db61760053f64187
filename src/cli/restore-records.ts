/** What a finished run left in its location. */
import { gunzipSync } from "node:zlib";
import type { RestorePlan } from "../api/kinds.generated.ts";
import { isCoded } from "../errors.ts";
import { restoreKeys } from "../storage/layout.ts";
import { readAll } from "../storage/streams.ts";
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
  try {
    return gunzipSync(await readAll(await store.get(restoreKeys(run)[file], io.signal))).toString("utf8");
  } catch (error) {
    if (isCoded(error, "StoreObjectMissing")) return undefined;
    throw error;
  }
}
