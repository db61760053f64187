import { afterEach, describe, expect, it } from "vitest";
import { forgeOf } from "../../src/forge/address.ts";
import { type Forge, openForge } from "../../src/forge/forge.ts";
import { commentBodies, type ForgeUnderTest, forgeContract } from "../support/forge-contract.ts";
import { RecordedForge } from "../support/recorded-forge.ts";

const servers: RecordedForge[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

async function openRecorded(
  type: "github" | "gitlab",
  signal?: AbortSignal,
): Promise<{ server: RecordedForge; forge: Forge }> {
  const server = new RecordedForge(type);
  await server.start();
  servers.push(server);
  const hints = { type, apiUrl: server.url };
  const forge = await openForge({ ...forgeOf(`${server.url}/team/ops.git`, hints), token: "secret", signal });
  return { server, forge };
}

async function underTest(type: "github" | "gitlab"): Promise<ForgeUnderTest & { server: RecordedForge }> {
  const { server, forge } = await openRecorded(type);
  return {
    server,
    forge,
    openPull: async ({ base = "main", isDraft = false } = {}) => {
      const number = server.pulls.length + 7;
      const revision = number.toString(16).padStart(40, "a");
      server.pulls.push({
        number,
        branch: `b${number}`,
        base,
        isDraft,
        isFork: false,
        revision,
        mergedRevision: undefined,
      });
      return { number, revision };
    },
    merge: async (number) => {
      const pull = server.pulls.find((each) => each.number === number);
      if (pull !== undefined) pull.mergedRevision = "c".repeat(40);
    },
    comment: async (number, body) => void server.addComment(number, "somebody", body),
  };
}

for (const type of ["github", "gitlab"] as const) {
  forgeContract(type, () => underTest(type));

  describe(`${type}, when it is asked much or can't answer`, () => {
    it("reads every page, of pull requests and of comments", async () => {
      const { forge, server, openPull } = await underTest(type);
      for (let i = 0; i < 230; i++) await openPull();
      for (let i = 0; i < 230; i++) server.addComment(7, "somebody", `comment ${i}`);

      const comments = await commentBodies(forge, 7);

      expect((await forge.open("main")).length).toBe(230);
      expect(new Set(comments).size).toBe(230);
    });

    it("tells a fork", async () => {
      const { forge, server } = await underTest(type);
      const pull = { number: 1, branch: "b", base: "main", isDraft: false, revision: "a".repeat(40) };
      server.pulls.push({ ...pull, isFork: true, mergedRevision: undefined });

      expect((await forge.open("main"))[0]?.isFork).toBe(true);
    });

    it("reads again after 502, and after 429 when it may", async () => {
      const { forge, server } = await openRecorded(type);
      server.faults.push({ status: 502 }, { status: 429, headers: { "retry-after": "0" } });

      expect(await forge.open("main")).toEqual([]);
      expect(server.requests).toHaveLength(3);
    });

    it("repeats no write whose outcome is unknown, and repeats one that was refused for its rate", async () => {
      const { forge, server } = await openRecorded(type);
      server.faults.push({ status: 429, headers: { "retry-after": "0" } }, { status: 502 });

      await expect(forge.addComment(7, "text")).rejects.toMatchObject({ code: "ForgeUnreachable" });
      expect(server.requests).toHaveLength(2);
      expect(server.comments).toEqual([]);
    });

    it.each([
      [401, "ForgeAuth"],
      [403, "ForgeAuth"],
      [404, "ForgeNotFound"],
      [422, "ForgeRejected"],
    ])("says what HTTP %i means", async (status, code) => {
      const { forge, server } = await openRecorded(type);
      server.faults.push({ status });

      const failing = forge.addComment(7, "text");

      await expect(failing).rejects.toMatchObject({ code });
      await expect(failing).rejects.toThrow(/127\.0\.0\.1/);
    });

    it("follows no redirect with its token", async () => {
      const { forge, server } = await openRecorded(type);
      server.faults.push({ status: 302, headers: { location: "http://elsewhere.example.com/" } });

      await expect(forge.open("main")).rejects.toThrow(/redirects to elsewhere\.example\.com/);
    });

    it("ends with its signal while it waits for its next try", async () => {
      const ending = new AbortController();
      const { forge, server } = await openRecorded(type, ending.signal);
      server.faults.push({ status: 429, headers: { "retry-after": "30" } });

      const asked = expect(forge.open("main")).rejects.toThrow(/over|abort/i);
      await expect.poll(() => server.requests.length).toBe(1);
      ending.abort(new Error("over"));

      await asked;
      expect(server.requests).toHaveLength(1);
    });
  });
}
