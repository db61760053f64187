import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DemoCluster } from "./cluster.ts";
import { type Controller, holdfast, startController } from "./controller.ts";
import { createRepository, type DemoRepository, restorePlan } from "./repository.ts";
import type { Screen } from "./screen.ts";
import { differences, takeSnapshot } from "./snapshot.ts";
import { waitFor } from "./wait-for.ts";

const HERE = import.meta.dirname;
const RECORD = "holdfast/demo";

interface Scene {
  readonly cluster: DemoCluster;
  readonly screen: Screen;
  readonly repository: DemoRepository;
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Tells the whole story. True when every object came back as it was. */
export async function tellStory(cluster: DemoCluster, screen: Screen, signal: AbortSignal): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-demo-"));
  screen.step(
    "Install",
    "The kinds, a namespace and the rights, as `kubectl apply -k .` gives them to a real cluster.",
  );
  await install(cluster, screen);

  screen.step("Deploy a shop", "Workloads, access rules, secrets, a custom resource with a number no double can hold.");
  await deployShop(cluster);
  await waitForPods(cluster, signal);
  const before = await takeSnapshot(cluster.kubectl);
  screen.say(`${before.size} objects in two namespaces and around them.`);

  screen.step("Put the policy into Git", "Git says what is to be backed up. Nobody runs a command for it.");
  const repository = await createRepository(folder, join(HERE, "repository"));
  const location = join(folder, "location.yaml");
  await mkdir(join(folder, "backups"));
  await writeFile(location, cluster.location(folder));
  await repository.commit(
    "main",
    { "policies/location.yaml": await readFile(location, "utf8") },
    "Back up the shop every hour",
  );
  screen.block(await repository.show("main", "policies/backup-policy.yaml"));
  const scene: Scene = { cluster, screen, repository, folder, signal };

  const controller = startController({ cluster, repository: repository.bare, folder });
  try {
    const backup = await watchFirstBackup(scene, controller);
    await haveAccident(scene);
    await requestRestore(scene, backup);
    await watchRestore(scene, controller);
    return await tellEnd(scene, before);
  } finally {
    await controller.stop();
    await rm(join(folder, "gitops"), { recursive: true, force: true });
  }
}

async function install(cluster: DemoCluster, screen: Screen): Promise<void> {
  const applied = await cluster.kubectl("apply", "-k", join(HERE, "../.."));
  screen.say(`${applied.trim().split("\n").length} objects applied.`);
  // The demo runs the controller as a process beside this one, so that you can read its log: one of it is enough.
  await cluster.kubectl("delete", "deployment", "holdfast", "-n", "holdfast", "--wait=false");
}

/** The custom resources can be applied only when the API server serves their kind. */
async function deployShop(cluster: DemoCluster): Promise<void> {
  await cluster.kubectl("apply", "-f", join(HERE, "shop/1-cluster.yaml"));
  await cluster.kubectl("wait", "--for=condition=Established", "crd/orders.shop.example", "--timeout=60s");
  await cluster.kubectl("apply", "-f", join(HERE, "shop"));
}

async function waitForPods(cluster: DemoCluster, signal: AbortSignal): Promise<void> {
  await waitFor("the shop's pods to run", signal, async () => {
    const phases = await cluster.kubectl("get", "pods", "-n", "shop", "-o", "jsonpath={.items[*].status.phase}");
    return phases.split(" ").filter((phase) => phase === "Running").length === 5;
  });
}

async function watchFirstBackup(scene: Scene, controller: Controller): Promise<string> {
  const { cluster, screen, repository, signal } = scene;
  screen.step(
    "Holdfast reads the branch and makes the first backup",
    "`firstRun: Immediate`: a policy that is merged is a backup that exists.",
  );
  const backup = await waitFor("the first backup", signal, async () => {
    controller.assertAlive();
    const names = await cluster.kubectl(
      "get",
      "hbk",
      "-n",
      "holdfast",
      "-o",
      'jsonpath={range .items[?(@.status.phase=="Completed")]}{.metadata.name}{"\\n"}{end}',
    );
    return names.trim().split("\n")[0];
  });
  screen.block(await holdfast(cluster, "backup", "get"));
  screen.step(
    "The backup is written down in Git",
    "The bucket is the truth for what exists; this branch is the truth for what was promised and done.",
  );
  await waitFor("the record of the backup", signal, async () =>
    (await repository.files(RECORD)).includes(`${backup}.yaml`),
  );
  screen.block(await repository.log(RECORD));
  return backup;
}

