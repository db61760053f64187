/** An S3 server on this machine: versitygw over a temporary folder, with versioning and Object Lock. */
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { get } from "node:http";
import { join } from "node:path";
import { findBinary } from "../binaries/find-binary.ts";
import { withFreePorts } from "../process/free-port.ts";
import { createGuardedFolder } from "../process/guarded-folder.ts";
import { startServer } from "../process/server-process.ts";

/** How to reach an S3 server. Path style addressing only. */
export interface S3Connection {
  /** Such as `http://127.0.0.1:23456`. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A running S3 server. */
export interface S3Server extends S3Connection {
  readonly pid: number;
  stop(): Promise<void>;
}

const REGION = "us-east-1";

/** Starts an empty S3 server with random root credentials. */
export async function startS3Server(): Promise<S3Server> {
  const binary = await findBinary("versitygw");
  return await withFreePorts(1, async ([port = 0]) => {
    const folder = await createGuardedFolder();
    const connection = {
      endpoint: `http://127.0.0.1:${port}`,
      region: REGION,
      accessKeyId: randomBytes(10).toString("hex"),
      secretAccessKey: randomBytes(20).toString("hex"),
    };
    try {
      // Neither inside the other, and no name the prefix of the other's: versitygw would mix them up.
      const [data, versions] = [join(folder.path, "data"), join(folder.path, "versions")];
      await Promise.all([mkdir(data), mkdir(versions)]);
      const server = await startServer({
        name: "versitygw",
        command: binary,
        args: [
          `--port=127.0.0.1:${port}`,
          "--health=/health",
          "--keep-alive",
          "--quiet",
          "posix",
          `--versioning-dir=${versions}`,
          data,
        ],
        env: { ROOT_ACCESS_KEY: connection.accessKeyId, ROOT_SECRET_KEY: connection.secretAccessKey },
        folder,
        ready: () => isHealthy(`${connection.endpoint}/health`),
      });
      const stop = async () => {
        await server.stop();
        await folder.remove();
      };
      return { ...connection, pid: server.pid, stop };
    } catch (error) {
      await folder.remove();
      throw error;
    }
  });
}

async function isHealthy(url: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  get(url, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  }).on("error", reject);
  return await promise;
}
