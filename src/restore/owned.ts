import { type KubeObject, parseApiVersion } from "../api/object.ts";
import { gitFieldsOf } from "../gitops/git-fields.ts";
import { formatOwner } from "../gitops/owner.ts";
import { ownershipOf } from "../gitops/ownership.ts";
import type { FieldChange, PlanAction } from "../report/plan.ts";
import type { RestoreSession } from "./session.ts";
import type { PlannedItem } from "./types.ts";

/** Actions that write what a GitOps controller would see. */
const WRITES: ReadonlySet<PlanAction> = new Set(["create", "patch", "labelsOnly", "recreate", "delete"]);

/** The item with who applies it from Git, and with the changes marked that Git will undo; as it is where nobody asked. */
export function withOwnership(
  session: RestoreSession,
  item: PlannedItem,
  readLive: () => KubeObject | undefined = () => undefined,
): PlannedItem {
  const { owners: world } = session.request;
  const { entry } = item;
  if (world === undefined || !WRITES.has(entry.action)) return item;
  const live = readLive();
  const { group } = parseApiVersion(entry.apiVersion);
  const target = { group, kind: entry.kind, namespace: entry.namespace, name: entry.name };
  const found = ownershipOf(world, target, [live, item.desired]);
  const fields = live === undefined ? undefined : gitFieldsOf(live);
  // a mark in the backup alone may be of an owner that went with the rest: nobody is there to undo anything
  const missing = fields?.isApplied === true ? ownershipOf(world, target, [live]).missing : [];
  const changes = entry.changes?.map((change) => marked(change, fields?.managerOf(change.path)));
  return {
    ...item,
    ownership: { owners: found.owners, missing },
    entry: {
      ...entry,
      ...(changes === undefined ? {} : { changes }),
      ...(found.owners.length === 0 ? {} : { owners: found.owners.map(formatOwner) }),
    },
  };
}

function marked(change: FieldChange, manager: string | undefined): FieldChange {
  return manager === undefined ? change : { ...change, undoneBy: manager };
}
