import { CodedError } from "../errors.ts";
import { isDamage } from "./disk-errors.ts";
import type { ObjectDatabase } from "./object-database.ts";
import { downloadPack, type PackAnswer, type PackRequest } from "./upload-pack.ts";
import type { Wire } from "./wire.ts";

/**
 * Downloads a pack and adds its objects to the clone.
 * @throws {GitUnreachable} when the pack is cut, damaged, or can't be read
 */
export async function fetchPack(objects: ObjectDatabase, wire: Wire, request: PackRequest): Promise<PackAnswer> {
  const file = objects.incomingPack();
  const answer = await downloadPack(wire, request, file);
  if (!answer.hasObjects) return answer;
  try {
    await objects.adopt(file);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const message = `${wire.url} sent a pack that can't be read: ${error.message}`;
    throw new CodedError("GitUnreachable", { url: wire.url }, message, { cause: error });
  }
  return answer;
}
