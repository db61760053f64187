import { afterEach, describe, expect, it } from "vitest";
import { type Fault, faultOnce, type IncomingCall } from "../../tools/testbed/http/fault.ts";
import { useGitRemotes } from "../support/use-git-remotes.ts";
import { useGitServer } from "../support/use-git-server.ts";

const isFirstGet = ({ method }: IncomingCall) => method === "GET";
const isPackRequest = ({ method, headers, url }: IncomingCall) =>
  method === "POST" && url.endsWith("/git-upload-pack") && headers["git-protocol"] === undefined;
const isListing = ({ method, headers }: IncomingCall) => method === "POST" && headers["git-protocol"] !== undefined;

describe("a remote that misbehaves while we read", () => {
  const server = useGitServer();
  const remotes = useGitRemotes();
  /** Where silence is what is tested; long enough for the fetch after it on a busy machine. */
  const hasty = { idleMs: 4_000 };

  afterEach(() => server.setFaults());

  /** A repository with one commit that makes a pack of about 60 kB. */
  async function filled() {
    const { url, repository } = await server.createRepository();
    const noise = Buffer.from(Array.from({ length: 60_000 }, () => Math.floor(Math.random() * 256)));
    const head = await repository.commit({ files: { "p/a.yaml": "a\n", "p/noise": noise } });
    return { url, repository, head };
  }

  it.each<[string, (call: IncomingCall) => boolean, Fault, string]>([
    ["never answers", isFirstGet, { type: "hang" }, "GitTimeout"],
    ["never answers the request for the pack", isPackRequest, { type: "hang" }, "GitTimeout"],
    ["stalls in mid-pack", isPackRequest, { type: "stallAnswer", afterBytes: 20_000 }, "GitTimeout"],
    ["cuts the connection in mid-pack", isPackRequest, { type: "resetAnswer", afterBytes: 20_000 }, "GitUnreachable"],
    [
      "ends in mid-pack as if it were whole",
      isPackRequest,
      { type: "truncateAnswer", afterBytes: 20_000 },
      "GitUnreachable",
    ],
    ["ends the list of branches early", isListing, { type: "truncateAnswer", afterBytes: 30 }, "GitUnreachable"],
    ["ends its first answer early", isFirstGet, { type: "truncateAnswer", afterBytes: 30 }, "GitUnreachable"],
    ["cuts the first connection", isFirstGet, { type: "reset" }, "GitUnreachable"],
    ["is overloaded", isFirstGet, { type: "answer", status: 503 }, "GitUnreachable"],
    ["fails at the pack", isPackRequest, { type: "answer", status: 500 }, "GitUnreachable"],
    ["serves a web page", isFirstGet, { type: "answer", status: 200, body: "<html>Sign in</html>" }, "GitNotFound"],
    ["forbids", isFirstGet, { type: "answer", status: 403 }, "GitAuth"],
  ])("that %s: one clear error, and the next fetch succeeds", async (_what, matches, fault, code) => {
    const { url, head } = await filled();
    const remote = await remotes.open({ url }, code === "GitTimeout" ? { limits: hasty } : {});
    server.setFaults(faultOnce(matches, fault));

    await expect(remote.fetch("main")).rejects.toMatchObject({ code });

    expect(await remote.fetch("main")).toBe(head);
    expect(await remote.readTree(head, "p")).toHaveLength(2);
  });

  it("keeps what it had readable while a later fetch fails, and fetches anew after it", async () => {
    const { url, repository, head } = await filled();
    const remote = await remotes.open({ url });
    await remote.fetch("main");
    const noise = Buffer.from(Array.from({ length: 60_000 }, () => Math.floor(Math.random() * 256)));
    const next = await repository.commit({ files: { "p/more": noise } });
    server.setFaults(faultOnce(isPackRequest, { type: "resetAnswer", afterBytes: 20_000 }));

    await expect(remote.fetch("main")).rejects.toMatchObject({ code: "GitUnreachable" });

    expect((await remote.readFile(head, "p/a.yaml"))?.toString()).toBe("a\n");
    expect(await remote.fetch("main")).toBe(next);
    expect(await remote.readTree(next, "p")).toHaveLength(3);
  });

  it("waits for a remote that is silent for 30 s before it answers", async () => {
    const { url, head } = await filled();
    const remote = await remotes.open({ url });
    server.setFaults(faultOnce(isPackRequest, { type: "delay", ms: 30_000 }));

    expect(await remote.fetch("main")).toBe(head);
  });

  it("ends when the caller says so", async () => {
    const { url } = await filled();
    const remote = await remotes.open({ url });
    const controller = new AbortController();
    server.setFaults((call) => {
      if (isPackRequest(call)) setTimeout(() => controller.abort(new Error("enough")), 20);
      return isPackRequest(call) ? { type: "hang" } : undefined;
    });

    await expect(remote.fetch("main", controller.signal)).rejects.toMatchObject({ code: "Cancelled" });
  });

  it("ends a fetch that is larger than allowed", async () => {
    const { url } = await filled();
    const remote = await remotes.open({ url }, { limits: { maxBytes: 30_000 } });

    await expect(remote.fetch("main")).rejects.toMatchObject({ code: "GitTooLarge", data: { limitBytes: 30_000 } });
  });

  it("follows a redirect within the origin, as forges answer a URL without .git", async () => {
    const { url, head } = await filled();
    const short = url.replace(/\.git$/, "");
    const remote = await remotes.open({ url: short });
    server.setFaults(({ url: asked }) => {
      const path = new URL(short).pathname;
      if (!asked.startsWith(`${path}/`)) return undefined;
      return { type: "answer", status: 301, headers: { location: asked.replace(path, `${path}.git`) } };
    });

    expect(await remote.fetch("main")).toBe(head);
  });

  it.each([
    ["another origin", "http://localhost:1/x.git/info/refs?service=git-upload-pack"],
    ["another scheme", "https://127.0.0.1/x.git/info/refs?service=git-upload-pack"],
    ["a login page", "/login?next=/x.git"],
    ["nowhere", undefined],
  ])("refuses a redirect to %s, and sends nothing there", async (_where, location) => {
    const { url } = await filled();
    const remote = await remotes.open({ url }, { credentials: { type: "token", token: "s3cret" } });
    const headers = location === undefined ? {} : { location };
    server.setFaults(() => ({ type: "answer", status: 302, headers }));
    const before = server.calls.length;

    const refused = remote.fetch("main");

    await expect(refused).rejects.toMatchObject({ code: "GitRedirectRefused" });
    await expect(refused).rejects.not.toThrow(/s3cret/);
    expect(server.calls.length - before).toBe(1);
  });

  it("refuses a redirect of a POST", async () => {
    const { url } = await filled();
    const remote = await remotes.open({ url });
    server.setFaults(faultOnce(isListing, { type: "answer", status: 307, headers: { location: "/elsewhere" } }));

    await expect(remote.fetch("main")).rejects.toMatchObject({ code: "GitRedirectRefused" });
  });

  it("names the cache folder when the disk refuses", async () => {
    await expect(remotes.open({ url: server.url }, { cacheDir: import.meta.filename })).rejects.toMatchObject({
      code: "GitCacheFailed",
    });
  });
});

