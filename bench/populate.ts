import { type BareConnection, createBareClient, inParallel } from "./bare-client.ts";
import { type BenchObject, foundation, objectMix } from "./object-mix.ts";

const CLIENTS = 32;

/** Fills an empty cluster with `count` objects by 32 parallel clients. */
export async function populate(connection: BareConnection, count: number): Promise<void> {
  const client = createBareClient(connection);
  const post = ({ path, body }: BenchObject) => client.send("POST", `${path}?fieldManager=bench`, JSON.stringify(body));
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
