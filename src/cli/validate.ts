import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command, Option } from "commander";
import { isReadable, MAX_FILE_BYTES, type SourceFile } from "../api/parse.ts";
import type { Problem } from "../api/problem.ts";
import { type ValidatedTree, validateTree } from "../api/validate.ts";
import { yamlText } from "../api/yaml-text.ts";
import { CodedError } from "../errors.ts";
import { ExitCode } from "./exit-codes.ts";
import { type CliIo, outputOf } from "./io.ts";
import { gitHubAnnotations, sarifReport } from "./validate-reports.ts";
import { renderValidation } from "./validate-text.ts";

/** More files than this under one path are refused, as from Git. */
const MAX_FILES = 10_000;

const EXAMPLES = `
Examples:
  holdfast validate policies/                  every YAML and JSON file below a folder
  holdfast validate policies/shop.yaml         one file
  holdfast validate clusters/*.yaml -o json    for programs: problems with file, line, column and code
  holdfast validate policies/ --format sarif   for code scanning; --format github annotates a pull request

Documents of other API groups are passed over and counted.
`;

/** Builds `validate`: checks files as the reconciler does, without a cluster. */
export function validateCommand(io: CliIo): Command {
  return new Command("validate")
    .description("check YAML files without a cluster: syntax, fields, schedules, names, references")
    .argument("<paths...>", "files and folders")
    .addOption(new Option("--format <format>", "for code forges, instead of --output").choices(["sarif", "github"]))
    .addHelpText("after", EXAMPLES)
    .action(async (paths: string[], { format }: { readonly format?: "sarif" | "github" }) => {
      const { files, problems } = await readPaths(paths);
      const checked = validateTree(files, { defaultNamespace: io.options().namespace, acceptGitSource: true });
      const tree = { ...checked, problems: [...problems, ...checked.problems] };
      if (format === undefined) print(io, tree, files);
      else io.print(format === "sarif" ? JSON.stringify(sarifReport(tree), undefined, 2) : gitHubAnnotations(tree));
      io.exitCode = tree.problems.length > 0 ? ExitCode.Usage : ExitCode.Done;
    });
}

interface ReadFiles {
  readonly files: readonly SourceFile[];
  readonly problems: readonly Problem[];
}

/** Reads what the paths name, folders with all that is below them, in the order of their names. */
export async function readPaths(paths: readonly string[]): Promise<ReadFiles> {
  const files = new Map<string, SourceFile>();
  const problems: Problem[] = [];
  for (const path of paths) {
    for await (const found of walk(path, path)) {
      if (files.size >= MAX_FILES)
        throw new CodedError(
          "Usage",
          { argument: path },
          `${path}: more than ${MAX_FILES} files; name a folder further down`,
        );
      if (found.type === "link") {
        problems.push({
          code: "SymbolicLink",
          message: "symbolic links are not followed",
          file: found.path,
          line: 1,
          column: 1,
          hint: "put the file itself here",
        });
      } else files.set(found.path, await readOne(found.path));
    }
  }
  return { files: [...files.values()], problems };
}

type Found = { readonly type: "file" | "link"; readonly path: string };

async function* walk(path: string, argument: string): AsyncGenerator<Found> {
  const entry = await lstat(path).catch((error: unknown) => {
    throw new CodedError("Usage", { argument }, `${path}: no such file or folder`, { cause: error });
  });
  if (entry.isSymbolicLink()) yield { type: "link", path };
  else if (!entry.isDirectory()) {
    if (isReadable(path)) yield { type: "file", path };
    else if (path === argument) throw new CodedError("Usage", { argument }, `${path}: not a .yaml, .yml or .json file`);
  } else {
    for (const name of (await readdir(path)).sort()) {
      if (name !== ".git" && name !== "node_modules") yield* walk(join(path, name), argument);
    }
  }
}

/** A file too large to be taken is not read either: its size is all that is told. */
async function readOne(path: string): Promise<SourceFile> {
  const { size } = await lstat(path);
  return { path, bytes: size > MAX_FILE_BYTES ? new Uint8Array(MAX_FILE_BYTES + 1) : await readFile(path) };
}

function print(io: CliIo, tree: ValidatedTree, files: readonly SourceFile[]): void {
  const output = outputOf(io, ["text", "json", "yaml"]);
  if (output === "json") io.print(JSON.stringify(asResult(tree), undefined, 2));
  else if (output === "yaml") io.print(yamlText(asResult(tree)));
  else io.print(renderValidation(tree, files, { colours: io.colours }));
}

/** What programs get: everything but the documents' content. */
function asResult(tree: ValidatedTree): object {
  const { files, ignored, problems, warnings } = tree;
  const documents = tree.documents.map(({ kind, object, file, line, digest }) => ({
    kind,
    namespace: object.metadata.namespace ?? "",
    name: object.metadata.name,
    file,
    line,
    digest,
  }));
  return { valid: problems.length === 0, files, documents, ignored, problems, warnings };
}
