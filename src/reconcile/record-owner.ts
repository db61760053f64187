/** Whose status branch it is, and which of its leaders may write it. */
import { CodedError } from "../errors.ts";
import type { BranchView } from "../git/remote.ts";
import { CLUSTER_PATH } from "../report/record-paths.ts";
import { parseClusterRecord } from "../report/restore-record.ts";
import type { Installation } from "./deps.ts";

/** @throws {ClusterMismatch} for the branch of another cluster of our name; @throws {LeaseLost} to a later leader */
export async function assertOurs(
  head: Pick<BranchView, "readFile" | "commitInfo">,
  { cluster, clusterUid, term }: Installation,
): Promise<void> {
  const bytes = await head.readFile(CLUSTER_PATH);
  const owner = bytes === undefined ? undefined : parseClusterRecord(bytes);
  if (owner !== undefined && owner.uid !== clusterUid) {
    throw new CodedError(
      "ClusterMismatch",
      { cluster: owner.cluster, uid: owner.uid },
      `the status branch belongs to another cluster named ${cluster} (kube-system UID ${owner.uid}, here ${clusterUid}): if that cluster is lost for good, \`holdfast bootstrap --take-over\` claims its record; else give this installation another name with --cluster, or another --status-branch`,
    );
  }
  const info = await head.commitInfo();
  const seen = Number(/^Holdfast-Term: (\d+)$/m.exec(info?.message ?? "")?.[1] ?? 0);
  if (seen > term) {
    throw new CodedError(
      "LeaseLost",
      { lease: "holdfast" },
      `a leader of term ${seen} writes the status branch, this one has term ${term}`,
    );
  }
}
