/** The only writer: files on top of a branch's head, by compare and swap, and never by force. */
import type { Clock } from "../clock.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import { type Branch, converse } from "./branch.ts";
import type { Clone } from "./clone.ts";
import { parseCommit, serializeCommit, withSignature } from "./commit-object.ts";
import { descends } from "./history.ts";
import { objectId } from "./object-id.ts";
import { writePack } from "./pack-writer.ts";
import { listOneFolder, readOneFile, type TreeSource } from "./read-tree.ts";
import { type PushOutcome, pushPack } from "./receive-pack.ts";
import type { BranchView, CommitOutcome, CommitRequest, CommitSigner, Revision } from "./remote.ts";
import { type ReadObject, readExisting } from "./tree.ts";
import { editTree, type NewObject } from "./tree-edit.ts";
import type { Transport } from "./wire.ts";

const DEADLINE_MS = 60_000;
const MAX_BACKOFF_MS = 5_000;

/** What is left of a branch whose last file was deleted. */
const EMPTY_TREE: NewObject = {
  type: "tree",
  oid: objectId("tree", Buffer.alloc(0)),
  bytes: Buffer.alloc(0),
  replaces: undefined,
};

export interface CommitDeps {
  readonly transport: Transport;
  readonly branch: Branch;
  readonly clock: Clock;
  readonly sign: CommitSigner | undefined;
}

/** What a commit knows of the branch while it tries. */
interface Attempt {
  /** Where the branch stands, as far as we know. */
  head: Revision | undefined;
  /** Whether the remote itself said so during this commit. */
  isFresh: boolean;
  /** Commits that went out and were not answered: any of them may stand on the branch. */
  readonly unanswered: Revision[];
  readonly deadline: number;
  number: number;
}

/** See `GitRemote.commitIfChanged`; the caller has taken the branch's turn. */
export async function commitIfChanged(deps: CommitDeps, request: CommitRequest): Promise<CommitOutcome> {
  const { branch, clock } = deps;
  const deadline = clock.monotonic() + (request.deadlineMs ?? DEADLINE_MS);
  // A known head is built on without asking: the push itself compares. "Nothing to do" is only said of a head just read.
  const attempt: Attempt = { head: branch.clone.head, isFresh: false, unanswered: [], deadline, number: 1 };
  const renew = async (): Promise<void> => {
    attempt.head = await branch.refresh(request.signal);
    attempt.isFresh = true;
  };
  if (attempt.head === undefined) await renew();
  for (; ; attempt.number++) {
    const draft = await makeDraft(deps, request, attempt.head);
    if (draft !== undefined) {
      if (await pushAndSettle(deps, request, attempt, draft)) return await keepCommit(branch, draft, attempt.number);
      continue;
    }
    const before = attempt.head;
    if (!attempt.isFresh) await renew();
    if (attempt.head === before) return await settleUnchanged(branch, attempt);
  }
}

/** Whether the draft is the branch's head now; if not, `attempt` knows the head to build on. */
async function pushAndSettle(
  deps: CommitDeps,
  request: CommitRequest,
  attempt: Attempt,
  draft: Draft,
): Promise<boolean> {
  const outcome = await push(deps, draft, request.signal);
  if (outcome.type === "pushed") return true;
  if (outcome.type === "unknown") attempt.unanswered.push(draft.revision);
  attempt.head = await waitForHead(deps, request, attempt, outcome);
  attempt.isFresh = true;
  return attempt.head === draft.revision;
}

interface Draft {
  readonly from: Revision | undefined;
  readonly revision: Revision;
  readonly objects: readonly NewObject[];
  readonly paths: readonly string[];
}

/** The commit that would put the files there; undefined when they stand there already. */
async function makeDraft(
  deps: CommitDeps,
  request: CommitRequest,
  head: Revision | undefined,
): Promise<Draft | undefined> {
  if (head === undefined) {
    if (request.whenAbsent === "fail") throw await deps.branch.missing(request.signal);
    return await draftOn(deps, request, undefined);
  }
  return await onClone(deps.branch, (clone) => draftOn(deps, request, clone));
}

async function draftOn(deps: CommitDeps, request: CommitRequest, clone: Clone | undefined): Promise<Draft | undefined> {
  const read: ReadObject = clone?.objects.read ?? (async () => undefined);
  const parent = clone === undefined ? undefined : await readCommit(clone);
  const files = typeof request.files === "function" ? await request.files(viewOf(clone, parent)) : request.files;
  const edit = await editTree(read, parent?.tree, files);
  if (edit.root === parent?.tree) return undefined;
  const objects = edit.root === undefined ? [EMPTY_TREE] : edit.objects;
  const payload = serializeCommit({
    tree: edit.root ?? EMPTY_TREE.oid,
    parents: parent === undefined ? [] : [parent.revision],
    author: request.author,
    timeMs: deps.clock.now(),
    message: request.message,
  });
  const bytes = deps.sign === undefined ? payload : withSignature(payload, await deps.sign(payload));
  const revision = objectId("commit", bytes);
  const commit: NewObject = { type: "commit", oid: revision, bytes, replaces: undefined };
  return { from: parent?.revision, revision, objects: [commit, ...objects], paths: edit.changed };
}

