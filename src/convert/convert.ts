import type { KubeObject } from "../api/object.ts";
import { formatProblem } from "../api/problem.ts";
import { validateTree } from "../api/validate.ts";
import { yamlText } from "../api/yaml-text.ts";
import { type ConfigMaps, convertConfigMaps, isVeleroConfigMap } from "./config-maps.ts";
import { convertLocations } from "./locations.ts";
import { convertBackups, convertRestores } from "./runs.ts";
import { convertSchedules } from "./schedules.ts";
import { isVeleroServer, readServerFlags } from "./server-flags.ts";
import { type Located, type Note, noteOn, readInputs, type VeleroInput } from "./velero-documents.ts";

/** What `holdfast convert` gives. */
export interface Conversion {
  /** File name → YAML, one object each. */
  readonly files: ReadonlyMap<string, string>;
  readonly notes: readonly Note[];
  /** What `holdfast validate` says of the files; empty unless the input itself was wrong. */
  readonly problems: readonly string[];
  /** Documents that are not Velero's. */
  readonly ignored: number;
}

/** Kinds that carry no configuration: what they stand for is in the bucket, or only Velero's own affair. */
const WITHOUT_COUNTERPART: Readonly<Record<string, string>> = {
  VolumeSnapshotLocation: "Holdfast takes no volume snapshots: volume data is not copied",
  BackupRepository: "it is Velero's store of volume data, which Holdfast does not read",
  PodVolumeBackup: "it is a record of volume data, which Holdfast does not copy",
  PodVolumeRestore: "it is a record of volume data, which Holdfast does not copy",
  DeleteBackupRequest: "deletions are asked for with `holdfast backup delete`",
  DownloadRequest: "Holdfast reads the bucket itself",
  ServerStatusRequest: "ask `holdfast status`",
};

/** Converts everything of Velero's in the texts. */
export function convert(inputs: readonly VeleroInput[], namespace: string): Conversion {
  const read = readInputs(inputs);
  const ofKind = (kind: string): Located[] =>
    read.objects.filter(({ object }) => object.kind === kind && isVelero(object));
  const configMaps: ConfigMaps = new Map(
    read.objects.filter(isVeleroConfigMap).map((at) => [at.object.metadata.name, at]),
  );
  const schedules = convertSchedules(ofKind("Schedule"), namespace);
  const locations = convertLocations(ofKind("BackupStorageLocation"), namespace);
  const backups = convertBackups(ofKind("Backup"), namespace);
  const restores = convertRestores(ofKind("Restore"), { namespace, places: schedules.places, configMaps });
  const server = readServerFlags(read.objects.filter(isVeleroServer));
  const uses = { inlined: inlinedIn(ofKind("Restore")), globalPolicy: server.globalPolicy };
  const maps = convertConfigMaps(configMaps, namespace, uses);
  const others = read.objects.filter(({ object }) => isVelero(object) && !CONVERTED.has(object.kind));
  const objects = [locations.locations, schedules.policies, backups.objects, restores.objects, maps.objects].flat();
  const files = filesOf(objects);
  const parts = [read, schedules, locations, backups, restores, maps, server];
  const notes = [...parts.flatMap((part) => part.notes), ...others.map(otherNote)];
  return {
    files,
    notes: notes.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line)),
    problems: problemsOf(files, namespace),
    ignored: read.objects.filter((at) => !isVelero(at.object) && !isVeleroConfigMap(at) && !isVeleroServer(at)).length,
  };
}

const CONVERTED: ReadonlySet<string> = new Set(["Schedule", "BackupStorageLocation", "Backup", "Restore"]);

function isVelero({ apiVersion }: KubeObject): boolean {
  return typeof apiVersion === "string" && apiVersion.startsWith("velero.io/");
}

/** Modifiers that stand in a RestorePlan now. */
function inlinedIn(restores: readonly Located[]): ReadonlySet<string> {
  const names = restores.map(({ object }) => {
    const { resourceModifier } = (object.spec ?? {}) as { readonly resourceModifier?: { readonly name?: string } };
    return resourceModifier?.name ?? "";
  });
  return new Set(names);
}

function otherNote(at: Located): Note {
  return noteOn(at, "lost", [], WITHOUT_COUNTERPART[at.object.kind] ?? "Holdfast has nothing like it");
}

function filesOf(objects: readonly KubeObject[]): Map<string, string> {
  return new Map(
    objects.map((object) => {
      const kind = object.kind.toLowerCase();
      const schema = `# yaml-language-server: $schema=https://holdfast.dev/schemas/${kind}.schema.json\n`;
      const text = yamlText(object, { lineWidth: 0 });
      return [`${kind}-${object.metadata.name}.yaml`, object.kind === "ConfigMap" ? text : `${schema}${text}`];
    }),
  );
}

/** The converter holds itself to what a commit is held to. */
function problemsOf(files: ReadonlyMap<string, string>, namespace: string): string[] {
  const tree = [...files].map(([path, text]) => ({ path, bytes: Buffer.from(text) }));
  return validateTree(tree, { defaultNamespace: namespace }).problems.map(formatProblem);
}
