import https from "node:https";

/** How the baselines reach the API server. */
export interface BareConnection {
  readonly server: string;
  readonly token: string;
  /** PEM. */
  readonly ca: string;
}

/** The least a client can do: keep-alive HTTPS, no retries, no limiter, no parsing. What the product is compared with. */
export interface BareClient {
  /** The body's chunks as they came. Rejects on any status but a success. */
  send(method: string, path: string, body?: string | Buffer, contentType?: string): Promise<Buffer[]>;
  close(): void;
}

export function createBareClient(connection: BareConnection): BareClient {
  const agent = new https.Agent({ keepAlive: true, ca: connection.ca });
  const { hostname: host, port } = new URL(connection.server);
  return {
    send(method, path, body, contentType = "application/json") {
      return new Promise((resolve, reject) => {
        const headers: Record<string, string> = {
          authorization: `Bearer ${connection.token}`,
          accept: "application/json",
          "accept-encoding": "identity",
        };
        if (body !== undefined) {
          headers["content-type"] = contentType;
          headers["content-length"] = String(Buffer.byteLength(body));
        }
        const request = https.request({ host, port, method, path, headers, agent }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            if ((response.statusCode ?? 0) < 300) resolve(chunks);
            else
              reject(
                new Error(
                  `${method} ${path}: ${response.statusCode} ${Buffer.concat(chunks).toString().slice(0, 500)}`,
                ),
              );
          });
        });
        request.on("error", reject);
        request.end(body);
      });
    },
    close: () => agent.destroy(),
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