async function readCommit(clone: Clone): Promise<ReturnType<typeof parseCommit>> {
  return parseCommit(clone.head, (await readExisting(clone.objects.read, clone.head, "commit")).bytes);
}

function viewOf(clone: Clone | undefined, head: ReturnType<typeof parseCommit> | undefined): BranchView {
  if (clone === undefined || head === undefined) {
    return {
      revision: undefined,
      readFile: async () => undefined,
      listFolder: async () => [],
      commitInfo: async () => undefined,
    };
  }
  const { read, sizeOf } = clone.objects;
  const source: TreeSource = { read, sizeOf, revision: head.revision, root: head.tree };
  return {
    revision: head.revision,
    readFile: (path) => readOneFile(source, path),
    listFolder: (path) => listOneFolder(source, path),
    commitInfo: async () => head,
  };
}

async function push(deps: CommitDeps, draft: Draft, signal: AbortSignal | undefined): Promise<PushOutcome> {
  const { branch, transport } = deps;
  const read: ReadObject = async (oid) => await branch.clone.use((clone) => clone.objects.read(oid));
  return await converse(transport, "push", signal, (wire) =>
    pushPack(wire, {
      ref: branch.ref,
      from: draft.from,
      to: draft.revision,
      pack: (thin) => writePack(draft.objects, read, thin),
    }),
  );
}

async function keepCommit(branch: Branch, draft: Draft, attempts: number): Promise<CommitOutcome> {
  await branch.clone.advance(draft.revision, async (objects) => {
    for (const { type, bytes } of draft.objects) await objects.write(type, bytes);
  });
  return { type: "committed", revision: draft.revision, paths: draft.paths, attempts };
}

/** Nothing is left to do: because it stood there, or because a push of ours arrived without an answer. */
async function settleUnchanged(branch: Branch, { head, unanswered, number }: Attempt): Promise<CommitOutcome> {
  for (const revision of head === undefined ? [] : unanswered) {
    const arrived = await onClone(branch, (clone) => descends(clone.objects.read, revision, clone.head));
    if (arrived === "yes") return { type: "committed", revision, paths: [], attempts: number };
  }
  return { type: "unchanged", revision: head };
}

/** Waits a while, then reads where the branch stands: the one answer to all the shapes of a failed push. */
async function waitForHead(
  deps: CommitDeps,
  request: CommitRequest,
  attempt: Attempt,
  outcome: FailedPush,
): Promise<Revision | undefined> {
  const { branch, clock } = deps;
  for (let tries = attempt.number; ; tries++) {
    // Full jitter: writers that lost the same race don't meet again.
    const pauseMs = Math.random() * Math.min(MAX_BACKOFF_MS, 50 * 2 ** Math.min(tries, 10));
    if (clock.monotonic() + pauseMs > attempt.deadline) throw giveUp(branch.ref, attempt, outcome);
    await clock.sleep(pauseMs, request.signal);
    try {
      return await branch.refresh(request.signal);
    } catch (error) {
      const mayPass = isCoded(error, "GitUnreachable") || isCoded(error, "GitTimeout");
      if (!mayPass || outcome.type !== "unknown") throw error;
    }
  }
}

type FailedPush = Exclude<PushOutcome, { type: "pushed" }>;

function giveUp(ref: string, attempt: Attempt, outcome: FailedPush): Error {
  const branch = ref.replace(/^refs\/heads\//, "");
  if (outcome.type === "unknown" && outcome.error instanceof CodedError) return outcome.error;
  const why = reasonOf(outcome);
  const message = `pushing to ${branch} was given up after ${attempt.number} attempts: ${why}`;
  return new CodedError("GitPushRejected", { branch, why }, message);
}

function reasonOf(outcome: FailedPush): string {
  switch (outcome.type) {
    case "moved":
      return "the branch moved on each time";
    case "refused":
      return `the remote refused: ${outcome.why}`;
    case "unknown":
      return `the remote gave no answer: ${messageOf(outcome.error)}`;
  }
}

async function onClone<T>(branch: Branch, run: (clone: Clone) => Promise<T>): Promise<T> {
  const running = branch.clone.use(run);
  if (running !== undefined) return await running;
  throw new CodedError("GitRevisionMissing", { revision: branch.ref }, `${branch.ref} has not been fetched`);
}
