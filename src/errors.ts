/**
 * Every failure Holdfast can name: one row per code, with the data a caller may act on. Codes are public: they become
 * condition reasons, the JSON output and the exit status. Message text is for people and is never matched.
 */
export interface ErrorData {
  // api: what users write
  InvalidDocument: { problems: readonly { code: string; message: string; at: string }[] };
  InvalidPatch: { operation: number; path: string; test: boolean };
  // kube: the API server
  KubeUnavailable: { ref: string };
  KubeConflict: { ref: string };
  KubeExists: { ref: string };
  KubeNotFound: { ref: string };
  KubeRejected: { ref: string; status: number; reason: string };
  KubeForbidden: { ref: string; status: number; reason?: string };
  KubeExpired: { ref: string; continueToken: string | undefined };
  KubeConfigInvalid: { path: string };
  // git: the remote
  GitUnreachable: { url: string };
  GitAuth: { url: string; status: number };
  GitNotFound: { url: string };
  GitBranchMissing: { url: string; branch: string };
  GitEmpty: { url: string };
  GitPathMissing: { path: string; revision: string };
  GitEntryRefused: { path: string; why: string };
  GitPushRejected: { branch: string; why: string };
  GitRedirectRefused: { url: string };
  GitTimeout: { url: string; afterMs: number };
  GitTooLarge: { url: string; limitBytes: number };
  GitRevisionMissing: { revision: string };
  GitCacheFailed: { path: string };
  GitCommitUntrusted: { revision: string; why: string };
  GnuPgFailed: { why: string };
  // forge: pull requests
  ForgeUnreachable: { host: string };
  ForgeAuth: { host: string; status: number };
  ForgeNotFound: { host: string; what: string };
  ForgeRejected: { host: string; status: number };
  // storage: where backups live
  StoreUnreachable: { location: string };
  StoreAuth: { location: string };
  StoreBucketMissing: { location: string };
  StoreObjectMissing: { key: string };
  StoreObjectExists: { key: string };
  StoreReadOnly: { location: string };
  StoreFull: { location: string };
  ArchiveTruncated: { key: string };
  ArchiveInvalid: { key: string; why: string };
  ArchiveUnsafe: { key: string; entry: string; why: string };
  DigestMismatch: { key: string; expected: string; actual: string };
  ObjectNotArchived: { object: string; where: string };
  BackupNotFound: { name: string; location: string };
  BackupNameTaken: { name: string; owner: string };
  BackupIncomplete: { name: string };
  BackupFormatUnknown: { key: string; version: number };
  ClaimUnreadable: { key: string };
  StoreConditionIgnored: { key: string };
  // engines and the loop
  InvalidSpec: { fields: readonly string[] };
  PlanStale: { approved: string; actual: string };
  SafetyBackupGone: { run: string; backup: string | undefined };
  RecordsGone: { run: string };
  ClaimTaken: { key: string; owner: string };
  OwnersRefused: { owners: readonly string[] };
  OwnerNotPaused: { owner: string };
  OwnerHeld: { owner: string; run: string };
  OwnerNotResumed: { owner: string };
  LedgerUnreadable: { where: string };
  ClusterMismatch: { cluster: string; uid: string };
  Cancelled: { what: string };
  LeaseLost: { lease: string };
  LeaseHeld: { lease: string; holder: string };
  /** `help`: the command line that shows how it is used. */
  Usage: { argument: string; help?: string };
  Internal: { detail: string };
}

export type ErrorCode = keyof ErrorData;

/** The one error class: a literal `code`, typed `data`, and what the library threw in `cause`. */
export class CodedError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = "CodedError";
  readonly code: C;
  readonly data: ErrorData[C];

  constructor(code: C, data: ErrorData[C], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.data = data;
  }
}

/** True when `error` is ours and carries `code`; narrows the data with it. */
export function isCoded<C extends ErrorCode>(error: unknown, code: C): error is CodedError<C> {
  return error instanceof CodedError && error.code === code;
}

/** What a person does about a failure where its message alone does not say it; undefined for most. */
export function remedyFor(error: unknown): string | undefined {
  if (isCoded(error, "KubeUnavailable"))
    return "check that the API server runs, and what --kubeconfig and --context name";
  if (isCoded(error, "KubeNotFound") && error.data.ref.includes(".holdfast.dev"))
    return "see that Holdfast is installed there (`kubectl apply -k .`), and what --namespace names";
  if (isCoded(error, "Usage") && error.data.help !== undefined) return `see \`${error.data.help}\``;
  return isDamage(error)
    ? "restore from another backup; `holdfast backup verify <name> --read-data` tells what is left of this one"
    : undefined;
}

/** True where what is stored is not what was put there, or no longer whole. */
export function isDamage(error: unknown): boolean {
  return (
    isCoded(error, "ArchiveTruncated") ||
    isCoded(error, "ArchiveInvalid") ||
    isCoded(error, "ArchiveUnsafe") ||
    isCoded(error, "DigestMismatch")
  );
}

/** What any thrown value says to a person, without credentials and without URL query strings. */
export function messageOf(error: unknown): string {
  return redact(error instanceof Error ? error.message : String(error));
}

/** Strips `user:password@` and query strings from every URL in a text (Flux's SanitizeError). */
export function redact(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)([^\s"'<>]*)/gi, (_url, scheme: string, rest: string) => {
    const bare = rest.slice(endOfCredentials(rest));
    const query = bare.indexOf("?");
    return `${scheme}${query < 0 ? bare : bare.slice(0, query)}`;
  });
}

/** A password may hold what a URL should have escaped: `/` and `@`. What looks like `host:port` is taken for a host. */
function endOfCredentials(rest: string): number {
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? "";
  const at = authority.lastIndexOf("@");
  if (at >= 0) return at + 1;
  const isHost = /^(?:[^:]*|\[[^\]]*\](?::\d+)?|(?:localhost|[^:]*\.[^:]*):\d+)$/.test(authority);
  return isHost ? 0 : rest.lastIndexOf("@") + 1;
}
