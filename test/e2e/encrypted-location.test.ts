/** What a BackupStorageLocation says of encryption reaches the wire: every object of a backup and a restore asks for it. */
import { describe, expect, it } from "vitest";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { restoreYaml, useInstallation } from "./run-fixture.ts";
import { SECRET_REF, useS3Proxy } from "./s3-proxy-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const s3 = useS3Proxy();

/** Key of each object that was made, and how it was asked to be encrypted. */
function asked(): readonly { readonly key: string; readonly how: string }[] {
  const isMaking = ({ url, method }: (typeof s3.calls)[number]): boolean =>
    (method === "PUT" && !url.includes("partNumber=")) || (method === "POST" && /\?uploads/.test(url));
  const name = "x-amz-server-side-encryption";
  return s3.calls.filter(isMaking).map(({ url, headers }) => ({
    key: new URL(url, s3.url).pathname.slice(s3.bucket.length + 2),
    how: `${headers[name] ?? "none"} ${headers[`${name}-aws-kms-key-id`] ?? "none"}`,
  }));
}

describe("a location with encryption", () => {
  it.each([
    ["a key of KMS", { serverSideEncryption: "aws:kms", kmsKeyId: "alias/backups" }, "aws:kms alias/backups"],
    ["the server's own keys", { serverSideEncryption: "AES256" }, "AES256 none"],
    ["none", {}, "none none"],
  ])("asks for it by %s, from the object in the cluster to the wire", async (_what, encryption, expected) => {
    const { namespace } = holdfast;
    const shop = await cluster.createNamespace();
    const prices = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "prices", namespace: shop } };
    await cluster.create({ ...prices, data: { apple: "1" } });
    await s3.createSecret(cluster, namespace);
    const fields = { default: true, s3: { ...SECRET_REF, ...encryption } };
    const once = { apiVersion: "holdfast.dev/v1alpha1", kind: "Backup", metadata: { name: "once", namespace } };
    await cluster.create({ ...once, spec: { includedNamespaces: [shop] } });
    await holdfast.commit({ "location.yaml": s3.locationYaml({ name: "main", namespace }, fields) });

    const made = await holdfast.once();
    await cluster.patch("ConfigMap", shop, "prices", { data: { apple: "2" } });
    await holdfast.commit({ "back.yaml": restoreYaml(namespace, "back", "once") });
    const restored = await holdfast.once();

    expect([made.code, restored.code, made.stderr, restored.stderr].join("\n")).toMatch(/^0\n0\n/);
    expect((await cluster.get("ConfigMap", shop, "prices")).data).toEqual({ apple: "1" });
    const keys = asked().map(({ key }) => key);
    for (const end of [
      "once/once.tar.gz",
      "once/holdfast.json",
      "once/velero-backup.json",
      "/claim.json",
      "/done.json",
    ])
      expect(keys.filter((key) => key.endsWith(end))).toHaveLength(1);
    expect([...new Set(asked().map(({ how }) => how))]).toEqual([expected]);
  });
});
