import { createBareClient, inParallel } from "../bare-client.ts";
import { readBodies } from "../bodies-file.ts";
import { type Job, stopwatch, type Work } from "../job.ts";

/** What a restore labels nothing of: namespaces, and service accounts, which it merges. */
const UNLABELLED = /\/(namespaces|serviceaccounts)$/;

/** The limit of an update where nothing differs: the two labels by one merge patch an object, so many at once. */
export async function run(job: Job): Promise<Work> {
  const paths = (await readBodies(job.bodiesFile ?? ""))
    .filter(({ path }) => !UNLABELLED.test(path))
    .map(({ path, body }) => `${path}/${nameOf(body)}`)
    .slice(0, job.sample);
  const labels = { "velero.io/backup-name": "bare", "velero.io/restore-name": job.run ?? "bare" };
  const body = Buffer.from(JSON.stringify({ metadata: { labels } }));
  const client = createBareClient(job.connection);

  const stop = stopwatch();
  await inParallel(paths, job.width ?? 32, (path) => client.send("PATCH", path, body, "application/merge-patch+json"));
  const taken = stop();
  client.close();
  return { ...taken, objects: paths.length, bytes: paths.length * body.length, requests: paths.length };
}

function nameOf(body: Buffer): string {
  return (JSON.parse(body.toString()) as { metadata: { name: string } }).metadata.name;
}
