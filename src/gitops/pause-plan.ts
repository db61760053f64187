/** Which owners a restore holds still, parents first, and which it can't: decided before anything is written. Pure. */
import type { PlannedOwner } from "../report/plan.ts";
import { gitFieldsOf } from "./git-fields.ts";
import { formatOwner, listOf, type Owner, type OwnerRef, recordOf, targetOf } from "./owner.ts";
import { type Ownership, type OwnerWorld, ownershipOf, parentsOf } from "./ownership.ts";
import { isPaused, pausePointer, pauseRecordOf, pauseText } from "./pause-change.ts";

/** `spec.gitOpsOwners`. */
export type OwnersMode = "Pause" | "Refuse" | "Ignore";

/** What was found of the objects that a restore writes. */
export interface OwnersFound {
  /** Owners by `formatOwner`, with how many of the objects they own. */
  readonly owners: ReadonlyMap<string, { readonly owner: Owner; readonly objects: number }>;
  /** Owners that a live object names and that are not in this cluster, with how many objects do. */
  readonly missing: ReadonlyMap<string, number>;
}

/** Gathers what planned objects say about their owners. */
export interface OwnersTally {
  add(ownership: Ownership | undefined): void;
  readonly found: OwnersFound;
}

/** A tally of nothing. */
export function createOwnersTally(): OwnersTally {
  const owners = new Map<string, { readonly owner: Owner; readonly objects: number }>();
  const missing = new Map<string, number>();
  return {
    found: { owners, missing },
    add: (ownership) => {
      if (ownership === undefined) return; // what nobody applies from Git
      for (const owner of ownership.owners) {
        const id = formatOwner(owner);
        owners.set(id, { owner, objects: (owners.get(id)?.objects ?? 0) + 1 });
      }
      for (const lost of ownership.missing.map(formatOwner)) missing.set(lost, (missing.get(lost) ?? 0) + 1);
    },
  };
}

/** What becomes of the owners. */
export interface PausePlan {
  /** To be paused, in this order; ended in the opposite one. */
  readonly pauses: readonly Owner[];
  /** For people: every owner, also those that stay as they are. */
  readonly shown: readonly PlannedOwner[];
  /** Why nothing may be written, with what to do about it. */
  readonly refusals: readonly string[];
}

const IGNORE = "or set gitOpsOwners: Ignore and pause it yourself";

/** Plans the pauses of a restore. */
export function planPauses(world: OwnerWorld, found: OwnersFound, mode: OwnersMode): PausePlan {
  const gathered: Gathered = { world, order: new Map(), refused: [] };
  for (const { owner } of found.owners.values()) gather(gathered, owner, undefined);
  const missing = [...found.missing].map(([owner, objects]) => missingOwner(owner, objects));
  const unreadable = world.unreadable.map(({ kind, message }) => ({
    owner: kind,
    objects: 0,
    message: `${kind} can't be listed (${message}), so it can't be told who owns what: grant list and patch on them, ${IGNORE}`,
  }));
  const refused = [...gathered.refused, ...missing, ...unreadable].map(
    (each) => ({ ...each, action: "refuse" }) as const,
  );
  const standing = [...gathered.order.values()].map(({ owner, protects }) => shownOwner(found, owner, protects));
  const shown = [...standing, ...refused];
  switch (mode) {
    case "Ignore":
      return { pauses: [], refusals: [], shown: shown.map((each) => ({ ...each, action: "ignore" })) };
    case "Refuse":
      return refusing(shown);
    case "Pause":
      return {
        pauses: [...gathered.order.values()].map(({ owner }) => owner).filter((owner) => !isStill(owner)),
        refusals: refused.map(({ message }) => message),
        shown,
      };
  }
}

interface Gathered {
  readonly world: OwnerWorld;
  /** By `formatOwner`; a parent stands before what it would undo. */
  readonly order: Map<string, { readonly owner: Owner; readonly protects: OwnerRef | undefined }>;
  readonly refused: { owner: string; objects: number; message: string }[];
}

function gather(gathered: Gathered, owner: Owner, protects: OwnerRef | undefined, path: readonly string[] = []): void {
  const id = formatOwner(owner);
  if (gathered.order.has(id) || path.includes(id)) return;
  if (!isStill(owner)) {
    for (const parent of parentsOf(gathered.world, owner)) {
      if (wouldUndo(parent, owner)) gather(gathered, parent, owner, [...path, id]);
    }
    refuseLostParents(gathered, owner);
  }
  gathered.order.set(id, { owner, protects });
}

/** Paused by somebody else, who also resumes it. A pause of another restore is waited for instead. */
function isStill({ kind, object }: Owner): boolean {
  return isPaused(kind, object) && pauseRecordOf(object) === undefined;
}

