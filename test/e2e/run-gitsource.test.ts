import { describe, expect, it } from "vitest";
import { useGitServer } from "../support/use-git-server.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const git = useGitServer({ credentials: { username: "bot", password: "secret" } });

interface SourceStatus {
  readonly lastAppliedRevision?: string;
  readonly documents?: number;
  readonly ignored?: number;
  readonly problemCount?: number;
  readonly problems?: readonly { readonly file: string; readonly line: number; readonly code: string }[];
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
}

async function createSource(name: string, url: string, spec: object = {}): Promise<void> {
  const { namespace } = holdfast;
  const source = { url, interval: "1s", secretRef: { name: "git" }, ...spec };
  await cluster.create({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "GitSource",
    metadata: { name, namespace },
    spec: source,
  });
}

async function createSecret(password: string): Promise<void> {
  const metadata = { name: "git", namespace: holdfast.namespace };
  await cluster.apply({ apiVersion: "v1", kind: "Secret", metadata, stringData: { username: "bot", password } });
}

async function statusOf(name: string): Promise<SourceStatus> {
  return ((await cluster.get("GitSource", holdfast.namespace, name)) as { status?: SourceStatus }).status ?? {};
}

function holds(status: SourceStatus, type: string): string | undefined {
  const condition = status.conditions?.find((each) => each.type === type);
  return condition && `${condition.status} ${condition.reason}`;
}

/** `holdfast run --once` on what the cluster's own GitSources say. */
async function once(args: readonly string[] = []): Promise<{ readonly code: number | null; readonly stderr: string }> {
  return await holdfast.start(["run", "--once", "--timeout", "60s", ...args]).ended;
}

function ignoredYaml(): string {
  return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: not-ours\n";
}

describe("a GitSource", () => {
  it("is fetched with its Secret, applied, and says so; the record goes to its status branch", async () => {
    const { namespace, bucket } = holdfast;
    const { url, repository } = await git.createRepository();
    const revision = await repository.commit({
      files: {
        "location.yaml": locationYaml(namespace, bucket),
        "shop.yaml": policyYaml(namespace, "shop", namespace),
        "other.yaml": ignoredYaml(),
      },
    });
    await createSecret("secret");
    await createSource("main", url);

    const ended = await once();

    const status = await statusOf("main");
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect(status).toMatchObject({ lastAppliedRevision: revision, documents: 2, ignored: 1, problemCount: 0 });
    expect([holds(status, "Ready"), holds(status, "Stalled")]).toEqual(["True Applied", undefined]);
    expect(Object.keys(await repository.readTree("refs/heads/holdfast/testbed"))).toContain(
      `policies/${namespace}/shop.yaml`,
    );
    const policy = await cluster.get("BackupPolicy", namespace, "shop");
    expect(policy.metadata.annotations).toMatchObject({
      "holdfast.dev/git-source": `${namespace}/main`,
      "holdfast.dev/revision": revision,
    });
  });

  it("says that its credentials are wrong, and never shows them", async () => {
    const { url } = await git.createRepository();
    await createSecret("not-the-secret");
    await createSource("main", url);

    const ended = await once();

    expect(ended.code).toBe(1);
    expect(holds(await statusOf("main"), "Ready")).toBe("False GitAuth");
    expect(ended.stderr + JSON.stringify(await statusOf("main"))).not.toContain("not-the-secret");
  });

  it("lists its problems with file and line", async () => {
    const { namespace } = holdfast;
    const { url, repository } = await git.createRepository();
    await repository.commit({
      files: { "shop.yaml": policyYaml(namespace, "shop", namespace).replace("cron:", "corn:") },
    });
    await createSecret("secret");
    await createSource("main", url);

    await once();

    const status = await statusOf("main");
    expect(holds(status, "Stalled")).toBe("True InvalidDocuments");
    expect(status.problems?.[0]).toMatchObject({
      file: "shop.yaml",
      line: expect.any(Number),
      code: expect.any(String),
    });
  });

  it("leaves an object to the source that had it first", async () => {
    const { namespace } = holdfast;
    const first = await git.createRepository();
    const second = await git.createRepository();
    await first.repository.commit({ files: { "shop.yaml": policyYaml(namespace, "shop", "one") } });
    await second.repository.commit({ files: { "shop.yaml": policyYaml(namespace, "shop", "two") } });
    await createSecret("secret");
    await createSource("a-first", first.url);
    await once();
    await createSource("b-second", second.url);

    await once();

    const policy = await cluster.get("BackupPolicy", namespace, "shop");
    expect(JSON.stringify(policy.spec)).toContain('"one"');
    expect(holds(await statusOf("b-second"), "Stalled")).toBe("True Conflict");
    expect(holds(await statusOf("a-first"), "Ready")).toBe("True Applied");
  });

  it("in Observe writes nothing, and says what is missing", async () => {
    const { namespace } = holdfast;
    const { url, repository } = await git.createRepository();
    await repository.commit({ files: { "shop.yaml": policyYaml(namespace, "shop", namespace) } });
    await createSecret("secret");
    await createSource("main", url, { mode: "Observe" });

    await once();
    const before = [await cluster.find("BackupPolicy", namespace, "shop"), holds(await statusOf("main"), "Ready")];
    await cluster.applyYaml(policyYaml(namespace, "shop", namespace));
    await once();

    expect(before).toEqual([undefined, "False Progressing"]);
    expect(holds(await statusOf("main"), "Ready")).toBe("True Applied");
  });

  it("goes on in another repository, and on another branch, whose history is its own", async () => {
    const { namespace } = holdfast;
    const old = await git.createRepository();
    const moved = await git.createRepository();
    await old.repository.commit({ files: { "shop.yaml": policyYaml(namespace, "shop", "one") } });
    await moved.repository.commit({ files: { "shop.yaml": policyYaml(namespace, "shop", "two") } });
    await moved.repository.commit({
      branch: "next",
      files: { "shop.yaml": policyYaml(namespace, "shop", "three") },
    });
    await createSecret("secret");
    await createSource("main", old.url);
    await once();
    const applied: (string | undefined)[] = [];
    const note = async (): Promise<void> => {
      const { spec } = await cluster.get("BackupPolicy", namespace, "shop");
      const included = /"includedNamespaces":\["(\w+)"/.exec(JSON.stringify(spec))?.[1];
      applied.push(`${included} ${holds(await statusOf("main"), "Ready")}`);
    };

    await cluster.patch("GitSource", namespace, "main", { spec: { url: moved.url } });
    await once();
    await note();
    await cluster.patch("GitSource", namespace, "main", { spec: { ref: { branch: "next" } } });
    await once();
    await note();

    expect(applied).toEqual(["two True Applied", "three True Applied"]);
  });
});
