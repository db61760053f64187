import { CodedError } from "../errors.ts";
import { type Advertisement, parseAdvertisement, readFirstAnswer, textOf, translate } from "./advertisement.ts";
import { DELIMITER, FLUSH, ProtocolError, pktLine, readPktLines } from "./pkt-line.ts";
import type { Wire } from "./wire.ts";

/** The full name of a branch; a name that starts with `refs/` is taken as it is. @throws {InvalidSpec} */
export function refOf(branch: string): string {
  // git-check-ref-format(1), narrowed to what needs no quoting anywhere.
  const legal = /^(?!\/)(?!.*(?:\/\/|\.\.|\/\.|\.lock(?:\/|$)|@\{))[A-Za-z0-9_@+=#%,/.-]+(?<![/.])$/;
  if (!legal.test(branch) || branch.startsWith("-") || branch.startsWith(".")) {
    throw new CodedError(
      "InvalidSpec",
      { fields: ["ref.branch"] },
      `"${branch}" is not a branch name that Git accepts`,
    );
  }
  return branch.startsWith("refs/") ? branch : `refs/heads/${branch}`;
}

/**
 * Where a ref stands on the remote; undefined when it is not there. Asks for this ref only (protocol version 2), so
 * that a repository with thousands of pull requests costs no more.
 * @throws {GitUnreachable} when the listing was cut
 */
export async function readServerRef(wire: Wire, ref: string): Promise<string | undefined> {
  return (await listRefs(wire, ref)).get(ref);
}

/** Tells an empty repository from one without this branch. */
export async function explainMissing(wire: Wire, ref: string): Promise<CodedError> {
  const listed = await listRefs(wire, undefined);
  return missingRef(wire.url, ref, [...listed.keys()]);
}

/** GitEmpty when there are no refs at all, else GitBranchMissing with a few names that do exist. */
export function missingRef(url: string, ref: string, existing: readonly string[]): CodedError {
  const branch = ref.replace(/^refs\/heads\//, "");
  // HEAD may be listed with no object of its own (unborn); it is no branch either way.
  const branches = existing.filter((name) => name.startsWith("refs/heads/")).map((name) => name.slice(11));
  if (branches.length === 0) {
    return new CodedError("GitEmpty", { url }, `${url} is an empty repository: push a first commit to ${branch}`);
  }
  const some = branches.slice(0, 5).join(", ") + (branches.length > 5 ? ", …" : "");
  const message = `${url} has no branch ${branch}; it has ${some}`;
  return new CodedError("GitBranchMissing", { url, branch }, message);
}

/**
 * Lists refs by protocol version 2, or from the advertisement of a server that does not know it. isomorphic-git's
 * listServerRefs is not used: it takes a list that was cut for a short one, and trips over an empty version 0 answer.
 */
async function listRefs(wire: Wire, prefix: string | undefined): Promise<Advertisement["refs"]> {
  const service = "git-upload-pack";
  const first = await readFirstAnswer(wire, service, { "git-protocol": "version=2" });
  if (!first.includes("version 2")) return parseAdvertisement(first).refs;
  const answer = await wire.request({
    method: "POST",
    url: `${wire.url}/${service}`,
    headers: {
      "git-protocol": "version=2",
      "content-type": `application/x-${service}-request`,
      accept: `application/x-${service}-result`,
    },
    body: [
      pktLine("command=ls-refs\n"),
      DELIMITER,
      ...(prefix === undefined ? [] : [pktLine(`ref-prefix ${prefix}\n`)]),
      FLUSH,
    ],
  });
  return await translate(wire.url, async () => {
    const refs = new Map<string, string>();
    for await (const line of readPktLines(answer.body)) {
      const text = textOf(line);
      if (text === undefined) return refs;
      const [oid, name] = text.split(" ");
      if (oid !== undefined && name !== undefined) refs.set(name, oid);
    }
    throw new ProtocolError("the list of branches was cut");
  });
}
