/**
 * The rules of this tree as data and as functions from one file to what is wrong with it. They read text, not syntax
 * trees, so that the whole tree is checked in well under a second.
 */

/** One source file; `path` is relative to the repository, with `/`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What one file breaks: a sentence each; empty when nothing. */
export type Rule = (file: SourceFile) => string[];

const ENGINE = ["api", "kube", "storage", "volumes", "report"];
const ALL_BELOW_RECONCILE = [...ENGINE, "schedule", "git", "gitops", "forge", "backup", "restore"];

/** Folder of `src/` → folders it may import, besides itself and the files of `src/` that everyone may. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  api: [],
  schedule: ["api"],
  convert: ["api"],
  report: ["api"],
  kube: ["api"],
  git: ["api"],
  storage: ["api"],
  forge: ["api", "report"],
  volumes: ["api", "kube"],
  gitops: ["api", "kube", "report"],
  backup: ENGINE,
  restore: [...ENGINE, "gitops"],
  reconcile: ALL_BELOW_RECONCILE,
  server: ["api", "report"],
  cli: [...ALL_BELOW_RECONCILE, "convert", "reconcile", "server"],
};

/** Files of `src/` itself that every folder may import. */
const SHARED_FILES = new Set(["src/errors.ts", "src/log.ts", "src/clock.ts", "src/failpoints.ts"]);

/** Package → where it may be imported: a folder of `src/`, or one file. */
export const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  "@kubernetes/client-node": ["kube"],
  undici: ["kube"],
  "@aws-sdk": ["storage"],
  "@smithy": ["storage"],
  ajv: ["api"],
  "ajv-formats": ["api"],
  "cron-parser": ["schedule"],
  "fast-json-patch": ["src/api/patch.ts"],
  "tar-stream": ["storage"],
  "@octokit/rest": ["src/forge/github.ts"],
  "@gitbeaker": ["src/forge/gitlab.ts"],
  "gitea-js": ["src/forge/gitea.ts"],
  fastify: ["server"],
  "prom-client": ["report"],
  commander: ["cli", "src/main.ts"],
  pino: ["src/log.ts"],
  yaml: ["api", "convert", "kube", "report", "restore", "cli"],
  re2js: ["api", "restore", "src/cli/backup-grep.ts"],
};

/** Node modules that compute and touch nothing. */
const PURE_NODE_MODULES = new Set(["node:crypto", "node:buffer", "node:util"]);