/** Whether a parent puts the field back that pauses its child: it has written it, or writes the child whole. */
function wouldUndo(parent: Owner, child: Owner): boolean {
  const { spec } = parent.object;
  if (parent.kind === "ApplicationSet") return recordOf(recordOf(spec).syncPolicy).applicationsSync !== "create-only";
  if (hasWrittenPause(child)) return true;
  return parent.kind === "Application" && (replacesAll(parent) || asksToBeReplaced(child));
}

const REPLACE = "Replace=true";

function replacesAll({ object }: Owner): boolean {
  const options = recordOf(recordOf(object.spec).syncPolicy).syncOptions;
  return Array.isArray(options) && options.includes(REPLACE);
}

/** Argo CD reads the option on the object too, in Git or live. */
function asksToBeReplaced({ object }: Owner): boolean {
  const options = object.metadata.annotations?.["argocd.argoproj.io/sync-options"] ?? "";
  return options.split(",").some((option) => option.trim() === REPLACE);
}

function hasWrittenPause({ kind, object }: Owner): boolean {
  return gitFieldsOf(object).managerOf(pausePointer(kind)) !== undefined;
}

function refuseLostParents({ world, refused }: Gathered, owner: Owner): void {
  const { missing } = ownershipOf(world, targetOf(owner.object), [owner.object]);
  if (missing.length === 0 || !hasWrittenPause(owner)) return;
  const parents = missing.map(formatOwner).join(", ");
  refused.push({
    owner: formatOwner(owner),
    objects: 0,
    message: `the pause of ${formatOwner(owner)} would be undone by ${parents}, which is not in this cluster: pause ${parents} where it is, or take ${pausePointer(owner.kind)} out of Git, ${IGNORE}`,
  });
}

function missingOwner(owner: string, objects: number): { owner: string; objects: number; message: string } {
  const message = `${owner} applies ${objects} of the objects and is not in this cluster: pause it where it is and set gitOpsOwners: Ignore`;
  return { owner, objects, message };
}

function shownOwner(found: OwnersFound, owner: Owner, protects: OwnerRef | undefined): PlannedOwner {
  const id = formatOwner(owner);
  const objects = found.owners.get(id)?.objects ?? 0;
  const why = protects === undefined || objects > 0 ? [] : [`it would undo the pause of ${formatOwner(protects)}`];
  const message = [...why, ...resumeNotes(owner)].join("; ");
  return {
    owner: id,
    action: isStill(owner) ? "paused" : "pause",
    how: pauseText(owner.kind),
    objects,
    ...(message === "" ? {} : { message }),
  };
}

/** What the owner does by itself once it goes on: the plan should promise neither more nor less. */
function resumeNotes({ kind, object }: Owner): string[] {
  const { driftDetection, syncPolicy } = recordOf(object.spec);
  if (kind === "HelmRelease") {
    const heals = recordOf(driftDetection).mode === "enabled";
    return [heals ? "on resume it corrects drift" : "on resume it leaves drift until its next upgrade"];
  }
  if (kind === "Application") {
    const automated = recordOf(syncPolicy).automated;
    if (automated === undefined || recordOf(automated).enabled === false) return ["it syncs only when asked"];
    return [
      recordOf(automated).selfHeal === true ? "on resume it heals itself" : "on resume it waits for a new commit",
    ];
  }
  return kind === "Kustomization" ? ["on resume it applies Git at once"] : [];
}

function refusing(shown: readonly PlannedOwner[]): PausePlan {
  const active = shown.filter(({ action }) => action !== "paused");
  const refusals =
    active.length === 0
      ? []
      : [
          `gitOpsOwners is Refuse, and ${active.map(({ owner }) => owner).join(", ")} would undo the restore: pause them in Git first, or set gitOpsOwners: Pause`,
        ];
  return {
    pauses: [],
    refusals,
    shown: shown.map((each) => (each.action === "paused" ? each : { ...each, action: "refuse" })),
  };
}

/** Where in Git the objects of an owner stand, as far as it says. */
export function sourceText({ kind, object }: Owner): string {
  const { path, sourceRef, source, sources } = recordOf(object.spec);
  if (kind === "Kustomization") {
    const { kind: type, name } = recordOf(sourceRef);
    return `${String(path ?? "./")} of ${String(type ?? "source")} ${String(name ?? "")}`;
  }
  const from = source === undefined ? listOf(sources) : [recordOf(source)];
  return from
    .map(({ repoURL, path: folder, chart }) => `${String(repoURL ?? "")} ${String(folder ?? chart ?? "")}`.trim())
    .join(", ");
}
