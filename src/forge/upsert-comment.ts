import type { Forge, ForgeComment } from "./forge.ts";

/** What became of the comment. */
export type Upserted = { readonly type: "created" | "edited" | "unchanged"; readonly comment: ForgeComment };

/**
 * Puts one comment of ours on a pull request, found again by what `isOurs` sees in its body, and leaves it alone when
 * `isCurrent` says that it tells the same. Only a comment of the token's own user counts, so that nobody can put a
 * marker into a comment and have us write there.
 */
export async function upsertComment(
  forge: Forge,
  number: number,
  wanted: {
    readonly body: string;
    readonly isOurs: (body: string) => boolean;
    readonly isCurrent: (body: string) => boolean;
  },
): Promise<Upserted> {
  const standing = await findComment(forge, number, wanted.isOurs);
  if (standing !== undefined) {
    if (wanted.isCurrent(standing.body)) return { type: "unchanged", comment: standing };
    if (await forge.editComment(number, standing.id, wanted.body))
      return { type: "edited", comment: { ...standing, body: wanted.body } };
  }
  return { type: "created", comment: await forge.addComment(number, wanted.body) };
}

/** Our comment on a pull request; undefined when there is none. */
export async function findComment(
  forge: Forge,
  number: number,
  isOurs: (body: string) => boolean,
): Promise<ForgeComment | undefined> {
  const self = await forge.self();
  for await (const comment of forge.comments(number)) {
    if (isOurs(comment.body) && (self === undefined || comment.author === self)) return comment;
  }
  return undefined;
}
