import { forgeOf } from "../../src/forge/address.ts";
import { openForge } from "../../src/forge/forge.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { forgeContract } from "../support/forge-contract.ts";
import { useGitea } from "../support/use-gitea.ts";

const gitea = useGitea();

forgeContract("gitea", async () => {
  const repository = await gitea.createRepository();
  await repository.commit("release", { "release.txt": "1" });
  const forge = await openForge({ ...forgeOf(repository.url, { type: "gitea" }), token: gitea.admin.token });
  const other = await gitea.createUser();
  let made = 0;
  return {
    forge,
    openPull: async ({ base = "main", isDraft = false } = {}) => {
      const branch = `change-${++made}`;
      const revision = await repository.commit(branch, { [`${branch}.txt`]: branch });
      const body = { base, head: branch, title: `${isDraft ? "WIP: " : ""}${branch}` };
      const { number } = (await repository.call({ method: "POST", path: "/pulls", body })) as { number: number };
      return { number, revision };
    },
    merge: async (number) => {
      const call = { method: "POST", path: `/pulls/${number}/merge`, body: { Do: "merge" } } as const;
      const once = () =>
        repository.call(call).then(
          () => true,
          (error: unknown) => !/HTTP 405/.test(String(error)),
        );
      await waitUntil(once, { what: "Gitea merges" });
    },
    comment: async (number, body) => {
      await repository.call({ method: "POST", path: `/issues/${number}/comments`, body: { body } }, other);
    },
  };
});
