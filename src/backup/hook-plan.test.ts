import { describe, expect, it } from "vitest";
import type { BackupSpec } from "../api/kinds.generated.ts";
import type { KubeObject } from "../api/object.ts";
import { hookPlanner } from "./hook-plan.ts";

function pod(annotations: Record<string, string> = {}, phase = "Running"): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "a", labels: { app: "db" }, annotations },
    spec: {
      containers: [{ name: "main" }, { name: "second" }],
      initContainers: [{ name: "side", restartPolicy: "Always" }, { name: "init" }],
    },
    status: { phase },
  };
}

const plan = (spec: BackupSpec, subject: KubeObject) => hookPlanner(spec, (name) => name)(subject);

describe("hooks from annotations", () => {
  it.each([
    [{ "pre.hook.backup.velero.io/command": '["/bin/sh","-c","x"]' }, "pre", ["/bin/sh", "-c", "x"], "main"],
    [{ "pre.hook.backup.holdfast.dev/command": "/bin/true" }, "pre", ["/bin/true"], "main"],
    [{ "hook.backup.velero.io/command": "/bin/true" }, "pre", ["/bin/true"], "main"],
    [
      { "post.hook.backup.velero.io/command": "[broken", "post.hook.backup.velero.io/container": "second" },
      "post",
      ["[broken"],
      "second",
    ],
    [{ "pre.hook.backup.velero.io/command": "x", "pre.hook.backup.velero.io/container": "side" }, "pre", ["x"], "side"],
  ] as const)("%j", (annotations, moment, command, container) => {
    const hooks = plan({}, pod(annotations));

    expect(hooks?.[moment]).toEqual([
      expect.objectContaining({ command, container, timeoutMs: 30_000, problem: undefined }),
    ]);
  });

  it.each(["absent", "init"])("names a container that commands can't run in: %s", (container) => {
    const hooks = plan(
      {},
      pod({ "pre.hook.backup.velero.io/command": "x", "pre.hook.backup.velero.io/container": container }),
    );

    expect(hooks?.pre[0]?.problem).toBe(`no such container: "${container}"`);
  });

  it("prefers its own spelling to Velero's", () => {
    const hooks = plan(
      {},
      pod({ "pre.hook.backup.velero.io/command": "a", "pre.hook.backup.holdfast.dev/command": "b" }),
    );

    expect(hooks?.pre.map((hook) => hook.command)).toEqual([["b"]]);
  });

  it("leaves finished pods alone", () => {
    expect(plan({}, pod({ "pre.hook.backup.velero.io/command": "a" }, "Succeeded"))).toBeUndefined();
  });
});

describe("hooks from the spec", () => {
  const hook = (command: string) => ({ exec: { command: [command], timeout: "1m", onError: "Fail" as const } });
  const spec: BackupSpec = {
    hooks: {
      resources: [
        {
          name: "db",
          includedNamespaces: ["a"],
          labelSelector: { matchLabels: { app: "db" } },
          pre: [hook("one"), hook("two")],
          post: [hook("three")],
        },
        { name: "others", excludedNamespaces: ["a"], pre: [hook("never")] },
        { name: "jobs", includedResources: ["jobs"], pre: [hook("never")] },
      ],
    },
  };

  it("run in order where namespace, resource and labels match", () => {
    const hooks = plan(spec, pod());

    expect(hooks?.pre.map((planned) => planned.command[0])).toEqual(["one", "two"]);
    expect(hooks?.post).toEqual([
      { name: "db", container: "main", problem: undefined, command: ["three"], onError: "Fail", timeoutMs: 60_000 },
    ]);
  });

  it("give way to an annotation, for its own moment only", () => {
    const hooks = plan(spec, pod({ "pre.hook.backup.velero.io/command": "mine" }));

    expect([hooks?.pre.map((planned) => planned.command[0]), hooks?.post.length]).toEqual([["mine"], 1]);
  });

  it("are none for a pod nothing matches", () => {
    expect(plan({}, pod())).toBeUndefined();
  });
});
