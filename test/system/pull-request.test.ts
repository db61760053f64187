import { writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { elementImage } from "../../tools/testbed/browser/element-image.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { locationYaml, policyYaml, type Running, restoreYaml, useInstallation } from "../e2e/run-fixture.ts";
import { ANY_PORT, getText, servingOf } from "../e2e/serving-fixture.ts";
import { type GiteaRepository, useGitea } from "../support/use-gitea.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { firstBackup, usePullRequests } from "./pull-requests.ts";

const cluster = usePrivateCluster();
const gitea = useGitea();
const holdfast = useInstallation(cluster);

let repository: GiteaRepository;
const { comments, commentWhere, statuses, openPull, merge } = usePullRequests(() => repository);
let shop: string;

beforeEach(async () => {
  repository = await gitea.createRepository();
  shop = await cluster.createNamespace();
  await cluster.create(configMap("prices", { apple: "1" }));
  await cluster.create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "till", namespace: shop },
    stringData: { pin: "swordfish-4711" },
  });
});

function configMap(name: string, data: Record<string, string>) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: shop }, data };
}

/** `holdfast run` on the repository, polling every two seconds unless told. */
function run(interval = "2s", args: readonly string[] = [], env: Record<string, string> = {}): Running {
  const how = ["--repo", repository.url, "--path", "policies", "--interval", interval, "--forge", "gitea"];
  return holdfast.start(["run", ...how, ...args], { env: { HOLDFAST_GIT_TOKEN: gitea.admin.token, ...env } });
}

/** The comment as a person sees it; `UPDATE_IMAGE=1` keeps it for the documentation. */
async function keepImage(comment: number, url: string): Promise<void> {
  const image = await elementImage({
    url,
    selector: `#issuecomment-${comment} .render-content`,
    width: 900,
    openDetails: true,
  });
  expect(image.subarray(1, 4).toString()).toBe("PNG");
  expect(image.length).toBeGreaterThan(10_000);
  if (process.env.UPDATE_IMAGE === "1") await writeFile(new URL("../../docs/pull-request.png", import.meta.url), image);
}

async function apple(): Promise<string | undefined> {
  return ((await cluster.get("ConfigMap", shop, "prices")).data as { apple?: string }).apple;
}

/** A backup of the schedule as it stands when its hour is long over. */
async function createEnded(name: string, startTimestamp: string): Promise<void> {
  const { namespace, cluster: of } = holdfast;
  const metadata = { name, namespace };
  await cluster.create({ apiVersion: "holdfast.dev/v1alpha1", kind: "Backup", metadata, spec: { ttl: "1h" } });
  const status = { phase: "Completed", cluster: of, startTimestamp, completionTimestamp: startTimestamp };
  await cluster.patch("Backup", namespace, name, { status }, { subresource: "status" });
}

/** What a comment says to put below `approval`. */
function digestsIn(body: string): string[] {
  return [...body.matchAll(/^ {2}planDigest: ([0-9a-f]{64})$/gm)].map(([, digest]) => digest ?? "");
}

