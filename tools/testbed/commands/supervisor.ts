/** The process behind `testbed up`: it holds the servers until it is asked to stop, or is killed. */
import { findBinary } from "../binaries/find-binary.ts";
import { TestbedError } from "../errors.ts";
import { createBucket } from "../s3/bucket.ts";
import { startTestbed, type Testbed, type TestbedParts } from "../testbed.ts";
import { removeState, type UpState, writeState } from "./state.ts";
import { type ControlDoor, openControlDoor } from "./supervisor-control.ts";

const NAME = "testbed";

try {
  await supervise(JSON.parse(process.argv[2] ?? "{}") as TestbedParts);
} catch (error) {
  process.stderr.write(`${error instanceof TestbedError ? error.message : String(error)}\n`);
  process.exit(1); // the launcher's pipe would keep us
}

async function supervise(parts: TestbedParts): Promise<void> {
  const asked = Promise.withResolvers<void>();
  let isUp = false;
  // Half started there is nothing to stop in order: the servers' guards clear up after a dead parent.
  const leave = () => (isUp ? asked.resolve() : process.exit(1));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, leave);
  endWithLauncher(() => process.exit(1));
  const testbed = await startTestbed(parts);
  const door = await openControlDoor();
  try {
    await writeState(await describe(parts, testbed, door));
    isUp = true;
    await Promise.race([door.stopAsked, asked.promise]);
  } finally {
    await testbed.stop();
    await removeState();
    door.close();
  }
}

/** Until the launcher says that it has seen us, its end (Ctrl-C, say) is ours: the pipe closes without a word. */
function endWithLauncher(end: () => void): void {
  process.stdin.once("data", () => process.stdin.removeAllListeners("close").destroy());
  process.stdin.once("close", end);
}

async function describe(parts: TestbedParts, { controlPlane, s3, git }: Testbed, door: ControlDoor): Promise<UpState> {
  if (s3 !== undefined) await createBucket(s3, NAME);
  const hosted = await git?.createRepository(NAME);
  return {
    pid: process.pid,
    controlUrl: door.url,
    controlToken: door.token,
    parts,
    server: controlPlane.server,
    kubeconfigPath: controlPlane.kubeconfigPath,
    kubectl: await findBinary("kubectl"),
    ...(s3 !== undefined && { s3: { ...connectionOf(s3), bucket: NAME } }),
    ...(hosted !== undefined && { gitUrl: hosted.url }),
  };
}

function connectionOf({ endpoint, region, accessKeyId, secretAccessKey }: NonNullable<Testbed["s3"]>) {
  return { endpoint, region, accessKeyId, secretAccessKey };
}
