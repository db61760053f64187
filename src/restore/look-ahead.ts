/** Looks at resources of the cluster before their turn: most hold a few objects, and cost little but the wait for an answer. */
import type { LoadedResource } from "./batches.ts";

/** Resources that may wait for their turn. */
export const AHEAD = 4;
/** The rows of a resource with more objects are held alone: nothing is looked at behind it before its turn. */
const SMALL = 1_000;

/** Resources in their order, each loaded at its turn or a little before. */
export interface LookAhead {
  /** The next one, undefined at the end. Where it could not be loaded, the one after it can be taken all the same. */
  take(): Taken | undefined;
  /** Begins to load those that come next, until so many wait for their turn. */
  fill(most: number): void;
  /** Lets go of what waits, for the cluster is no longer what it was: it is loaded again. */
  forget(): void;
  /** Ends what is under way. */
  close(): Promise<void>;
}

/** A resource at its turn. */
export interface Taken {
  readonly resource: string;
  readonly loaded: Promise<LoadedResource>;
}

interface Waiting extends Taken {
  isSmall: boolean;
}

/** Nothing behind one of `changing` is looked at before that one was taken and the next is asked for. */
export function createLookAhead(
  resources: readonly string[],
  load: (resource: string) => Promise<LoadedResource>,
  changing: ReadonlySet<string> = new Set(),
): LookAhead {
  let waiting: Waiting[] = [];
  let next = 0;
  let wanted = 0;
  let closing: Promise<unknown> = Promise.resolve();

  function begin(resource: string): Waiting {
    next++;
    const begun: Waiting = { resource, loaded: load(resource), isSmall: false };
    begun.loaded.then(
      ({ candidates }) => {
        begun.isSmall = candidates.length <= SMALL;
        fill(wanted);
      },
      () => undefined, // thrown where it is taken
    );
    return begun;
  }

  function fill(most: number): void {
    wanted = most;
    const resource = resources[next];
    if (resource === undefined || waiting.length >= most || waiting.at(-1)?.isSmall === false) return;
    if (changing.has(resources[next - 1] ?? "")) return;
    waiting.push(begin(resource));
  }

  function forget(): void {
    wanted = 0;
    next -= waiting.length;
    closing = Promise.all([
      closing,
      ...waiting.map(({ loaded }) =>
        loaded.then(
          (each) => each.close(),
          () => undefined,
        ),
      ),
    ]);
    closing.catch(() => undefined);
    waiting = [];
  }

  return {
    take: () => {
      const first = waiting.shift();
      const resource = resources[next];
      return first ?? (resource === undefined ? undefined : begin(resource));
    },
    fill,
    forget,
    close: async () => {
      forget();
      await closing.catch(() => undefined);
    },
  };
}