describe("credentials", () => {
  const password = useGitServer({ credentials: { username: "bot", password: "p@ss:word/ü" } });
  const token = useGitServer({ credentials: { token: "t0ken" } });
  const remotes = useGitRemotes();

  it("signs in with a password, a token or a bearer token, for reading and for writing", async () => {
    const one = await password.createRepository();
    const two = await token.createRepository();
    const author = { name: "A", email: "a@example.com" };
    const request = { branch: "main", files: new Map([["a", "1"]]), message: "One", author };

    const byPassword = await remotes.open(
      { url: one.url },
      { credentials: { type: "password", username: "bot", password: "p@ss:word/ü" } },
    );
    const byToken = await remotes.open({ url: two.url }, { credentials: { type: "token", token: "t0ken" } });
    const byBearer = await remotes.open({ url: two.url }, { credentials: { type: "bearer", token: "t0ken" } });

    expect(await byPassword.commitIfChanged(request)).toMatchObject({ type: "committed" });
    expect(await byToken.commitIfChanged(request)).toMatchObject({ type: "committed" });
    expect(await byBearer.fetch("main")).toBe(await two.repository.resolve("main"));
  });

  it("takes credentials out of a URL, so that nothing repeats them", async () => {
    const { url, repository } = await token.createRepository();
    const head = await repository.commit({ files: { a: "a" } });
    const withToken = url.replace("http://", "http://x:t0ken@");

    const remote = await remotes.open({ url: withToken });

    expect(remote.url).toBe(url);
    expect(await remote.fetch("main")).toBe(head);
    const lost = await remotes.open({ url: withToken.replace(/\/[^/]+$/, "/none.git") });
    await expect(lost.fetch("main")).rejects.not.toThrow(/t0ken/);
  });

  it.each([
    ["missing", undefined],
    ["wrong", { type: "token", token: "wr0ng" } as const],
  ])("asks once and says so when credentials are %s", async (what, credentials) => {
    const { url } = await token.createRepository();
    const remote = await remotes.open({ url }, credentials === undefined ? {} : { credentials });
    const before = token.calls.length;

    const refused = remote.fetch("main");

    await expect(refused).rejects.toMatchObject({ code: "GitAuth", data: { status: 401 } });
    await expect(refused).rejects.toThrow(what === "wrong" ? "refused the credentials" : "asks for credentials");
    await expect(refused).rejects.not.toThrow(/wr0ng/);
    expect(token.calls.length - before).toBe(1);
  });

  it("says so when a token is revoked in the middle, and goes on when it is back", async () => {
    const { url, repository } = await token.createRepository();
    await repository.commit({ files: { a: "1" } });
    const remote = await remotes.open({ url }, { credentials: { type: "token", token: "t0ken" } });
    await remote.fetch("main");
    const next = await repository.commit({ files: { a: "2" } });

    token.setFaults(() => ({ type: "answer", status: 401 }));
    await expect(remote.fetch("main")).rejects.toMatchObject({ code: "GitAuth" });
    token.setFaults();

    expect(await remote.fetch("main")).toBe(next);
  });
});
