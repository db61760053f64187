import { CodedError } from "../errors.ts";
import type { ObjectStore } from "./object-store.ts";

/** One thing wrong with a backup's folder. */
export interface VerifyProblem {
  /**
   * `missing`, `extra`: a file. `truncated`: shorter than the manifest says. `replaced`: another size, or whole but
   * other bytes. `flipped`: the size is right and the archive can't be read, or an object's digest is wrong.
   * `manifest`: not the one that the marker names. `unreadable`: the store couldn't answer.
   */
  readonly type: "missing" | "extra" | "truncated" | "replaced" | "flipped" | "manifest" | "unreadable";
  /** The file, and where it is known the object inside: `name.tar.gz: configmaps/ns/name`. */
  readonly at: string;
  readonly message: string;
}

/** What a verification found. */
export interface VerifyReport {
  readonly name: string;
  /** `velero` backups carry no digests: only structure can be checked. */
  readonly madeBy: "holdfast" | "velero";
  /** Whether bodies were read, or only sizes compared. */
  readonly readData: boolean;
  readonly files: number;
  readonly items: number;
  readonly bytesRead: number;
  readonly manifestSha256?: string;
  readonly problems: readonly VerifyProblem[];
}

export interface VerifyOptions {
  /** True: read every byte and compare every object with its row. False: names, sizes, manifest and index. */
  readonly readData: boolean;
  readonly signal?: AbortSignal;
}

/** Compares a backup's folder with its manifest. Damage is a finding, not an error. @throws {BackupNotFound} */
export async function verifyBackup(_store: ObjectStore, _name: string, _options: VerifyOptions): Promise<VerifyReport> {
  throw new CodedError("Internal", { detail: "verify" }, "not built yet");
}
