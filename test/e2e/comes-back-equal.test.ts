import { expect, it } from "vitest";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { cutField } from "./raw-json.ts";
import { expectBackEqual, type Sample } from "./round-trip.ts";
import { useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

const GROUP = "measures.example.com";

const GAUGE_CRD = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `gauges.${GROUP}` },
  spec: {
    group: GROUP,
    scope: "Namespaced",
    names: { plural: "gauges", singular: "gauge", kind: "Gauge" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

/**
 * Custom objects, and built-in ones with values that the client library's models can't hold: integers beyond 2^53
 * and free-form JSON. Fields that its models don't know are in `test/system/newer-server.test.ts`.
 */
const SAMPLES: readonly Sample[] = [
  {
    api: `apis/${GROUP}/v1`,
    resource: "gauges",
    archived: `gauges.${GROUP}`,
    kind: "Gauge",
    fields: ["spec", "data", "extra"],
    body: `"spec":{"z":9007199254740993,"a":-9223372036854775808,"big":9223372036854775807,"f":1.10,"g":0.1,"h":1e-7,"i":123456789012345680000.5,"one":1.0,"list":[9007199254740995,2.50],"":"no name","__proto__":{"x":9007199254740997},"text":"\\u2028 <&> \\"9007199254740993\\" é"},"data":{"n":18014398509481985},"extra":[[],{},null,false]`,
  },
  {
    api: "api/v1",
    resource: "configmaps",
    archived: "configmaps",
    kind: "ConfigMap",
    fields: ["data", "binaryData"],
    body: `"data":{"number":"9007199254740993","__proto__":"a key","constructor":"another","text":"\\u0000 \\u2028 <&> é \\n"},"binaryData":{"bytes":"AP/+gA=="}`,
  },
  {
    api: "api/v1",
    resource: "secrets",
    archived: "secrets",
    kind: "Secret",
    fields: ["data", "type"],
    body: `"type":"example.com/odd","data":{"__proto__":"AA==","key":"AP/+gA=="}`,
  },
  {
    api: "api/v1",
    resource: "podtemplates",
    archived: "podtemplates",
    kind: "PodTemplate",
    fields: ["template"],
    body: `"template":{"metadata":{"labels":{"app":"x"}},"spec":{"terminationGracePeriodSeconds":9007199254740993,"containers":[{"name":"c","image":"example.com/c:1","resources":{"requests":{"cpu":"1500m","memory":"1.5Gi"}}}]}}`,
  },
  {
    api: "apis/apps/v1",
    resource: "controllerrevisions",
    archived: "controllerrevisions.apps",
    kind: "ControllerRevision",
    fields: ["data", "revision"],
    body: `"revision":9007199254740993,"data":{"kind":"Anything","apiVersion":"example.com/v1","unknownField":{"count":9007199254740995,"ratio":1.10}}`,
  },
];

it("brings back spec and data byte for byte, from an archive that holds the bytes of the LIST", async () => {
  await cluster.apply(GAUGE_CRD);

  const { before } = await expectBackEqual(cluster, holdfast, SAMPLES);

  const gauge = before[0] ?? "";
  expect(cutField(gauge, "spec")).toContain('"big":9223372036854775807');
  expect(cutField(gauge, "spec")).toContain('"z":9007199254740993');
});
