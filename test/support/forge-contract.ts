/** What every forge must do, whichever it is. */
import { describe, expect, it } from "vitest";
import type { Forge } from "../../src/forge/forge.ts";
import { findComment, upsertComment } from "../../src/forge/upsert-comment.ts";

/** A repository on a forge, and a person who works there. */
export interface ForgeUnderTest {
  readonly forge: Forge;
  /** Opens a pull request with a change of its own; resolves to its number and head. */
  openPull(options?: {
    readonly base?: string;
    readonly isDraft?: boolean;
  }): Promise<{ number: number; revision: string }>;
  merge(number: number): Promise<void>;
  /** A comment by somebody else. */
  comment(number: number, body: string): Promise<void>;
}

/** Declares the suite; `open` gives a fresh repository with the branches `main` and `release`. */
export function forgeContract(name: string, open: () => Promise<ForgeUnderTest>): void {
  describe(`${name} as a forge`, () => {
    it("lists open pull requests into one branch, with their heads", async () => {
      const { forge, openPull } = await open();
      const first = await openPull();
      const draft = await openPull({ isDraft: true });
      await openPull({ base: "release" });

      const listed = await forge.open("main");

      const byNumber = [...listed].sort((a, b) => a.number - b.number);
      expect(byNumber).toMatchObject([
        { number: first.number, state: "open", isDraft: false, isFork: false, head: { revision: first.revision } },
        { number: draft.number, state: "open", isDraft: true },
      ]);
      expect(byNumber[0]?.url).toContain(`${first.number}`);
      expect(byNumber[0]?.headRef).toMatch(new RegExp(`^refs/[a-z-]+/${first.number}/head$`));
    });

    it("moves a merged pull request from one list to the other, with the commit it became", async () => {
      const { forge, openPull, merge } = await open();
      const { number } = await openPull();
      await merge(number);

      const [still, merged, one] = [await forge.open("main"), await forge.merged("main"), await forge.get(number)];

      expect(still).toEqual([]);
      expect(merged).toMatchObject([{ number, state: "merged" }]);
      expect(one?.mergedRevision).toMatch(/^[0-9a-f]{40}$/);
    });

    it("says of a pull request that is not there that it is not", async () => {
      const { forge } = await open();

      expect(await forge.get(4711)).toBeUndefined();
    });

    it("keeps one comment, and takes no other's for it", async () => {
      const { forge, openPull, comment } = await open();
      const { number } = await openPull();
      await comment(number, "<!-- ours --> I am not");
      const wanted = (text: string) => ({
        body: `<!-- ours --> ${text}`,
        isOurs: (body: string) => body.startsWith("<!-- ours -->"),
        isCurrent: (body: string) => body.endsWith(text),
      });

      const made = await upsertComment(forge, number, wanted("one"));
      const same = await upsertComment(forge, number, wanted("one"));
      const edited = await upsertComment(forge, number, wanted("two"));

      expect([made.type, same.type, edited.type]).toEqual(["created", "unchanged", "edited"]);
      expect(edited.comment.id).toBe(made.comment.id);
      const all = await commentBodies(forge, number);
      expect(all).toEqual(["<!-- ours --> I am not", "<!-- ours --> two"]);
      expect((await findComment(forge, number, wanted("").isOurs))?.author).toBe(await forge.self());
    });

    it("can't edit a comment that is gone", async () => {
      const { forge, openPull } = await open();
      const { number } = await openPull();

      expect(await forge.editComment(number, 987_654, "text")).toBe(false);
    });

    it("shows of each context the status that was set last", async () => {
      const { forge, openPull } = await open();
      const { revision } = await openPull();
      const url = "https://example.com/1";
      await forge.setStatus(revision, { context: "holdfast/plan", state: "failure", description: "one", url });
      await forge.setStatus(revision, { context: "holdfast/validate", state: "success", description: "two", url });
      await forge.setStatus(revision, { context: "holdfast/plan", state: "success", description: "three", url });
      await forge.setStatus(revision, { context: "holdfast/plan", state: "success", description: "three", url });

      const statuses = [...(await forge.statuses(revision))].sort((a, b) => (a.context < b.context ? -1 : 1));

      expect(statuses).toEqual([
        { context: "holdfast/plan", state: "success", description: "three" },
        { context: "holdfast/validate", state: "success", description: "two" },
      ]);
    });
  });
}

/** The texts of all comments, oldest first. */
export async function commentBodies(forge: Forge, number: number): Promise<string[]> {
  const bodies: string[] = [];
  for await (const { body } of forge.comments(number)) bodies.push(body);
  return bodies;
}