/** What a pure file must not say, and why. */
const IMPURE: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/, "reads the clock"],
  [/\bMath\.random\b|\brandom(?:UUID|Bytes|Int)\b|\bgetRandomValues\b/, "draws random numbers"],
  [/\bprocess\./, "looks at the process"],
  [/\bconsole\./, "prints"],
  [/\bset(?:Timeout|Interval|Immediate)\(/, "starts a timer"],
  [/(?<![.\w])fetch\(/, "talks to the network"],
];

/** A call of a logger, up to the end of its statement. */
const LOG_CALL = /\b[lL]og(?:ger)?\.(?:debug|info|warn|error)\(([\s\S]*?)\);/g;

/** Logs a constant message; what varies goes into fields. */
export const logsConstantMessages: Rule = (file) => {
  if (!file.path.startsWith("src/") || isTest(file)) return [];
  return [...withoutComments(file.text).matchAll(LOG_CALL)]
    .map(([, args = ""]) => args.trim())
    .filter((args) => !/,\s*"[^"]*",?\)*$/.test(args))
    .map((args) => `a log line whose message is no literal: ${args.slice(0, 80)}`);
};

const JUNK_WORDS = /^(?:utils?|helpers?|common|managers?|data|info|misc|stuff)$/;
const JUNK_IN_IDENTIFIERS = /^(?:utils?|helpers?|common|managers?)$/;
/** Kubernetes' own words, which are nobody's junk. */
const PROPER_NAMES = /controller-manager|controllerManager|fieldManager/gi;
const MAX_LINES = 500;

/** Imports only what the layer of its folder allows. */
export const keepsItsLayer: Rule = (file) => {
  if (isTest(file)) return [];
  const from = folderOf(file.path);
  if (from === undefined) return [];
  const allowed = MAY_IMPORT[from];
  if (allowed === undefined) return [`src/${from}/ is not in the layer table`];
  return localImports(file)
    .filter((target) => !SHARED_FILES.has(target))
    .filter((target) => folderOf(target) !== from && !allowed.includes(folderOf(target) ?? ""))
    .map((target) => `${from} may not import ${target}`);
};

/** Imports a library only where it lives, and none that the table doesn't know. */
export const keepsLibrariesAtHome: Rule = (file) => {
  if (!file.path.startsWith("src/") || isTest(file)) return [];
  return packageImports(file).flatMap((name) => {
    const homes = LIBRARIES[name];
    if (homes === undefined) return [`${name} is not in the table of libraries`];
    const isHome = homes.some((home) => home === file.path || home === folderOf(file.path));
    return isHome ? [] : [`${name} lives in ${homes.join(", ")}`];
  });
};

/** Runs of files that import each other in a circle; imports of types alone don't count, since they are gone at run time. */
export function importCycles(files: readonly SourceFile[]): string[] {
  const graph = new Map(files.filter((file) => !isTest(file)).map((file) => [file.path, runtimeImports(file)]));
  const settled = new Set<string>();
  const path: string[] = [];
  const cycles: string[] = [];
  const visit = (file: string): void => {
    const open = path.indexOf(file);
    if (open >= 0) cycles.push([...path.slice(open), file].join(" → "));
    if (open >= 0 || settled.has(file)) return;
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    settled.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return cycles;
}

const RUNTIME_IMPORT = /^(?:import|export)\s(?!type\s)(?:[^;"']*?\sfrom\s+)?["'](\.[^"']+)["']/gm;

function runtimeImports(file: SourceFile): string[] {
  return [...withoutComments(file.text).matchAll(RUNTIME_IMPORT)].map(([, specifier = ""]) =>
    resolve(file.path, specifier),
  );
}

/** Pure by place: all of api, schedule, convert and report, and every plan. */
export const isPureByPlace: Rule = (file) => {
  if (!isPurePlace(file)) return [];
  const code = withoutComments(file.text);
  const modules = imports(file).filter((name) => name.startsWith("node:") && !PURE_NODE_MODULES.has(name));
  return [
    ...modules.map((name) => `imports ${name}`),
    ...IMPURE.filter(([pattern]) => pattern.test(code)).map(([, what]) => what),
  ];
};

/** Only `cli/config.ts` reads the environment. */
export const readsNoEnvironment: Rule = (file) => {
  if (!file.path.startsWith("src/") || isTest(file) || file.path === "src/cli/config.ts") return [];
  return /\bprocess\.env\b/.test(withoutComments(file.text))
    ? ["reads the environment: take it from cli/config.ts"]
    : [];
};

/** Stays readable in one sitting. */
export const isShort: Rule = (file) => {
  const lines = file.text.split("\n").length - 1;
  return lines > MAX_LINES && !isGenerated(file) ? [`has ${lines} lines; ${MAX_LINES} is the most`] : [];
};

/** Is named for what is in it, in kebab-case. */
export const isWellNamed: Rule = (file) => {
  const name = file.path.slice(file.path.lastIndexOf("/") + 1);
  const stem = name.replace(/(?:\.(?:test|contract|generated|d|config))*\.[cm]?[jt]s$/, "");
  const junk = [...stem.replace(PROPER_NAMES, "k8s").split("-"), ...file.path.split("/").slice(0, -1)].filter((word) =>
    JUNK_WORDS.test(word),
  );
  return [
    ...(/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(stem) ? [] : [`${name} is not kebab-case`]),
    ...junk.map((word) => `"${word}" says nothing about what is in it`),
    ...exportedNames(file)
      .filter(isJunkIdentifier)
      .map((word) => `${word} says nothing about what it is`),
  ];
};

/** Exports by name, things of its own. */
export const isNoBarrel: Rule = (file) => {
  if (!file.path.startsWith("src/")) return [];
  const code = withoutComments(file.text);
  const passesOn = /(?:^|\n)\s*export\s+(?:type\s+)?(?:\*|\{[^}]*\})(?:\s+as\s+\w+)?\s*from\b/.test(code);
  const hasOwn = /(?:^|\n)\s*(?:export\s+)?(?:async\s+)?(?:function|const|let|class|interface|type)\s/.test(code);
  return [
    ...(/\/index\.ts$/.test(file.path) ? ["index.ts is a barrel's name"] : []),
    ...(passesOn && !hasOwn ? ["only passes on what others export"] : []),
    ...(/(?:^|\n)\s*export\s+default\b/.test(code) ? ["has a default export"] : []),
  ];
};

/** Put together here, so that this line is not one of them. */
const OPEN_END = new RegExp(`\\b(?:${["TO", "FIX"].join("DO|")}ME)\\b(?!.*#\\d)`);

/** Every open end names its issue. */
export const namesItsTodos: Rule = (file) =>
  file.text
    .split("\n")
    .flatMap((line, index) => (OPEN_END.test(line) ? [`line ${index + 1}: an open end without an issue number`] : []));

/** The folder of `src/` a file stands in; undefined for files of `src/` itself and for files elsewhere. */
export function folderOf(path: string): string | undefined {
  const [top, folder, ...rest] = path.split("/");
  return top === "src" && rest.length > 0 ? folder : undefined;
}

/** Module specifiers of every import and re-export, dynamic ones too. */
export function imports(file: SourceFile): string[] {
  const code = withoutComments(file.text);
  const found = [
    ...code.matchAll(/(?:^|\n)\s*(?:import|export)\b[^"'`;()]*?\bfrom\s*["']([^"']+)["']/g),
    ...code.matchAll(/(?:^|\n)\s*import\s*["']([^"']+)["']/g),
    ...code.matchAll(/\bimport\(\s*["']([^"']+)["']/g),
  ];
  return found.map(([, specifier = ""]) => specifier);
}

function localImports(file: SourceFile): string[] {
  return imports(file)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => resolve(file.path, specifier));
}

function packageImports(file: SourceFile): string[] {
  return imports(file)
    .filter((specifier) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
    .map((specifier) => {
      const [first = "", second] = specifier.split("/");
      const scoped = first.startsWith("@") && second !== undefined ? `${first}/${second}` : first;
      return LIBRARIES[scoped] === undefined && first.startsWith("@") && LIBRARIES[first] !== undefined
        ? first
        : scoped;
    });
}

function resolve(from: string, specifier: string): string {
  const segments = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") segments.pop();
    else if (part !== ".") segments.push(part);
  }
  return segments.join("/");
}

function isPurePlace(file: SourceFile): boolean {
  if (isTest(file)) return false;
  const folder = folderOf(file.path);
  if (folder === undefined || folder === "cli") return false;
  return ["api", "schedule", "convert", "report"].includes(folder) || /\/(?:[a-z0-9-]+-)?plan\.ts$/.test(file.path);
}

function isTest(file: SourceFile): boolean {
  return /\.(?:test|contract)\.ts$/.test(file.path);
}

function isGenerated(file: SourceFile): boolean {
  return file.path.endsWith(".generated.ts");
}

function exportedNames(file: SourceFile): string[] {
  const declarations = withoutComments(file.text).matchAll(
    /(?:^|\n)export\s+(?:abstract\s+)?(?:async\s+)?(?:function\*?|const|let|class|interface|type)\s+(\w+)/g,
  );
  return [...declarations].map(([, name = ""]) => name);
}

function isJunkIdentifier(name: string): boolean {
  const words = name
    .replace(PROPER_NAMES, "")
    .split(/(?=[A-Z])|_/)
    .map((word) => word.toLowerCase());
  return words.some((word) => JUNK_IN_IDENTIFIERS.test(word)) || JUNK_WORDS.test(name.toLowerCase());
}

/** The code with comments blanked; string literals stay, so a `//` inside one is left alone. */
function withoutComments(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_match, literal) => literal ?? "",
  );
}
