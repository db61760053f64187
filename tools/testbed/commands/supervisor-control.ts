import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readState, type UpState } from "./state.ts";

/** The supervisor's door. */
export interface ControlDoor {
  readonly url: string;
  readonly token: string;
  /** Resolves when someone asks the supervisor to stop. */
  readonly stopAsked: Promise<void>;
  close(): void;
}

/** Opens a door on loopback for `status` and `down`. Not signals to a pid: a pid may belong to someone else by then. */
export async function openControlDoor(): Promise<ControlDoor> {
  const token = randomBytes(16).toString("hex");
  const stopAsked = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    const isAllowed = request.headers.authorization === `Bearer ${token}`;
    response.writeHead(isAllowed ? 200 : 403).end();
    if (isAllowed && request.method === "POST" && request.url === "/stop") stopAsked.resolve();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    stopAsked: stopAsked.promise,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The state of the testbed that runs; undefined when none does. */
export async function readLiveState(): Promise<UpState | undefined> {
  const state = await readState();
  return state !== undefined && (await ask(state, "GET", "/")) ? state : undefined;
}

/** Asks the supervisor to stop; false when it is not there. */
export async function askToStop(state: UpState): Promise<boolean> {
  return await ask(state, "POST", "/stop");
}

async function ask(state: UpState, method: string, path: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${state.controlToken}`, connection: "close" };
  const answer = await fetch(`${state.controlUrl}${path}`, { method, headers }).catch(() => undefined);
  return answer?.status === 200;
}
