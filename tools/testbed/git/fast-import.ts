/** What a path holds after a commit; null removes it. A mode of 120000 is a symlink, 160000 a submodule's commit id. */
export type NewFile =
  | string
  | Buffer
  | null
  | { readonly mode: "100755" | "120000" | "160000"; readonly content: string };

/** A commit to be made. */
export interface NewCommit {
  /** `main` by default. */
  readonly branch?: string;
  readonly message?: string;
  /** Only what changes; other files stay. */
  readonly files: Readonly<Record<string, NewFile>>;
  /** Another parent than the branch's head: a rewrite of history. Null makes a root commit. */
  readonly parent?: string | null;
  readonly author?: { readonly name: string; readonly email: string };
  /** The time of authoring and committing; now by default. */
  readonly date?: Date;
}

/**
 * One commit in the language of `git fast-import`, which needs no work tree and one process for any number of files.
 * Pure. @see https://git-scm.com/docs/git-fast-import
 */
export function fastImportStream(commit: NewCommit, branch: string, parent: string | undefined): Buffer {
  const { name, email } = commit.author ?? { name: "Test Author", email: "author@example.com" };
  const seconds = Math.floor((commit.date ?? new Date()).getTime() / 1000);
  const parts: (string | Buffer)[] = [
    ...(parent === undefined && commit.parent === null ? [`reset refs/heads/${branch}\n\n`] : []),
    `commit refs/heads/${branch}\n`,
    `author ${name} <${email}> ${seconds} +0000\n`,
    `committer Test Committer <committer@example.com> ${seconds} +0000\n`,
    ...data(Buffer.from(commit.message ?? "Change files")),
    ...(parent === undefined ? [] : [`from ${parent}\n`]),
    ...Object.entries(commit.files).flatMap(([path, file]) => change(path, file)),
    "\ndone\n",
  ];
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
}

function change(path: string, file: NewFile): (string | Buffer)[] {
  const quoted = JSON.stringify(path); // C-style quoting is the same for everything a test would put in a name
  if (file === null) return [`D ${quoted}\n`];
  if (typeof file === "string" || Buffer.isBuffer(file))
    return [`M 100644 inline ${quoted}\n`, ...data(Buffer.from(file))];
  if (file.mode === "160000") return [`M 160000 ${file.content} ${quoted}\n`];
  return [`M ${file.mode} inline ${quoted}\n`, ...data(Buffer.from(file.content))];
}

function data(bytes: Buffer): (string | Buffer)[] {
  return [`data ${bytes.length}\n`, bytes, "\n"];
}
