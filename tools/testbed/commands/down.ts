import { isAlive } from "../process/file-lock.ts";
import { waitUntil } from "../process/wait-until.ts";
import { readState, removeState } from "./state.ts";
import { askToStop } from "./supervisor-control.ts";

/** Stops the testbed and waits until it is gone. Twice is once. */
export async function down(): Promise<string> {
  const state = await readState();
  if (state === undefined) return "The testbed is not up.";
  if (!(await askToStop(state))) {
    await removeState(); // its supervisor was killed, and the servers with it
    return "The testbed is not up; removed what a killed one had left.";
  }
  await waitUntil(() => !isAlive(state.pid), { what: `pid ${state.pid} has ended`, timeoutMs: 30_000 });
  return "The testbed is down.";
}
