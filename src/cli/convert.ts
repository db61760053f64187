import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { apiVersionOf, type GroupVersionResource, type KubeObject } from "../api/object.ts";
import { yamlText } from "../api/yaml-text.ts";
import type { Conversion } from "../convert/convert.ts";
import { formatNote, type VeleroInput } from "../convert/velero-documents.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import { ExitCode } from "./exit-codes.ts";
import { type CliIo, outputOf } from "./io.ts";
import { readPaths } from "./validate.ts";

interface ConvertOptions {
  readonly live: boolean;
  readonly veleroNamespace: string;
  readonly out?: string;
}

const EXAMPLES = `
Examples:
  holdfast convert velero/                              Velero's YAML below a folder, to stdout
  holdfast convert velero/ --out policies/              a file for each object
  holdfast convert --live --out policies/               what the cluster holds
  kubectl get -n velero schedules,bsl -o yaml > all.yaml && holdfast convert all.yaml

The YAML goes to stdout or into files; what has no counterpart, or means something else, goes to stderr with its line.
With --output json both are in one document. Nothing in the cluster is changed.
The exit code is 3 when something could not be converted at all.
`;

/** Builds `convert`: Velero's configuration as Holdfast's. */
export function convertCommand(io: CliIo): Command {
  return new Command("convert")
    .description("turn Velero's schedules, locations, restores and their ConfigMaps into Holdfast's YAML")
    .argument("[paths...]", "files and folders with Velero's YAML")
    .option("--live", "read Velero's objects from the cluster", false)
    .option("--velero-namespace <name>", "with --live: where Velero is", "velero")
    .option("--out <folder>", "write one file per object; existing files are not overwritten")
    .addHelpText("after", EXAMPLES)
    .action(async (paths: string[], options: ConvertOptions) => {
      const inputs = await readInputs(io, paths, options);
      const { convert } = await import("../convert/convert.ts"); // the validator: other commands don't pay for it
      const conversion = convert(inputs, io.options().namespace);
      if (options.out !== undefined) await writeFiles(options.out, conversion);
      print(io, conversion, options.out);
      const isWhole = conversion.problems.length === 0 && conversion.notes.every(({ level }) => level !== "unread");
      io.exitCode = isWhole ? ExitCode.Done : ExitCode.Partial;
    });
}

async function readInputs(io: CliIo, paths: readonly string[], options: ConvertOptions): Promise<VeleroInput[]> {
  if (options.live === paths.length > 0)
    throw new CodedError("Usage", { argument: "paths" }, "name files of Velero's YAML, or --live for the cluster's");
  if (options.live) return await readCluster(io, options.veleroNamespace);
  const { files, problems } = await readPaths(paths);
  for (const { file, message } of problems) io.note(`${file}: ${message}`);
  return files.map(({ path, bytes }) => ({ file: path, text: Buffer.from(bytes).toString("utf8") }));
}

const LIVE = [
  { group: "velero.io", version: "v1", resource: "schedules", kind: "Schedule" },
  { group: "velero.io", version: "v1", resource: "backupstoragelocations", kind: "BackupStorageLocation" },
  { group: "velero.io", version: "v1", resource: "volumesnapshotlocations", kind: "VolumeSnapshotLocation" },
  { group: "velero.io", version: "v1", resource: "backups", kind: "Backup" },
  { group: "velero.io", version: "v1", resource: "restores", kind: "Restore" },
  { group: "", version: "v1", resource: "configmaps", kind: "ConfigMap" },
  // flags of Velero's server
  { group: "apps", version: "v1", resource: "deployments", kind: "Deployment" },
] as const;

/** Each object as a text of its own, so that notes have a line that people find with `kubectl get -o yaml`. */
async function readCluster(io: CliIo, namespace: string): Promise<VeleroInput[]> {
  const kube = await io.deps().kube();
  const { resources } = await kube.discovery();
  const served = LIVE.filter(({ group, resource }) =>
    resources.some((each) => each.group === group && each.resource === resource),
  );
  if (served.every(({ group }) => group !== "velero.io"))
    throw new CodedError("KubeNotFound", { ref: "velero.io" }, "the cluster serves none of Velero's kinds");
  const inputs: VeleroInput[] = [];
  for (const { kind, ...gvr } of served) {
    for (const object of await listReadable(io, kube, gvr, namespace)) {
      const { managedFields: _fields, ...metadata } = object.metadata;
      const whole = { ...object, apiVersion: apiVersionOf(gvr), kind, metadata };
      inputs.push({ file: `cluster:${kind}/${metadata.name}`, text: yamlText(whole, { lineWidth: 0 }) });
    }
  }
  return inputs;
}

/** Who may read Velero's objects need not be one who may read Deployments. */
async function listReadable(
  io: CliIo,
  kube: KubeClient,
  gvr: GroupVersionResource,
  namespace: string,
): Promise<readonly KubeObject[]> {
  try {
    return await kube.list(gvr, { namespace });
  } catch (error) {
    if (gvr.group !== "apps" || !isCoded(error, "KubeForbidden")) throw error;
    io.note(`the flags of Velero's server were not looked at: ${messageOf(error)}`);
    return [];
  }
}

async function writeFiles(folder: string, { files }: Conversion): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of files) {
    await writeFile(join(folder, name), text, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
      throw new CodedError(
        "Usage",
        { argument: "--out" },
        `${join(folder, name)} exists already: choose another folder`,
      );
    });
  }
}

function print(io: CliIo, conversion: Conversion, out: string | undefined): void {
  const { files, notes, problems, ignored } = conversion;
  const output = outputOf(io, ["text", "json", "yaml"]);
  if (output === "json" || output === "yaml") {
    const result = { files: Object.fromEntries(files), notes, problems, ignored };
    io.print(output === "json" ? JSON.stringify(result, undefined, 2) : yamlText(result));
    return;
  }
  if (out === undefined && files.size > 0) io.print([...files.values()].join("---\n"));
  for (const note of notes) io.note(formatNote(note));
  for (const problem of problems) io.note(problem);
  const where = out === undefined ? "" : ` in ${out}`;
  io.note(`${files.size} objects${where}, ${notes.length} notes, ${ignored} documents of others`);
}
