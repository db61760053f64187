import { Command } from "commander";
import { RE2JS } from "re2js";
import { type FindText, searchBackup } from "../backup/search.ts";
import { CodedError, messageOf } from "../errors.ts";
import { cutTo, printable } from "../report/plan-lines.ts";
import {
  type ObjectOptions,
  objectOptions,
  resourceIn,
  withBackup,
  withObjectNamespace,
  withSource,
} from "./backup-source.ts";
import { ExitCode } from "./exit-codes.ts";
import { type CliIo, outputOf } from "./io.ts";

interface GrepOptions extends ObjectOptions {
  readonly resource?: string;
  readonly regexp: boolean;
  readonly showSecrets: boolean;
}

const EXAMPLES = `
Looks at every key and value. Secrets are left out unless --show-secrets is given: then their decoded values are searched.
Exit code 1 when nothing matches, as grep has it.

Examples:
  holdfast backup grep registry.old.example shop-daily-20261120030000
  holdfast backup grep --regexp 'image: .*:latest' shop-daily-20261120030000 -n shop
`;

/** Builds `backup grep`. */
export function backupGrepCommand(io: CliIo): Command {
  const command = new Command("grep")
    .description("find text in the objects of a backup")
    .argument("<text>")
    .argument("<backup>");
  return withObjectNamespace(withSource(command))
    .option("--regexp", "the text is a regular expression (RE2)", false)
    .option("--resource <name>", "only this resource")
    .option("--show-secrets", "search Secrets too, and print what matches", false)
    .addHelpText("after", EXAMPLES)
    .action(async (text: string, backup: string, given: GrepOptions) => {
      const options = objectOptions(io, command, given);
      const find = options.regexp ? regexp(text) : (value: string) => value.indexOf(text);
      const hits = await withBackup(io, backup, options, async (reader) => {
        let count = 0;
        const filter = {
          ...(options.resource === undefined
            ? {}
            : { resource: await resourceIn(io, reader, options, options.resource) }),
          ...(options.inNamespace === undefined ? {} : { namespace: options.inNamespace }),
          secrets: options.showSecrets,
        };
        for await (const { row, path, value, at } of searchBackup(reader, find, filter)) {
          count++;
          const { resource, namespace, name } = row;
          const object = `${resource} ${namespace === "" ? "" : `${namespace}/`}${name}`;
          if (outputOf(io, ["text", "json"]) === "json")
            io.print(JSON.stringify({ resource, namespace, name, path, value }));
          else io.print(hitText(`${object} ${printable(path)}: `, { value, at }, io.width));
        }
        return count;
      });
      if (hits === 0) io.exitCode = ExitCode.Failed;
    });
}

/** Characters of the value that are shown whatever the terminal's width, and those before the match. */
const SHOWN = 40;
const CONTEXT = 16;

/** The part of a long value where the match is; names and paths are not cut. */
function hitText(head: string, { value, at }: { readonly value: string; readonly at: number }, width: number): string {
  const room = Math.max(SHOWN, width - head.length);
  const isNear = value.length <= room || at + CONTEXT <= room;
  return head + cutTo(printable(isNear ? value : `…${value.slice(at - CONTEXT)}`), room);
}

function regexp(text: string): FindText {
  try {
    const pattern = RE2JS.compile(text);
    return (value) => {
      const matcher = pattern.matcher(value);
      return matcher.find() ? matcher.start() : -1;
    };
  } catch (error) {
    throw new CodedError("Usage", { argument: text }, `${text} is no regular expression: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
