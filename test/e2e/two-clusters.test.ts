import { expect, it } from "vitest";
import { useGitServer } from "../support/use-git-server.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, useInstallation } from "./run-fixture.ts";

const east = usePrivateCluster();
const west = usePrivateCluster();
const inEast = useInstallation(east);
const inWest = useInstallation(west);
const git = useGitServer();

it("gives two clusters on one repository a folder and a branch each, and no word of the other", async () => {
  const { url, repository } = await git.createRepository();
  const names = [
    ["east", inEast],
    ["west", inWest],
  ] as const;
  for (const [name, { namespace, bucket }] of names) {
    await repository.commit({
      files: {
        [`clusters/${name}/location.yaml`]: locationYaml(namespace, bucket),
        [`clusters/${name}/shop.yaml`]: policyYaml(namespace, `${name}-shop`, namespace),
      },
    });
  }

  const ended = await Promise.all(
    names.map(([name, { start }]) => {
      const env = { HOLDFAST_CLUSTER: name };
      return start(["run", "--repo", url, "--path", `clusters/${name}`, "--once", "--timeout", "120s"], { env }).ended;
    }),
  );

  expect(ended.map(({ code, stderr }) => `${code} ${code === 0 ? "" : stderr}`)).toEqual(["0 ", "0 "]);
  expect((await repository.branches()).sort()).toEqual(["holdfast/east", "holdfast/west", "main"]);
  for (const [own, other, cluster] of [
    ["east", "west", east],
    ["west", "east", west],
  ] as const) {
    const record = await repository.readTree(`holdfast/${own}`);
    expect(Object.keys(record).filter((path) => /^policies\/.*-shop\.yaml$/.test(path))).toHaveLength(1);
    expect(JSON.stringify(record)).toContain(`${own}-shop`);
    expect(JSON.stringify(record)).not.toContain(`${other}-shop`);
    expect((await cluster.list("BackupPolicy")).map(({ metadata }) => metadata.name)).toEqual([`${own}-shop`]);
  }
});
