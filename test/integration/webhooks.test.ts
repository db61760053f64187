import { createHmac } from "node:crypto";
import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startServer } from "../../src/server/server.ts";
import type { WebhookRule } from "../../src/server/webhook-signature.ts";

const SECRET = "a long secret";
const BODY = Buffer.from('{"ref":"refs/heads/main","text":"ünï"}\n');
const hex = (body: Buffer, secret = SECRET, algorithm = "sha256") =>
  createHmac(algorithm, secret).update(body).digest("hex");

let url = "";
let close: () => Promise<void>;
let nowMs = 0;
let hastened: string[] = [];
const rules = new Map<string, WebhookRule>();

beforeEach(async () => {
  hastened = [];
  for (const type of ["github", "gitlab", "gitea", "generic"] as const) rules.set(type, { type, secret: SECRET });
  const state = { isReady: () => true, metrics: async () => ({ contentType: "text/plain", text: "" }) };
  const server = await startServer({ host: "127.0.0.1", port: 0 }, state, {
    ruleOf: async (_namespace, name) => rules.get(name),
    hasten: (namespace, name) => void hastened.push(`${namespace}/${name}`),
    monotonic: () => nowMs,
  });
  ({ url, close } = server);
});
afterEach(() => close());

async function send(source: string, headers: Record<string, string>, body: Buffer = BODY): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const type = { "content-type": "application/json" };
  const sending = request(
    `${url}/hooks/holdfast/${source}`,
    { method: "POST", headers: { ...type, ...headers } },
    (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    },
  );
  sending.on("error", reject).end(body);
  return await promise;
}

/** What each forge sends for these bytes. */
const GENUINE: Readonly<Record<string, (body: Buffer) => Record<string, string>>> = {
  github: (body) => ({
    "x-hub-signature-256": `sha256=${hex(body)}`,
    "x-github-delivery": "1",
    "x-github-event": "push",
  }),
  gitlab: () => ({ "x-gitlab-token": SECRET, "x-gitlab-event-uuid": "1" }),
  gitea: (body) => ({ "x-gitea-signature": hex(body), "x-gitea-delivery": "1" }),
  generic: (body) => ({ "x-signature": `sha512=${hex(body, SECRET, "sha512")}` }),
};

describe.each(Object.entries(GENUINE))("a webhook of %s", (source, genuine) => {
  it("hastens the source, once for each delivery", async () => {
    const first = await send(source, genuine(BODY));
    const again = await send(source, genuine(BODY));
    const other = Buffer.from("another event");
    const next = await send(source, genuine(other), other);

    expect([first, again, next]).toEqual([202, 200, 202]);
    expect(hastened).toEqual([`holdfast/${source}`, `holdfast/${source}`]);
  });

  it("is forgotten after a while: what comes again then only hastens a look", async () => {
    await send(source, genuine(BODY));
    nowMs += 11 * 60_000;

    expect(await send(source, genuine(BODY))).toBe(202);
  });

  it("is refused with changed bytes, another secret, or none", async () => {
    const changed = source === "gitlab" ? 202 : 401; // GitLab signs no bytes
    const wrong = Object.fromEntries(
      Object.entries(genuine(BODY)).map(([name, value]) => [
        name,
        value.replace(/[0-9a-f]$/, "g").replace(SECRET, "x"),
      ]),
    );

    expect(await send(source, genuine(BODY), Buffer.from("changed"))).toBe(changed);
    expect(await send(source, wrong)).toBe(401);
    expect(await send(source, {})).toBe(401);
    rules.set(source, { type: rules.get(source)?.type ?? "generic", secret: "" });
    expect(await send(source, { ...genuine(BODY), "x-gitlab-token": "" })).toBe(401);
  });
});

describe("webhooks", () => {
  it("of an unknown source are refused as those of a wrong secret", async () => {
    expect(await send("nobody", GENUINE.github?.(BODY) ?? {})).toBe(401);
    expect(hastened).toEqual([]);
  });

  it("are not read beyond the limit, whatever they say of their length", async () => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.write(
      "POST /hooks/holdfast/github HTTP/1.1\r\nhost: x\r\ncontent-type: a/b\r\ncontent-length: 99999999\r\n\r\n",
    );
    const answer = await new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(bytes.toString())));
    socket.destroy();

    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("survive bodies and headers that are nonsense", async () => {
    const nonsense = { "x-hub-signature-256": "sha256=zz", "content-type": "multipart/form-data" };

    expect(await send("github", nonsense, Buffer.from([0xff, 0, 0xfe]))).toBe(401);
    expect(await send("github", { "x-hub-signature-256": `sha256=${"0".repeat(4000)}` })).toBe(401);
    expect(await send("github", GENUINE.github?.(BODY) ?? {})).toBe(202);
  });
});
