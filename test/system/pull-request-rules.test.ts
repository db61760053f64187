/** Whom Holdfast answers on the real Gitea, and a GitSource in the cluster that says so instead of flags. */
import { isDeepStrictEqual } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import {
  type Ended,
  locationYaml,
  policyYaml,
  type Running,
  restoreYaml,
  useInstallation,
} from "../e2e/run-fixture.ts";
import { type GiteaRepository, useGitea } from "../support/use-gitea.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { firstBackup, usePullRequests } from "./pull-requests.ts";

const cluster = usePrivateCluster();
const gitea = useGitea();
const holdfast = useInstallation(cluster);

let repository: GiteaRepository;
const { comments, commentWhere, statuses, openPull, merge } = usePullRequests(() => repository);

const ANSWERED = { "holdfast/validate": "success", "holdfast/plan": "success" };

beforeEach(async () => {
  repository = await gitea.createRepository();
  const { namespace, bucket } = holdfast;
  await repository.commit("main", { "policies/location.yaml": locationYaml(namespace, bucket) });
});

function policy(name: string): Readonly<Record<string, string>> {
  return { [`policies/${name}.yaml`]: policyYaml(holdfast.namespace, name, "shop") };
}

function run(args: readonly string[]): Running {
  return holdfast.start(["run", ...args], { env: { HOLDFAST_GIT_TOKEN: gitea.admin.token } });
}

async function stop({ process: child, ended }: Running): Promise<Ended> {
  child.kill("SIGTERM");
  return await ended;
}

/** One that everybody answers; when it is, all that were open before it have been looked at. */
async function openPlain(branch: string): Promise<number> {
  await repository.commit(branch, policy(branch));
  return await openPull(branch);
}

describe("a pull request from a fork, and a draft", { timeout: 600_000 }, () => {
  it("are left alone, and answered when the flags say so", async () => {
    const stranger = await gitea.createUser();
    const fork = await repository.fork(stranger);
    const forked = await fork.commit("stranger", policy("foreign"));
    const foreign = await openPull(`${stranger.username}:stranger`);
    const drafted = await repository.commit("draft", policy("drafted"));
    const draft = await openPull("draft", { title: "WIP: not yet" });
    const flags = ["--repo", repository.url, "--path", "policies", "--interval", "2s", "--forge", "gitea"];
    const isAnswered = (body: string): boolean => body.includes("#### Policies");

    const quiet = run(flags);
    await commentWhere(await openPlain("first"), isAnswered, "the first plain one is answered");
    await commentWhere(await openPlain("second"), isAnswered, "a later one is, and so all were looked at");
    await stop(quiet);
    const before = [await comments(foreign), await statuses(forked), await comments(draft), await statuses(drafted)];
    run([...flags, "--answer-forks", "--answer-drafts"]);
    const told = await commentWhere(foreign, isAnswered, "the fork is answered");
    await commentWhere(draft, isAnswered, "the draft is answered");

    expect(before).toEqual([[], {}, [], {}]);
    expect([told.user.login, (await comments(foreign)).length]).toEqual([gitea.admin.username, 1]);
    expect(told.body).toContain("foreign");
    const both = async () => isDeepStrictEqual([await statuses(forked), await statuses(drafted)], [ANSWERED, ANSWERED]);
    await waitUntil(both, { what: "both have their statuses" });
  });
});

describe("a GitSource with a forge", { timeout: 600_000 }, () => {
  /** Git is read with one token, and the forge gets another one. */
  async function createSource(name: string, forge: object): Promise<void> {
    const { namespace } = holdfast;
    const secret = (of: string, stringData: object): object => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: of, namespace },
      stringData,
    });
    const { username, token } = gitea.admin;
    await cluster.apply(secret("git", { username, password: token }), secret("forge", { token }));
    await cluster.create({
      apiVersion: "holdfast.dev/v1alpha1",
      kind: "GitSource",
      metadata: { name, namespace },
      spec: {
        url: repository.url,
        path: "policies",
        interval: "2s",
        secretRef: { name: "git" },
        forge: { type: "gitea", tokenSecretRef: { name: "forge" }, interval: "2s", ...forge },
      },
    });
  }

  it("has its pull request answered, merged, run, and told of, by its own settings", async () => {
    const { namespace, bucket } = holdfast;
    const shop = await cluster.createNamespace();
    await cluster.create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "prices", namespace: shop },
      data: { apple: "one" },
    });
    await repository.commit("main", {
      "policies/location.yaml": locationYaml(namespace, bucket),
      "policies/shop.yaml": policyYaml(namespace, "shop", shop),
    });
    await createSource("gitops", { answerForks: true, hideValues: true, statusPrefix: "prod" });
    run([]);
    const backup = await firstBackup(cluster, namespace);
    await cluster.patch("ConfigMap", shop, "prices", { data: { apple: "two" } });
    const stranger = await gitea.createUser();
    const fork = await repository.fork(stranger);
    const head = await fork.commit("bring-back", { "policies/undo.yaml": restoreYaml(namespace, "undo", backup) });
    const draft = await repository.commit("draft", policy("drafted"));
    const drafted = await openPull("draft", { title: "WIP: not yet" });

    const number = await openPull(`${stranger.username}:bring-back`);
    const asked = await commentWhere(number, (body) => body.includes("/data/apple"), "the plan is there");
    await waitUntil(async () => (await statuses(head))["prod/plan"] !== undefined, { what: "its status is there" });
    const before = await cluster.get("ConfigMap", shop, "prices");
    await merge(number);
    const told = await commentWhere(number, (body) => body.includes("phase=done"), "the outcome is told");

    expect(asked.body).not.toMatch(/"one"|"two"/);
    expect(await statuses(head)).toEqual({ "prod/validate": "success", "prod/plan": "success" });
    expect(before).toMatchObject({ data: { apple: "two" } });
    expect([told.id, (await comments(number)).length]).toEqual([asked.id, 1]);
    expect(told.body).toContain("Completed");
    expect(await cluster.get("ConfigMap", shop, "prices")).toMatchObject({ data: { apple: "one" } });
    const record = /\[The record\]\(([^)]+)\)/.exec(told.body)?.[1] ?? "";
    await waitUntil(async () => (await fetch(record)).ok, { what: `${record} is there` });
    expect([await comments(drafted), await statuses(draft)]).toEqual([[], {}]);
  });
});
