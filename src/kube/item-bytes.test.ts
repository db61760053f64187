import { describe, expect, it } from "vitest";
import { parseJson } from "../api/json.ts";
import type { KubeObject } from "../api/object.ts";
import { parseForDeciding, withTypeMeta } from "./item-bytes.ts";

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

describe("parseForDeciding", () => {
  const managed = '"managedFields":[{"manager":"a\\"]}","fieldsV1":{"f:x":{}}}]';

  it.each([
    [`{"metadata":{"name":"a",${managed}},"spec":{"n":9007199254740993}}`],
    [`{"metadata":{${managed},"name":"a"},"spec":{"n":9007199254740993}}`],
    [`{"metadata":{${managed}},"spec":{"n":9007199254740993}}`],
    [`{"spec":{${managed},"metadata":{${managed}}},"metadata":{ "name":"a" , ${managed} }}`],
    ['{"metadata":{"name":"a"},"spec":{}}'],
    ['{"metadata":null}'],
    ["{}"],
  ])("reads all but the managed fields of %s", (item) => {
    const { metadata, ...rest } = parseJson(item) as KubeObject;

    const read = parseForDeciding(Buffer.from(item));

    const { managedFields: _managed, ...kept } = (metadata ?? {}) as Record<string, unknown>;
    expect(read).toEqual(metadata ? { ...rest, metadata: kept } : { ...rest, ...(metadata === null && { metadata }) });
  });

  it.each(["", "[", '{"metadata":{"managedFields":[', "{'a':1}"])("refuses %j", (item) => {
    expect(() => parseForDeciding(Buffer.from(item))).toThrow(SyntaxError);
  });
});
