import { createBareClient, inParallel } from "../bare-client.ts";
import { readBodies } from "../bodies-file.ts";
import { type Job, stopwatch, type Work } from "../job.ts";

/** The limit of a restore: the same bodies POSTed, so many at once, foundations first. */
export async function run(job: Job): Promise<Work> {
  const bodies = await readBodies(job.bodiesFile ?? "");
  const isFoundation = ({ path }: { path: string }) =>
    path.endsWith("/namespaces") || path.endsWith("/customresourcedefinitions");
  const first = bodies.filter(isFoundation);
  const others = bodies.filter((body) => !isFoundation(body)).slice(0, job.sample);
  const client = createBareClient(job.connection);
  let bytes = 0;

  const stop = stopwatch();
  for (const { path, body } of first) await client.send("POST", path, body);
  await untilServed(() => client.send("GET", "/apis/bench.holdfast.example/v1/widgets?limit=1"));
  await inParallel(others, job.width ?? 32, async ({ path, body }) => {
    bytes += body.length;
    await client.send("POST", path, body);
  });
  const taken = stop();
  client.close();
  return { ...taken, objects: first.length + others.length, bytes, requests: first.length + others.length };
}

async function untilServed(probe: () => Promise<unknown>): Promise<void> {
  for (const deadline = performance.now() + 30_000; ; ) {
    try {
      await probe();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
