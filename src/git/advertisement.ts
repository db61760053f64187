import { CodedError } from "../errors.ts";
import { type PktLine, ProtocolError, readPktLines } from "./pkt-line.ts";
import type { Wire } from "./wire.ts";

export type GitService = "git-upload-pack" | "git-receive-pack";

/** What a service says first: its capabilities and every ref with its object. */
export interface Advertisement {
  readonly capabilities: ReadonlySet<string>;
  readonly refs: ReadonlyMap<string, string>;
}

/**
 * Asks a service for its refs (gitprotocol-http, protocol version 0: what every server speaks).
 * @throws {GitNotFound} when what answers is no Git server
 */
export async function readAdvertisement(wire: Wire, service: GitService): Promise<Advertisement> {
  return parseAdvertisement(await readFirstAnswer(wire, service, {}));
}

/**
 * The lines a service answers first, without flushes and without the line that names the service.
 * @throws {GitNotFound} when what answers is no Git server
 */
export async function readFirstAnswer(
  wire: Wire,
  service: GitService,
  headers: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const answer = await wire.request({ url: `${wire.url}/info/refs?service=${service}`, headers });
  if (answer.headers["content-type"] !== `application/x-${service}-advertisement`) throw notGit(wire.url);
  return await translate(wire.url, async () => {
    const lines: string[] = [];
    let isClosed = false;
    for await (const line of readPktLines(answer.body)) {
      const text = textOf(line);
      isClosed = text === undefined;
      if (text !== undefined && !text.startsWith("# service=")) lines.push(text);
    }
    if (!isClosed) throw new ProtocolError("the list of branches was cut");
    return lines;
  });
}

/** Takes the lines of a version 0 advertisement apart. */
export function parseAdvertisement(lines: readonly string[]): Advertisement {
  const words = lines[0]?.split("\0")[1]?.trim().split(" ") ?? [];
  const refs = new Map<string, string>();
  for (const line of lines) {
    const [oid, name] = (line.split("\0")[0] ?? "").split(" ");
    // An empty repository advertises its capabilities on a ref that is none.
    if (oid !== undefined && name !== undefined && name !== "capabilities^{}") refs.set(name, oid);
  }
  return { capabilities: new Set(words), refs };
}

/** The text of a line without its newline; undefined for a flush. @throws {ProtocolError} when the line is an error */
export function textOf(line: PktLine): string | undefined {
  if (line.type === "flush") return undefined;
  const text = line.payload.toString("utf8").replace(/\n$/, "");
  if (text.startsWith("ERR ")) throw new ProtocolError(`the remote says: ${text.slice(4)}`);
  return text;
}

/** Runs protocol code and says which remote broke the protocol. */
export async function translate<T>(url: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new CodedError("GitUnreachable", { url }, `${url}: ${error.message}`, { cause: error });
  }
}

/** Something answers at the URL, but no Git server. */
export function notGit(url: string, cause?: unknown): CodedError {
  return new CodedError("GitNotFound", { url }, `${url} answers, but not as a Git repository: check the URL`, {
    cause,
  });
}
