import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BareRepository } from "../../tools/testbed/git/bare-repository.ts";
import { serveGit } from "../../tools/testbed/git/http-backend.ts";
import { RecordingServer } from "../../tools/testbed/http/recording-server.ts";
import { AUTHOR, useGitRemotes } from "../support/use-git-remotes.ts";

const TLS = join(import.meta.dirname, "../testdata/tls");

describe("a remote over HTTPS with a private certificate", () => {
  const remotes = useGitRemotes();
  let folder = "";
  let caBundle = "";
  let server: RecordingServer | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-tls-"));
    caBundle = await readFile(join(TLS, "cert.pem"), "utf8");
    const key = await readFile(join(TLS, "key.pem"), "utf8");
    server = new RecordingServer({
      tls: { cert: caBundle, key },
      upstream: (request, body, reply) => serveGit({ request, body, root: folder, user: undefined }, reply),
    });
    await server.listen();
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("is believed with its CA bundle and refused without, in words that say what to do", async () => {
    const repository = await BareRepository.create(join(folder, "a.git"));
    const head = await repository.commit({ files: { a: "a" } });
    const url = `${server?.url}/a.git`;

    const trusting = await remotes.open({ url }, { caBundle });
    const other = await remotes.open({ url });

    expect(await trusting.fetch("main")).toBe(head);
    const request = { branch: "status", files: new Map([["a", "1"]]), message: "Record", author: AUTHOR };
    expect(await trusting.commitIfChanged(request)).toMatchObject({ type: "committed" });
    await expect(other.fetch("main")).rejects.toMatchObject({ code: "GitUnreachable" });
    await expect(other.fetch("main")).rejects.toThrow("give the CA bundle");
  });
});
