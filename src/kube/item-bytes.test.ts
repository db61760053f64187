import { describe, expect, it } from "vitest";
import { parseJson } from "../api/json.ts";
import type { KubeObject } from "../api/object.ts";
import type { ListPage } from "./client.ts";
import { createItemReader, itemWithTypeMeta, parseForDeciding, parseHead } from "./item-bytes.ts";
import { HAS_KIND } from "./list-scanner.ts";

/** A page of Deployments with this one item. */
function pageOf(item: Uint8Array): ListPage {
  const page = { apiVersion: "apps/v1", kind: "Deployment", resourceVersion: "1", remaining: undefined };
  return { ...page, items: [item], inconsistent: false };
}

describe("itemWithTypeMeta", () => {
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
    expect(Buffer.from(itemWithTypeMeta(pageOf(Buffer.from(item)), 0)).toString()).toBe(expected);
    expect(createItemReader()(pageOf(Buffer.from(item)), 0).toString()).toBe(expected);
  });

  it("hands back the same bytes when nothing is lacking", () => {
    const item = Buffer.from('{"kind":"Deployment","apiVersion":"apps/v1","metadata":{}}');

    expect(itemWithTypeMeta(pageOf(item), 0)).toBe(item);
  });
});

describe("an item reader", () => {
  it("completes one item after the other, of several pages, large and small", () => {
    const read = createItemReader();
    const large = `{"data":"${"x".repeat(200_000)}"}`;
    const first = {
      ...pageOf(Buffer.from('{"a":1}')),
      items: ['{"a":1}', large, '{"kind":"Own"}'].map((text) => Buffer.from(text)),
    };
    const second = { ...pageOf(Buffer.from('{"b":2}')), apiVersion: "v1", kind: "Pod" };

    const seen = [
      read(first, 0).toString(),
      read(first, 1).toString(),
      read(second, 0).toString(),
      read(first, 2).toString(),
    ];

    expect(seen).toEqual([
      '{"apiVersion":"apps/v1","kind":"Deployment","a":1}',
      `{"apiVersion":"apps/v1","kind":"Deployment",${large.slice(1)}`,
      '{"apiVersion":"v1","kind":"Pod","b":2}',
      '{"apiVersion":"apps/v1","kind":"Own"}',
    ]);
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

  it("reads the head alone, wherever it stands", () => {
    const metadata = `{"labels":{"n":"\\u00e9"},${managed},"name":"a"}`;
    const item = `{"kind":"A","spec":{"metadata":1},"metadata":${metadata},"data":{},"apiVersion":"v1","status":broken}`;

    expect(parseHead(Buffer.from(item))).toEqual({
      apiVersion: "v1",
      kind: "A",
      metadata: { name: "a", labels: { n: "é" } },
    });
  });

  it("reads the head of an object that lacks half of it", () => {
    expect(parseHead(Buffer.from('{"metadata":null,"spec":{}}'))).toEqual({ metadata: null });
    const cut = Buffer.from('{"metadata":{"name":"a"},"spec":{');
    expect(parseHead(cut, 0)).toEqual({ metadata: { name: "a" } });
    expect(() => parseHead(cut, HAS_KIND)).toThrow(SyntaxError);
  });

  it.each(["", "[", '{"metadata":{"name":tru}}', '{"spec":{'])("refuses the head of %j", (item) => {
    expect(() => parseHead(Buffer.from(item))).toThrow(SyntaxError);
  });

  it.each(["", "[", '{"metadata":{"managedFields":[', "{'a':1}"])("refuses %j", (item) => {
    expect(() => parseForDeciding(Buffer.from(item))).toThrow(SyntaxError);
  });
});
