/** CustomResourceDefinitions from the schemas: references inlined, and what only editors and Ajv understand left out. */
import { stringify } from "yaml";
import { inlineReferences, type KindSchema, type Schema, type SchemaSet, transform } from "./schema-files.ts";

const GROUP = "holdfast.dev";
const VERSION = "v1alpha1";

/** The manifests by file name, such as `holdfast.dev_backups.yaml`. */
export function renderCrds(set: SchemaSet): Map<string, string> {
  return new Map(
    set.kinds.map((kind) => [
      `${GROUP}_${kind.crd.plural}.yaml`,
      `# Generated from schemas/ by \`npm run generate\`; never edited by hand.\n${stringify(renderCrd(kind, set), { lineWidth: 0, aliasDuplicateObjects: false })}`,
    ]),
  );
}

/** One CRD as an object. */
export function renderCrd({ kind, schema, crd }: KindSchema, set: SchemaSet): Schema {
  const { plural, singular, shortNames, columns } = crd;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${GROUP}`, labels: { "app.kubernetes.io/name": "holdfast" } },
    spec: {
      group: GROUP,
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames, categories: ["holdfast"] },
      scope: "Namespaced",
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: structuralSchema(schema, set) },
        },
      ],
    },
  };
}

/** A structural schema; `status` starts as "not looked at yet", so that kstatus says InProgress. */
function structuralSchema(schema: Schema, set: SchemaSet): Schema {
  const inlined = inlineReferences(schema, set.definitions);
  const { $schema, title, "x-holdfast-crd": _crd, ...root } = transform(inlined, openObject) as Schema;
  const properties = root.properties as Record<string, Schema>;
  return {
    ...root,
    required: (root.required as readonly string[]).filter((field) => field === "spec"),
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      spec: properties.spec,
      status: { ...properties.status, default: { observedGeneration: -1 } },
    },
  };
}

/**
 * The API server refuses `additionalProperties: false` beside `properties` (it prunes instead, and Strict says so), and
 * knows no words of ours.
 */
function openObject(schema: Schema): Schema {
  const { additionalProperties, "x-holdfast-expects": _expects, ...rest } = schema;
  return additionalProperties === undefined || additionalProperties === false
    ? rest
    : { ...rest, additionalProperties };
}
