import { type BareConnection, createBareClient, inParallel } from "./bare-client.ts";
import { type BenchObject, foundation, objectMix } from "./object-mix.ts";

const CLIENTS = 32;

const APPLY = "application/apply-patch+yaml";

/** How objects are made: by POST, or by server-side apply, as GitOps controllers do. */
export type Made = "created" | "applied";

/** Fills an empty cluster with `count` objects by 32 parallel clients. */
export async function populate(connection: BareConnection, count: number, made: Made = "created"): Promise<void> {
  const client = createBareClient(connection);
  const post = ({ path, body }: BenchObject) => {
    const text = JSON.stringify(body);
    if (made === "created") return client.send("POST", `${path}?fieldManager=bench`, text);
    const { name } = (body as { metadata: { name: string } }).metadata;
    return client.send("PATCH", `${path}/${name}?fieldManager=bench&force=true`, text, APPLY);
  };
  try {
    for (const object of foundation(count)) await post(object);
    await untilServed(() => client.send("GET", "/apis/bench.holdfast.example/v1/widgets?limit=1"));
    await inParallel(objectMix(count), CLIENTS, post);
  } finally {
    client.close();
  }
}

async function untilServed(probe: () => Promise<unknown>): Promise<void> {
  for (const deadline = performance.now() + 30_000; ; ) {
    try {
      await probe();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
