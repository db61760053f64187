import { isCoded } from "../errors.ts";
import { readAdvertisement, textOf, translate } from "./advertisement.ts";
import { FLUSH, type PktLine, pktLine, readPktLines, readSideBands } from "./pkt-line.ts";
import type { Wire } from "./wire.ts";

/** One ref to move from `from` to `to`: refused by the remote when the ref stands elsewhere by then. */
export interface PushRequest {
  readonly ref: string;
  /** Undefined: the ref must not exist. */
  readonly from: string | undefined;
  readonly to: string;
  /** Makes the pack; `thin` tells whether deltas may refer to objects outside of it. */
  readonly pack: (thin: boolean) => Promise<Buffer>;
}

/**
 * What came of a push. `moved`: the ref stood elsewhere before anything was sent. `refused`: the remote said no to this
 * ref. `unknown`: the request went out and no report came back; only the head can tell.
 */
export type PushOutcome =
  | { readonly type: "pushed" }
  | { readonly type: "moved" }
  | { readonly type: "refused"; readonly why: string }
  | { readonly type: "unknown"; readonly error: unknown };

export const ZERO_OID = "0".repeat(40);

/**
 * Pushes one commit. isomorphic-git's push is not used: it walks every tree of the branch and sends whole objects,
 * while the caller knows what is new.
 * @throws {GitAuth | GitNotFound | GitUnreachable | GitTimeout} before the push was sent
 */
export async function pushPack(wire: Wire, request: PushRequest): Promise<PushOutcome> {
  const { capabilities, refs } = await readAdvertisement(wire, "git-receive-pack");
  if (refs.get(request.ref) !== request.from) return { type: "moved" };
  const used = ["report-status", "side-band-64k"].filter((word) => capabilities.has(word));
  const command = `${request.from ?? ZERO_OID} ${request.to} ${request.ref}\0 ${used.join(" ")} agent=holdfast\n`;
  const pack = await request.pack(!capabilities.has("no-thin"));
  try {
    const answer = await wire.request({
      method: "POST",
      url: `${wire.url}/git-receive-pack`,
      headers: {
        "content-type": "application/x-git-receive-pack-request",
        accept: "application/x-git-receive-pack-result",
      },
      body: [pktLine(command), FLUSH, pack],
    });
    return await translate(wire.url, () => readReport(answer.body, used.includes("side-band-64k"), request.ref));
  } catch (error) {
    if (isCoded(error, "GitAuth") || isCoded(error, "GitRedirectRefused")) throw error;
    return { type: "unknown", error };
  }
}

async function readReport(body: AsyncIterable<Uint8Array>, banded: boolean, ref: string): Promise<PushOutcome> {
  let words = "";
  const lines = readPktLines(body);
  const report = banded ? readPktLines(readSideBands(lines, (text) => (words += text))) : lines;
  let outcome: PushOutcome | undefined;
  for await (const line of report) outcome = readReportLine(line, ref) ?? outcome;
  if (outcome === undefined) return { type: "unknown", error: new Error("the report does not name the branch") };
  if (outcome.type !== "refused") return outcome;
  const said = words.trim().replaceAll(/\s+/g, " ").slice(0, 500);
  return said === "" ? outcome : { type: "refused", why: `${outcome.why} (${said})` };
}

function readReportLine(line: PktLine, ref: string): PushOutcome | undefined {
  const text = textOf(line) ?? "";
  if (text.startsWith("unpack ") && text !== "unpack ok") return { type: "refused", why: text };
  if (text === `ok ${ref}`) return { type: "pushed" };
  if (text.startsWith(`ng ${ref} `)) return { type: "refused", why: text.slice(ref.length + 4) };
  return undefined;
}