async function haveAccident({ cluster, screen, signal }: Scene): Promise<void> {
  screen.step("The accident", "Somebody deletes the namespace, and in the haste changes a setting next door.");
  await cluster.kubectl("delete", "namespace", "shop", "--wait=false");
  await cluster.kubectl(
    "patch",
    "configmap",
    "feature-flags",
    "-n",
    "platform",
    "--type=merge",
    "-p",
    '{"data":{"new-checkout":"on"}}',
  );
  await waitFor(
    "the namespace to be gone",
    signal,
    async () => (await cluster.kubectl("get", "namespace", "shop", "--ignore-not-found", "-o", "name")) === "",
  );
  screen.say("$ kubectl get all -n shop");
  screen.block("No resources found in shop namespace.");
}

async function requestRestore(
  { cluster, screen, repository, folder, signal: _signal }: Scene,
  backup: string,
): Promise<void> {
  screen.step(
    "A branch asks for the restore",
    "This is the pull request. Before anyone approves it, the plan says what will happen to every object.",
  );
  const plan = await restorePlan(join(HERE, "templates/restore-plan.yaml"), backup);
  const file = join(folder, "restore-plan.yaml");
  await writeFile(file, plan);
  await repository.commit("bring-back-the-shop", { "policies/restore-plan.yaml": plan }, "Bring back the shop");
  screen.say("$ holdfast plan policies/restore-plan.yaml");
  screen.block(await holdfast(cluster, "plan", file));
  screen.step("The branch is merged", "With `approval: Merge`, being on the branch is the approval.");
  await repository.merge("bring-back-the-shop");
}

async function watchRestore({ cluster, screen, repository, signal }: Scene, controller: Controller): Promise<void> {
  screen.step(
    "Holdfast restores, once",
    "The run is claimed in the cluster, in the bucket and in Git before the first write.",
  );
  const phase = await waitFor("the restore to end", signal, async () => {
    controller.assertAlive();
    const found = await cluster.kubectl(
      "get",
      "hrp",
      "bring-back-the-shop",
      "-n",
      "holdfast",
      "--ignore-not-found",
      "-o",
      "jsonpath={.status.phase}",
    );
    return ["Completed", "PartiallyFailed", "Failed", "FailedValidation"].includes(found) ? found : undefined;
  });
  screen.block(await holdfast(cluster, "restore", "describe", "bring-back-the-shop"));
  if (phase !== "Completed") throw new Error(`the restore ended ${phase}`);
  screen.say(
    "Up to two objects fewer are created than planned: a cluster puts a ServiceAccount `default` and a ConfigMap `kube-root-ca.crt` into every new namespace by itself. Where it was quicker, they are not created anew.",
  );
  screen.step(
    "The outcome is written down in Git",
    "One commit per batch of transitions, on a branch of its own, for whoever asks in a year.",
  );
  await waitFor("the record of the restore", signal, async () =>
    (await repository.files(RECORD)).includes("objects.jsonl"),
  );
  screen.block(await repository.log(RECORD));
}

async function tellEnd({ cluster, screen, repository, signal }: Scene, before: Map<string, string>): Promise<boolean> {
  screen.step(
    "Compare every object with what was there before",
    "spec, data, labels, annotations: byte for byte, not by name.",
  );
  await waitForPods(cluster, signal);
  const found = differences(before, await takeSnapshot(cluster.kubectl));
  for (const line of found) screen.block(line);
  screen.say(found.length === 0 ? `All ${before.size} objects are as they were.` : `${found.length} objects differ.`);
  screen.step("What Git knows now", "main is what people asked for; holdfast/demo is what was done.");
  screen.say("main");
  screen.block(await repository.log("main"));
  screen.say(RECORD);
  screen.block(await repository.log(RECORD));
  screen.say("");
  screen.say(
    found.length === 0
      ? "Done: deleted, planned, approved, restored, recorded, and nothing differs."
      : "Done, but not as it should be.",
  );
  screen.say("The repository is yours to look at:");
  screen.block(`git -C ${repository.bare} log --stat ${RECORD}`);
  return found.length === 0;
}