describe("a restore by pull request, on Gitea", { timeout: 600_000 }, () => {
  it("is answered, answered again, merged, run, and told of in one comment", async () => {
    const { namespace, bucket } = holdfast;
    await repository.commit("main", {
      "policies/location.yaml": locationYaml(namespace, bucket),
      "policies/shop.yaml": policyYaml(namespace, "shop", shop),
    });
    run();
    const backup = await firstBackup(cluster, holdfast.namespace);
    await cluster.patch("ConfigMap", shop, "prices", { data: { apple: "2" } });
    await cluster.patch("Secret", shop, "till", { stringData: { pin: "changed-0815" } });

    const first = await repository.commit("bring-back", {
      "policies/undo.yaml": restoreYaml(namespace, "undo", backup, "  includedResources: [secrets]\n"),
    });
    const number = await openPull("bring-back");
    const answered = await commentWhere(number, (body) => body.includes("Plan:"), "there is an answer");
    await waitUntil(async () => (await statuses(first))["holdfast/plan"] === "success", {
      what: "the plan's status is there",
    });

    expect(answered.body).toMatch(/^<!-- holdfast:pull-request /);
    expect(answered.body).toContain(`Secret ${shop}/till`);
    expect(answered.body).not.toMatch(/swordfish|changed-0815|c3dvcmRmaXNo|Y2hhbmdlZC0w/);
    expect(await statuses(first)).toEqual({ "holdfast/validate": "success", "holdfast/plan": "success" });

    const second = await repository.commit("bring-back", {
      "policies/undo.yaml": restoreYaml(namespace, "undo", backup),
    });
    const updated = await commentWhere(number, (body) => body.includes("/data/apple"), "the answer is made anew");
    await waitUntil(async () => (await statuses(second))["holdfast/plan"] === "success", {
      what: "the new head has its status",
    });

    expect(updated.id).toBe(answered.id);
    expect(updated.body).toMatch(/\/data\/apple: "2" → "1"/);
    expect(await apple()).toBe("2");

    await merge(number);
    const told = await commentWhere(number, (body) => body.includes("phase=done"), "the outcome is told");

    expect(told.id).toBe(answered.id);
    expect(await comments(number)).toHaveLength(1);
    expect(told.body).toContain("Completed");
    expect(await apple()).toBe("1");
    const link = /\[The record\]\(([^)]+)\)/.exec(told.body)?.[1] ?? "";
    const page = await waitUntil(
      async () => {
        const response = await fetch(link);
        return response.ok ? await response.text() : undefined;
      },
      { what: `${link} is there` },
    );
    expect(page).toContain("plan.md");
    await keepImage(answered.id, `${gitea.url}/${repository.owner}/${repository.name}/pulls/${number}`);
  });

  it("shows the whole new plan where the approved one is stale after the merge, and runs none until that is approved", async () => {
    const { namespace, bucket } = holdfast;
    const approved = (backup: string, digest: string): string =>
      restoreYaml(namespace, "undo", backup, `  approval:\n    mode: PlanDigest\n    planDigest: ${digest}\n`);
    await repository.commit("main", {
      "policies/location.yaml": locationYaml(namespace, bucket),
      "policies/shop.yaml": policyYaml(namespace, "shop", shop),
    });
    const first = run();
    const backup = await firstBackup(cluster, holdfast.namespace);
    await cluster.patch("ConfigMap", shop, "prices", { data: { apple: "2" } });
    await repository.commit("bring-back", { "policies/undo.yaml": approved(backup, "a".repeat(64)) });
    const number = await openPull("bring-back");
    const asked = await commentWhere(
      number,
      (body) => body.includes("will not run with it"),
      "the digest is asked for",
    );
    const [reviewed = ""] = digestsIn(asked.body);
    await repository.commit("bring-back", { "policies/undo.yaml": approved(backup, reviewed) });
    await commentWhere(number, (body) => body.includes("Merge: the restore begins"), "the digest is right");
    first.process.kill("SIGTERM");
    await first.ended;
    await cluster.patch("ConfigMap", shop, "prices", { data: { apple: "3", pear: "9" } });

    await merge(number);
    run();
    const stale = await commentWhere(number, (body) => body.includes("PlanStale"), "the stale plan is told of");

    const [now = "", before = ""] = stale.body.split("<!-- holdfast:reviewed -->");
    const [wanted = ""] = digestsIn(now);
    expect(stale.id).toBe(asked.id);
    expect(now).toMatch(/\/data\/apple: "3" → "1"/);
    expect(now).toContain("/data/pear");
    expect(before).toMatch(/\/data\/apple: "2" → "1"/);
    expect(wanted).not.toBe(reviewed);
    expect(await apple()).toBe("3");

    await repository.commit("agree", { "policies/undo.yaml": approved(backup, wanted) });
    const second = await openPull("agree");
    await commentWhere(second, (body) => body.includes("Merge: the restore begins"), "the new digest is right");
    await merge(second);
    const told = await commentWhere(number, (body) => body.includes("phase=done"), "the outcome is told");

    expect(told.body).toContain("Completed");
    expect(await apple()).toBe("1");
  });

  it("gives the place of what is wrong, tells conflicts, and mends both comment and status", async () => {
    const { namespace, bucket } = holdfast;
    const policy = policyYaml(namespace, "shop", shop);
    await repository.commit("main", {
      "policies/location.yaml": locationYaml(namespace, bucket),
      "policies/shop.yaml": policy,
    });
    run();
    await firstBackup(cluster, holdfast.namespace);

    const bad = await repository.commit("change", { "policies/shop.yaml": policy.replace("cron:", "corn:") });
    const number = await openPull("change");
    const wrong = await commentWhere(number, (body) => body.includes("What is wrong"), "the problem is told");
    await waitUntil(async () => (await statuses(bad))["holdfast/plan"] === "failure", { what: "both statuses fail" });

    expect(wrong.body).toMatch(/policies\/shop\.yaml:\d+:\d+\*\*/);
    expect(wrong.body).toContain("corn");
    expect(await statuses(bad)).toEqual({ "holdfast/validate": "failure", "holdfast/plan": "failure" });

    await repository.commit("main", { "policies/shop.yaml": policy.replace("@every 1h", "@every 2h") });
    await commentWhere(number, (body) => body.includes("changed here and on the base branch"), "the conflict is told");

    const other = await repository.commit("another", {
      "policies/shop.yaml": policyYaml(namespace, "shop", '"*"').replace("25h", "5h"),
    });
    const pull = await openPull("another");
    const effects = await commentWhere(pull, (body) => body.includes("newly covered"), "the policy's effects are told");
    await waitUntil(async () => (await statuses(other))["holdfast/plan"] === "success", {
      what: "no restore is no failure",
    });

    expect(effects.body).toContain("kube-system");
    expect(effects.body).toMatch(/new backups are kept for 5h, until now it was 25h/);
    expect(effects.body).toMatch(/next runs \d{4}-/);
  });

  it("writes nothing where nothing is new, and beside its folder", async () => {
    const { namespace, bucket } = holdfast;
    await repository.commit("main", { "policies/location.yaml": locationYaml(namespace, bucket) });
    const text = policyYaml(namespace, "shop", shop);
    const beside = await repository.commit("beside", { "src/app.yaml": "a: 1\n" });
    const foreign = await openPull("beside");
    await repository.commit("policy", { "policies/shop.yaml": text });
    const answered = await openPull("policy");
    const first = run();
    await commentWhere(answered, (body) => body.includes("Policies"), "there is an answer");
    await waitUntil(async () => (await statuses(beside))["holdfast/plan"] === "success", {
      what: "a foreign change is let through",
    });
    const before = await commentWhere(answered, () => true, "it is there");
    first.process.kill("SIGTERM");
    await first.ended;

    run();
    await repository.commit("later", { "policies/shop.yaml": text.replace("25h", "26h") });
    const later = await openPull("later");
    await commentWhere(
      later,
      (body) => body.includes("Policies"),
      "a later one is answered, and so all were looked at",
    );

    expect(await comments(foreign)).toEqual([]);
    expect(await comments(answered)).toEqual([before]);
  });

  it("is answered by a CI job, without a controller", async () => {
    const { namespace, bucket } = holdfast;
    const keeping = (count: number): string =>
      policyYaml(namespace, "shop", shop).replace("ttl: 25h", `ttl: 1h\n      keepLast: ${count}`);
    await repository.commit("main", {
      "policies/location.yaml": locationYaml(namespace, bucket),
      "policies/shop.yaml": keeping(3),
    });
    await cluster.applyYaml(keeping(3));
    for (const hour of ["01", "02", "03"])
      await createEnded(`shop-hourly-202601010${hour.slice(1)}0000`, `2026-01-01T${hour}:00:00Z`);
    const head = await repository.commit("job", { "policies/shop.yaml": keeping(1) });
    const number = await openPull("job");
    const page = `${gitea.url}/${repository.owner}/${repository.name}/pulls/${number}`;
    const job = () =>
      holdfast.start(["plan", "--pr", page, "--path", "policies"], { env: { HOLDFAST_GIT_TOKEN: gitea.admin.token } })
        .ended;

    const [first, second] = [await job(), await job()];

    expect([first.code, second.code]).toEqual([0, 0]);
    expect(first.stdout).toContain("#### Policies");
    expect(first.stdout).toContain("schedule hourly: keepLast 1, until now 3; 2 backups kept now would be deleted");
    expect(first.stdout).toMatch(
      /held back: 2 backups would stay until .* \\\(2 deletions are more than half of 3\\\)$/m,
    );
    expect([first.stderr, second.stderr]).toEqual([`${page}: comment created\n`, `${page}: comment unchanged\n`]);
    expect(await comments(number)).toHaveLength(1);
    expect(await statuses(head)).toEqual({ "holdfast/validate": "success", "holdfast/plan": "success" });
  });

  it("is answered at once when Gitea's webhook hastens it", async () => {
    const { namespace, bucket } = holdfast;
    await repository.commit("main", { "policies/location.yaml": locationYaml(namespace, bucket) });
    const secret = "a long secret";
    const daemon = await servingOf(run("10m", ANY_PORT, { HOLDFAST_WEBHOOK_SECRET: secret }));
    await waitUntil(async () => (await getText(`${daemon.url}/readyz`)).status === 200, { what: "it is ready" });
    const url = `${daemon.url}/hooks/${namespace}/command-line`;
    const config = { url, content_type: "json", secret };
    const events = ["push", "pull_request", "pull_request_sync"];
    await repository.call({ method: "POST", path: "/hooks", body: { type: "gitea", config, events, active: true } });

    await repository.commit("hooked", { "policies/shop.yaml": policyYaml(namespace, "shop", shop) });
    const number = await openPull("hooked");

    await commentWhere(
      number,
      (body) => body.includes("Policies"),
      "there is an answer long before the interval is over",
    );
  });
});
