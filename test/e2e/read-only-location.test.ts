/** A restore from a location whose credentials can only read. */
import { expect, it } from "vitest";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, restoreYaml, useInstallation } from "./run-fixture.ts";
import { useS3Proxy } from "./s3-proxy-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const s3 = useS3Proxy();

/** The bucket behind the proxy. */
function bucketYaml(accessMode: string): string {
  return s3.locationYaml({ name: "archive", namespace: holdfast.namespace }, { accessMode });
}

async function objects(): Promise<string[]> {
  return (await s3.objects()).map(({ Key, ETag, LastModified }) => `${Key} ${ETag} ${LastModified?.toISOString()}`);
}

it("goes through, warns that its records could not be written, and runs once all the same", async () => {
  const { namespace } = holdfast;
  const { accessKeyId, secretAccessKey } = s3.credentials;
  const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  const shop = await cluster.createNamespace();
  const prices = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "prices", namespace: shop } };
  await cluster.create({ ...prices, data: { apple: "1" } });
  const metadata = { name: "kept", namespace };
  const spec = { includedNamespaces: [shop], storageLocation: "archive" };
  await cluster.create({ apiVersion: "holdfast.dev/v1alpha1", kind: "Backup", metadata, spec });
  const own = locationYaml(namespace, holdfast.bucket);
  await holdfast.commit({ "own.yaml": own, "archive.yaml": bucketYaml("ReadWrite") });
  const made = await holdfast.once({ env });
  const before = await objects();
  await cluster.patch("ConfigMap", shop, "prices", { data: { apple: "2" } });
  s3.setFaults(({ method }) =>
    method === "GET" || method === "HEAD"
      ? undefined
      : {
          type: "answer",
          status: 403,
          body: "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
        },
  );

  await holdfast.commit({
    "archive.yaml": bucketYaml("ReadOnly"),
    "restore.yaml": restoreYaml(namespace, "back", "kept"),
  });
  const restored = await holdfast.once({ env });
  await cluster.patch("ConfigMap", shop, "prices", { data: { apple: "3" } });
  await cluster.delete("RestorePlan", namespace, "back");
  const again = await holdfast.once({ env });

  expect([made.code, restored.code, again.code], restored.stderr).toEqual([0, 0, 0]);
  expect(restored.stderr).toContain("restore is not claimed in a read-only bucket");
  expect(restored.stderr).toContain("restore results not uploaded");
  expect(await objects()).toEqual(before);
  expect((await cluster.get("ConfigMap", shop, "prices")).data).toEqual({ apple: "3" });
  const plan = await cluster.get("RestorePlan", namespace, "back");
  expect(JSON.stringify(plan.status)).toContain("AlreadyRun");
  const record = Object.entries(await holdfast.record()).find(([path]) => /\/back\/.*status\.yaml$/.test(path))?.[1];
  expect(record).toMatch(/^phase: Completed$/m);
  expect(record).toMatch(/^warnings: 1$/m);
});
