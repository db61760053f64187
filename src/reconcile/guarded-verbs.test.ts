import { describe, expect, it } from "vitest";
import type { KubeClient } from "../kube/client.ts";
import { leasedKube } from "./leased.ts";
import { readOnlyKube } from "./read-only.ts";

/** Every verb of a client, and whether it writes. A verb that is missing here, or new, does not compile. */
const WRITES: Readonly<Record<keyof KubeClient, boolean>> = {
  get: false,
  getBytes: false,
  listPages: false,
  list: false,
  create: true,
  createBytes: true,
  patch: true,
  patchBytes: true,
  replace: true,
  delete: true,
  discovery: false,
  exec: true,
  getPath: false,
  watchResource: false,
  close: false,
};
const WRITING = (Object.keys(WRITES) as (keyof KubeClient)[]).filter((verb) => WRITES[verb]);

type Verb = () => Promise<unknown>;

/** Nothing stands behind the adapters: a verb that they forget would not be there at all. */
const NOTHING = {} as KubeClient;

describe("adapters of the API server", () => {
  it.each(WRITING)("refuse %s without the lease", async (verb) => {
    const leased = leasedKube(NOTHING, {
      lost: new AbortController().signal,
      assertHeld: () => {
        throw new Error("the lease is lost");
      },
    });

    await expect((async () => await (leased[verb] as Verb)())()).rejects.toThrow("the lease is lost");
  });

  it.each(WRITING)("refuse %s for those who only look", async (verb) => {
    await expect((async () => await (readOnlyKube(NOTHING)[verb] as Verb)())()).rejects.toThrow(
      "a plan tried to write",
    );
  });
});
