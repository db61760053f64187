import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { isTestbedError, TestbedError } from "../errors.ts";

// Below the ephemeral range of Linux (32768) and macOS (49152): an outgoing connection never takes a port from under us.
const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS = 8;

/** A port of 127.0.0.1 that nobody listens on now; someone else may take it before we do. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await canListen(port)) return port;
  }
}

/**
 * Runs `start` with free ports, and again with others when it lost one to another process.
 * @throws {PortTaken} when that happened too often to be chance
 */
export async function withFreePorts<T>(count: number, start: (ports: readonly number[]) => Promise<T>): Promise<T> {
  let lost: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const ports = new Set<number>();
    while (ports.size < count) ports.add(await freePort());
    try {
      return await start([...ports]);
    } catch (error) {
      if (!isTestbedError(error, "PortTaken")) throw error;
      lost = error;
    }
  }
  throw new TestbedError("PortTaken", `lost ${ATTEMPTS} ports in a row to other processes`, { cause: lost });
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  const outcome = Promise.race([once(server, "listening").then(() => true), once(server, "error").then(() => false)]);
  server.listen(port, "127.0.0.1");
  const free = await outcome.catch(() => false);
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}
