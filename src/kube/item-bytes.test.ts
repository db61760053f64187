import { describe, expect, it } from "vitest";
import { withTypeMeta } from "./item-bytes.ts";

const DEPLOYMENT = { apiVersion: "apps/v1", kind: "Deployment" };

describe("withTypeMeta", () => {
  it.each([
    [
      '{"metadata":{"name":"a"},"n":9007199254740993}',
      '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"},"n":9007199254740993}',
    ],
    ['{"apiVersion":"x/v2","metadata":{}}', '{"kind":"Deployment","apiVersion":"x/v2","metadata":{}}'],
    ['{"kind":"Own","spec":{}}', '{"apiVersion":"apps/v1","kind":"Own","spec":{}}'],
    [
      '{"spec":{"apiVersion":"v1","kind":"Pod"}}',
      '{"apiVersion":"apps/v1","kind":"Deployment","spec":{"apiVersion":"v1","kind":"Pod"}}',
    ],
    ["{}", '{"apiVersion":"apps/v1","kind":"Deployment"}'],
    ["{ }", '{"apiVersion":"apps/v1","kind":"Deployment" }'],
    ['{\n "a": 1\n}', '{"apiVersion":"apps/v1","kind":"Deployment",\n "a": 1\n}'],
  ])("completes %s", (item, expected) => {
    expect(Buffer.from(withTypeMeta(Buffer.from(item), DEPLOYMENT)).toString()).toBe(expected);
  });

  it("hands back the same bytes when nothing is lacking", () => {
    const item = Buffer.from('{"kind":"Deployment","apiVersion":"apps/v1","metadata":{}}');

    expect(withTypeMeta(item, DEPLOYMENT)).toBe(item);
  });
});
