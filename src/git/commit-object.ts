/** Git's commit objects as bytes, with the signature kept apart: isomorphic-git garbles SSH signatures. */
import type { CommitAuthor, CommitInfo, CommitSignature, Revision } from "./remote.ts";

export interface CommitDraft {
  readonly tree: string;
  readonly parents: readonly Revision[];
  readonly author: CommitAuthor;
  /** ms since the epoch; commits have seconds, and ours are in UTC. */
  readonly timeMs: number;
  readonly message: string;
}

/** The bytes of an unsigned commit: what a signature is made over. */
export function serializeCommit(draft: CommitDraft): Buffer {
  const person = `${plain(draft.author.name)} <${plain(draft.author.email)}> ${Math.floor(draft.timeMs / 1000)} +0000`;
  const lines = [
    `tree ${draft.tree}`,
    ...draft.parents.map((parent) => `parent ${parent}`),
    `author ${person}`,
    `committer ${person}`,
  ];
  return Buffer.from(`${lines.join("\n")}\n\n${draft.message.trimEnd()}\n`, "utf8");
}

/** Puts an armored signature into a commit, as its last header. */
export function withSignature(payload: Buffer, armored: string): Buffer {
  const end = payload.indexOf("\n\n") + 1;
  const header = `gpgsig ${armored.trimEnd().split("\n").join("\n ")}\n`;
  return Buffer.concat([payload.subarray(0, end), Buffer.from(header, "latin1"), payload.subarray(end)]);
}

/** Takes a commit apart. @throws {RangeError} when it has no tree, author or committer */
export function parseCommit(revision: Revision, bytes: Buffer): CommitInfo {
  const { headers, message } = splitCommit(bytes);
  const first = (name: string): string => {
    const found = headers.find((header) => header.name === name);
    if (found === undefined) throw new RangeError(`the commit ${revision} has no ${name}`);
    return found.value;
  };
  return {
    revision,
    tree: first("tree"),
    parents: headers.filter(({ name }) => name === "parent").map(({ value }) => value),
    author: parsePerson(first("author")),
    committer: parsePerson(first("committer")),
    message,
    signature: cutSignature(bytes),
  };
}

/** Cuts `gpgsig` out of the raw bytes; everything else stays byte for byte, since that is what was signed. */
export function cutSignature(bytes: Buffer): CommitSignature | undefined {
  const found = splitCommit(bytes).headers.find(({ name }) => name === "gpgsig");
  if (found === undefined) return undefined;
  const armored = found.value;
  const payload = Buffer.concat([bytes.subarray(0, found.start), bytes.subarray(found.end)]);
  return { format: signatureFormat(armored), armored, payload };
}

function signatureFormat(armored: string): CommitSignature["format"] {
  if (armored.startsWith("-----BEGIN SSH SIGNATURE-----")) return "ssh";
  if (/^-----BEGIN PGP (SIGNATURE|MESSAGE)-----/.test(armored)) return "openpgp";
  return armored.startsWith("-----BEGIN SIGNED MESSAGE-----") ? "x509" : "unknown";
}

interface Header {
  readonly name: string;
  /** Continuation lines are joined with newlines, without the space they start with. */
  readonly value: string;
  /** Where the header starts and ends in the commit's bytes, newline included. */
  readonly start: number;
  readonly end: number;
}

function splitCommit(bytes: Buffer): { headers: Header[]; message: string } {
  const headers: Header[] = [];
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0x0a) {
    const end = headerEnd(bytes, at);
    const text = bytes.toString("utf8", at, end - 1).replaceAll("\n ", "\n");
    const space = text.indexOf(" ");
    headers.push({ name: text.slice(0, space), value: text.slice(space + 1), start: at, end });
    at = end;
  }
  return { headers, message: bytes.toString("utf8", at + 1) };
}

/** A header goes on as long as the next line starts with a space. */
function headerEnd(bytes: Buffer, from: number): number {
  let at = from;
  do {
    const newline = bytes.indexOf(0x0a, at);
    at = newline < 0 ? bytes.length : newline + 1;
  } while (bytes[at] === 0x20);
  return at;
}

function parsePerson(line: string): CommitInfo["author"] {
  const found = /^(.*?) ?<([^>]*)> (-?\d+)/.exec(line);
  return { name: found?.[1] ?? line, email: found?.[2] ?? "", timeMs: Number(found?.[3] ?? 0) * 1000 };
}

/** Names end where Git's header syntax begins: no angle brackets, no line breaks. */
function plain(text: string): string {
  return text.replaceAll(/[<>\n\0]/g, "").trim();
}
