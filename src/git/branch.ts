/** One branch: its clone, the conversations that keep it current, and the order in which they happen. */
import { type BranchClone, createBranchClone } from "./clone.ts";
import type { Revision } from "./remote.ts";
import { explainMissing, readServerRef } from "./server-refs.ts";
import type { Transport, Wire } from "./wire.ts";

export interface Branch {
  readonly ref: string;
  readonly clone: BranchClone;
  /** Runs one thing at a time, in the order asked for. */
  inTurn<T>(run: () => Promise<T>): Promise<T>;
  /** Where the branch stands on the remote; nothing is downloaded. */
  readHead(signal?: AbortSignal): Promise<Revision | undefined>;
  /** Makes the clone current; downloads nothing when the head did not move. Undefined when the branch is absent. */
  refresh(signal?: AbortSignal): Promise<Revision | undefined>;
  /** Brings another ref's head into the clone, which must be current. @throws {GitBranchMissing} */
  fetchBeside(ref: string, signal?: AbortSignal): Promise<Revision>;
  /** Says why there is no such branch. */
  missing(signal?: AbortSignal): Promise<Error>;
}

/** Makes a branch whose clone lies below `folder`. */
export function createBranch(transport: Transport, folder: string, ref: string): Branch {
  const clone = createBranchClone(folder, ref);
  let last: Promise<unknown> = Promise.resolve();

  const readHead = (signal?: AbortSignal): Promise<Revision | undefined> =>
    converse(transport, "heads", signal, (wire) => readServerRef(wire, ref));

  return {
    ref,
    clone,
    inTurn: (run) => {
      const turn = last.then(run, run);
      last = turn.catch(() => {});
      return turn;
    },
    readHead,
    refresh: async (signal) => {
      const head = await readHead(signal);
      if (head === undefined) {
        clone.distrust();
        return undefined;
      }
      if (clone.head === head) return head;
      return await converse(transport, "fetch", signal, (wire) => clone.fetch(wire));
    },
    fetchBeside: (other, signal) => converse(transport, "fetch", signal, (wire) => clone.fetchBeside(wire, other)),
    missing: (signal) => converse(transport, "heads", signal, (wire) => explainMissing(wire, ref)),
  };
}

/** Holds one conversation and always ends it. */
export async function converse<T>(
  transport: Transport,
  operation: Parameters<Transport["begin"]>[0],
  signal: AbortSignal | undefined,
  run: (wire: Wire) => Promise<T>,
): Promise<T> {
  const wire = transport.begin(operation, signal);
  try {
    return await run(wire);
  } finally {
    wire.end();
  }
}
