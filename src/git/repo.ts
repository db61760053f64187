/** Opens a remote: the one place where transport, clones, history and commits are put together. */
import { createHash } from "node:crypto";
import { isAbsolute, join } from "node:path";
import { CodedError } from "../errors.ts";
import { type Branch, createBranch } from "./branch.ts";
import type { Clone } from "./clone.ts";
import { commitIfChanged } from "./commit-if-changed.ts";
import { parseCommit } from "./commit-object.ts";
import { descends } from "./history.ts";
import { createHistory, type History } from "./history-store.ts";
import { createHttpTransport } from "./http.ts";
import { createLocalTransport } from "./local-transport.ts";
import { createProcessFolder, removeProcessFolder } from "./process-folder.ts";
import { listOneFolder, readEntries, readOneFile, readTreeFiles, type TreeSource } from "./read-tree.ts";
import {
  type CommitInfo,
  DEFAULT_LIMITS,
  type GitCredentials,
  type GitRemote,
  type RemoteOptions,
  type Revision,
} from "./remote.ts";
import { refOf } from "./server-refs.ts";
import { assertTrusted, createSigner, parseTrustedKeys } from "./signature.ts";
import type { Transport } from "./wire.ts";

/**
 * Opens a remote; nothing is asked of it yet. Makes a folder of this process's own below `cacheDir`.
 * @throws {InvalidSpec} for a URL that is neither http nor https, a path that is not absolute, or a key that can't be used
 * @throws {GitCacheFailed} when the folder can't be made
 */
export async function openRemote(options: RemoteOptions): Promise<GitRemote> {
  const trusted = options.verifyKeys && parseTrustedKeys(options.verifyKeys);
  const sign = options.signingKey && createSigner(options.signingKey);
  const transport = openTransport(options);
  const folder = await createProcessFolder(options.cacheDir);
  const branches = new Map<string, Branch>();
  /** Asked at every poll, of a head that seldom moves. */
  const believed = new Set<Revision>();
  const commits: History = createHistory(transport, join(folder, "commits"), "tree:0");
  const trees: History = createHistory(transport, join(folder, "trees"), "blob:none");
  const whole: History = createHistory(transport, join(folder, "whole"), undefined);

  const branchOf = (name: string): Branch => {
    const ref = refOf(name);
    const existing = branches.get(ref);
    if (existing !== undefined) return existing;
    const branch = createBranch(transport, join(folder, hashOf(ref)), ref);
    branches.set(ref, branch);
    return branch;
  };

  /** Runs something on the clone that holds a revision. */
  const at = async <T>(revision: Revision, run: (clone: Clone, commit: CommitInfo) => Promise<T>): Promise<T> => {
    for (const branch of branches.values()) {
      const found = await branch.clone.use(async (clone) => {
        const object = await clone.objects.read(revision);
        if (object?.type !== "commit") return undefined;
        return { result: await run(clone, parseCommit(revision, object.bytes)) };
      });
      if (found !== undefined) return found.result;
    }
    const message = `the revision ${revision} is not in the local clone: fetch its branch first`;
    throw new CodedError("GitRevisionMissing", { revision }, message);
  };

  const inTree = <T>(revision: Revision, run: (source: TreeSource) => Promise<T>): Promise<T> =>
    at(revision, ({ objects }, { tree }) => run({ read: objects.read, sizeOf: objects.sizeOf, revision, root: tree }));

  return {
    url: transport.url,
    head: (name, signal) => branchOf(name).readHead(signal),
    fetch: async (name, signal) => {
      const branch = branchOf(name);
      const head = await branch.inTurn(() => branch.refresh(signal));
      if (head === undefined) throw await branch.missing(signal);
      return head;
    },
    readTree: (revision, path, reading) => inTree(revision, (source) => readTreeFiles(source, path, reading)),
    readFile: (revision, path) => inTree(revision, (source) => readOneFile(source, path)),
    listFolder: (revision, path) => inTree(revision, (source) => listOneFolder(source, path)),
    fetchBeside: (name, ref, signal) => {
      const branch = branchOf(name);
      return branch.inTurn(() => branch.fetchBeside(refOf(ref), signal));
    },
    testMerge: async (merge, reading = {}) => {
      const merged = await trees.mergeTrees(merge, reading.signal);
      if (merged === undefined) return undefined;
      const { changed, conflicts } = merged;
      const files = await at(merge.theirs, ({ objects }) => readEntries(objects, merged.entries, reading));
      return { files, changed, conflicts };
    },
    commitInfo: (revision) => at(revision, async (_clone, commit) => commit),
    assertTrusted: async (revision) => {
      if (trusted === undefined || believed.has(revision)) return;
      await at(revision, (_clone, commit) => assertTrusted(commit, trusted));
      believed.add(revision);
    },
    isDescendant: async (ancestor, revision, signal) => {
      const known = await at(revision, ({ objects }) => descends(objects.read, ancestor, revision));
      return known === "unknown" ? await commits.isDescendant(ancestor, revision, signal) : known === "yes";
    },
    log: (revision, asked = {}) => (asked.path === undefined ? commits : trees).log(revision, asked),
    changes: (revision, asked) => whole.changes(revision, asked),
    commitIfChanged: (request) => {
      const branch = branchOf(request.branch);
      return branch.inTurn(() => commitIfChanged({ transport, branch, clock: options.clock, sign }, request));
    },
    release: (name) => {
      const branch = branchOf(name);
      return branch.inTurn(() => branch.clone.close());
    },
    close: async () => {
      transport.close();
      await Promise.all([...branches.values()].map((branch) => branch.inTurn(() => branch.clone.close())));
      await Promise.all([commits.close(), trees.close(), whole.close()]);
      await removeProcessFolder(folder);
    },
  };
}

function openTransport(options: RemoteOptions): Transport {
  const { location, onTraffic } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  if ("localPath" in location) {
    const path = location.localPath.replace(/(.)\/+$/, "$1");
    if (!isAbsolute(path)) throw invalidUrl(`the path "${path}" of a local repository must be absolute`);
    return createLocalTransport({ path, limits, searchPath: options.gitSearchPath, onTraffic });
  }
  const { url, credentials } = splitUrl(location.url);
  return createHttpTransport({
    url,
    credentials: options.credentials ?? credentials,
    limits,
    caBundle: options.caBundle,
    onTraffic,
  });
}

/** Takes credentials out of a URL, so that no message can carry them. */
function splitUrl(text: string): { url: string; credentials: GitCredentials | undefined } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw invalidUrl("the URL of a repository starts with https:// or http://");
  }
  const username = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = "";
  url.password = "";
  if (url.search !== "" || url.hash !== "") throw invalidUrl(`${url.origin}${url.pathname} has a query or a fragment`);
  const credentials: GitCredentials | undefined =
    username === "" && password === "" ? undefined : { type: "password", username, password };
  return { url: url.href.replace(/\/+$/, ""), credentials };
}

function invalidUrl(message: string): CodedError {
  return new CodedError("InvalidSpec", { fields: ["url"] }, message);
}

function hashOf(ref: string): string {
  return createHash("sha256").update(ref).digest("hex").slice(0, 16);
}
