import { describe, expect, it } from "vitest";
import { formatProblem } from "./problem.ts";
import { DAILY, location, OPTIONS, policy, problems, tree } from "./testing.ts";

describe("a tree", () => {
  it("loses only the files that are bad", () => {
    const { documents, problems } = tree({
      "a.yaml": policy(DAILY),
      "b.yaml": `${location("main")}---\n${policy("", "bad")}`,
    });

    expect(documents.map(({ file }) => file)).toEqual(["a.yaml"]);
    expect(new Set(problems.map(({ file }) => file))).toEqual(new Set(["b.yaml"]));
  });

  it("tells all that is wrong in a file at once, also beside a document of an unknown kind", () => {
    const text = `${policy(`${DAILY}  sheduls: 1\n`)}---\napiVersion: holdfast.dev/v1alpha1\nkind: BackupPolicies\nmetadata: {name: x}\n`;

    const { documents, problems } = tree({ "a.yaml": text });

    expect(problems.map(({ code }) => code)).toEqual(["UnknownField", "UnknownKind"]);
    expect(documents).toEqual([]);
  });

  it("takes neither of two documents for one object, and names both", () => {
    const { documents, problems } = tree({
      "a.yaml": policy(DAILY),
      "b.yaml": `---\n${policy(DAILY)}`,
      "c.yaml": policy(DAILY, "other"),
    });

    expect(documents.map(({ file }) => file)).toEqual(["c.yaml"]);
    expect(problems.map(formatProblem)).toEqual([
      "a.yaml:4:9: BackupPolicy holdfast/shop is declared here and at b.yaml:2 (keep one of the two)",
      "b.yaml:5:9: BackupPolicy holdfast/shop is declared here and at a.yaml:1 (keep one of the two)",
    ]);
  });

  it("knows the same object by its namespace, written or not", () => {
    const { problems } = tree({
      "a.yaml": policy(DAILY),
      "b.yaml": policy(DAILY).replace("name: shop", "name: shop\n  namespace: holdfast"),
    });

    expect(problems.map(({ code }) => code)).toEqual(["DuplicateObject", "DuplicateObject"]);
  });

  it("counts the namespace into the names of backups", () => {
    const text = policy(DAILY, "s".repeat(175)).replace("metadata:", "metadata:\n  namespace: team-a");

    expect(problems(text)).toEqual([expect.stringContaining("NameTooLong")]);
    expect(problems(text.replace("team-a", "holdfast"))).toEqual([]);
  });

  it("has one default location per namespace", () => {
    const { problems } = tree({
      "a.yaml": location("one", true),
      "b.yaml": location("two", true),
      "c.yaml": location("three"),
    });

    expect(problems.map(formatProblem)).toEqual([
      "b.yaml:7:12: a second default location in holdfast: one (a.yaml:1) is one already",
    ]);
  });

  describe("whose policy names a location", () => {
    const text = policy(`${DAILY}  template: {storageLocation: mian}\n`);

    it("is wrong where the cluster's are known and it is none of them", () => {
      const { problems } = tree({ "a.yaml": text }, { ...OPTIONS, knownLocations: new Set(["holdfast/main"]) });

      expect(problems.map(formatProblem)).toEqual([
        'a.yaml:9:31: no BackupStorageLocation holdfast/mian (did you mean "main"?)',
      ]);
    });

    it("is remarked where the tree declares others", () => {
      const { problems, warnings } = tree({ "a.yaml": text, "b.yaml": location("main") });

      expect(problems).toEqual([]);
      expect(warnings.map(({ message }) => message)).toEqual(["no BackupStorageLocation holdfast/mian in these files"]);
    });

    it("is right where it is in the tree or in the cluster", () => {
      const known = { ...OPTIONS, knownLocations: new Set(["holdfast/mian"]) };

      expect(tree({ "a.yaml": text }, known).problems).toEqual([]);
      expect(
        tree({ "a.yaml": text, "b.yaml": location("mian") }, { ...OPTIONS, knownLocations: new Set() }).problems,
      ).toEqual([]);
    });

    it("means nothing where nothing is known", () => {
      expect(tree({ "a.yaml": text })).toMatchObject({ problems: [], warnings: [] });
    });
  });
});
