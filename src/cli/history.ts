import { Command } from "commander";
import { type HistoryEntry, objectHistory } from "../backup/history.ts";
import { CodedError } from "../errors.ts";
import { fieldChangeText, redactDiff } from "../report/backup-diff.ts";
import { type ObjectOptions, objectOptions, openSource, withObjectNamespace, withSource } from "./backup-source.ts";
import { type CliIo, outputOf } from "./io.ts";

interface HistoryOptions extends ObjectOptions {
  readonly showSecrets: boolean;
}

const EXAMPLES = `
The resource is given in full where no cluster is asked: deployments.apps, configmaps, widgets.example.org.

Examples:
  holdfast history deployments.apps web -n shop
  holdfast history configmaps shop-config -n shop --dir /mnt/backups
`;

/** Builds `history`: the versions of one object through all backups of a location, and when a field changed. */
export function historyCommand(io: CliIo): Command {
  const command = new Command("history")
    .description("follow one object through all backups")
    .argument("<resource>")
    .argument("<name>");
  return withObjectNamespace(withSource(command))
    .option("--show-secrets", "print values of Secrets", false)
    .addHelpText("after", EXAMPLES)
    .action(async (wanted: string, name: string, given: HistoryOptions) => {
      const options = objectOptions(io, command, given);
      const resource = await fullName(io, wanted, options);
      const store = await openSource(io, options);
      const kind = resource === "secrets" ? "Secret" : "";
      let versions = 0;
      for await (const entry of objectHistory(
        store,
        resource,
        { namespace: options.inNamespace ?? "", name },
        io.signal,
      )) {
        if (entry.type === "first" || entry.type === "changed") versions++;
        const shown = options.showSecrets ? { ...entry, kind } : redactDiff({ ...entry, kind });
        io.stdout.write(outputOf(io, ["text", "json"]) === "json" ? jsonLine(shown) : entryText(io, shown));
      }
      if (versions === 0) throw notArchived(store.location, `${resource} ${name}`, options.inNamespace);
    });
}

function notArchived(where: string, object: string, namespace: string | undefined): CodedError {
  const hint = namespace === undefined ? "; objects in a namespace need -n" : ` in namespace ${namespace}`;
  return new CodedError("ObjectNotArchived", { object, where }, `no backup in ${where} holds ${object}${hint}`);
}

async function fullName(io: CliIo, wanted: string, options: HistoryOptions): Promise<string> {
  if (options.dir !== undefined || wanted.includes(".")) return wanted;
  const [{ resolveResource }, kube] = await Promise.all([import("../kube/resolve-resource.ts"), io.deps().kube()]);
  const found = resolveResource(await kube.discovery(), wanted);
  return found === undefined ? wanted : found.group === "" ? found.resource : `${found.resource}.${found.group}`;
}

function jsonLine({ kind: _kind, ...entry }: HistoryEntry & { readonly kind: string }): string {
  return `${JSON.stringify(entry)}\n`;
}

function entryText(io: CliIo, entry: HistoryEntry): string {
  const words = { absent: "absent", first: "first seen", same: "unchanged", changed: "changed" } as const;
  const digest = entry.content === undefined ? "" : `  ${entry.content.slice(0, 12)}`;
  const head = `${entry.started || "unknown time"}  ${entry.backup}  ${words[entry.type]}${digest}\n`;
  return head + (entry.changes ?? []).map((change) => fieldChangeText(change, io)).join("");
}
