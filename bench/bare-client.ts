import { Pool } from "undici";

/** How the baselines reach the API server. */
export interface BareConnection {
  readonly server: string;
  readonly token: string;
  /** PEM. */
  readonly ca: string;
}

/**
 * The least a client can do: keep-alive HTTPS, no retries, no limiter, no parsing. What the product is compared with; by
 * the same HTTP library, since Node's own takes twice the CPU time and would make the limit easier to keep.
 */
export interface BareClient {
  /** The body's chunks as they came. Rejects on any status but a success. */
  send(method: "GET" | "POST" | "PATCH", path: string, body?: string | Buffer, contentType?: string): Promise<Buffer[]>;
  close(): void;
}

export function createBareClient({ server, token, ca }: BareConnection): BareClient {
  const pool = new Pool(server, { allowH2: false, connect: { ca } });
  const common = { authorization: `Bearer ${token}`, accept: "application/json", "accept-encoding": "identity" };
  return {
    send(method, path, body, contentType = "application/json") {
      const { promise, resolve, reject } = Promise.withResolvers<Buffer[]>();
      const chunks: Buffer[] = [];
      let status = 0;
      const end = (): void => {
        if (status < 300) resolve(chunks);
        else reject(new Error(`${method} ${path}: ${status} ${Buffer.concat(chunks).toString().slice(0, 500)}`));
      };
      const headers = body === undefined ? common : { ...common, "content-type": contentType };
      pool.dispatch(
        { method, path, headers, body: body ?? null },
        {
          onRequestStart: () => {},
          onResponseStart: (_controller, code) => {
            status = code;
          },
          onResponseData: (_controller, chunk) => void chunks.push(chunk),
          // its connection is free for the next request a turn later
          onResponseEnd: () => void process.nextTick(setImmediate, end),
          onResponseError: (_controller, error) => reject(error),
        },
      );
      return promise;
    },
    close: () => void pool.destroy(),
  };
}

/** Runs `work` on every item, so many at once. The first failure ends it. */
export async function inParallel<T>(
  items: Iterable<T> | AsyncIterable<T>,
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  async function lane(): Promise<void> {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      await work(next.value);
    }
  }
  await Promise.all(Array.from({ length: width }, lane));
}
