import { expect, it } from "vitest";
import { redactSecret } from "./secret-redact.ts";

it("shows the keys and sizes of a Secret, and no value anywhere", () => {
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s", annotations: { a: "b", "kubectl.kubernetes.io/last-applied-configuration": "{hunter2}" } },
    data: { password: Buffer.from("hunter2").toString("base64") },
    stringData: { token: "hunter2" },
    type: "Opaque",
  };

  const shown = redactSecret(secret);

  expect(shown).toMatchObject({
    type: "Opaque",
    data: { password: "<redacted, 7 bytes>" },
    stringData: { token: "<redacted, 7 bytes>" },
    metadata: { annotations: { a: "b" } },
  });
  expect(JSON.stringify(shown)).not.toContain("hunter2");
  expect(JSON.stringify(shown)).not.toContain(secret.data.password);
});

it("leaves other kinds alone", () => {
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "b" } };

  expect(redactSecret(object)).toBe(object);
});
