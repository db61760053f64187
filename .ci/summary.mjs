// Adds up vitest's JSON reports in a folder and prints the last line of a CI run.
// Usage: node summary.mjs <folder> <failed steps> <exit code of the script>
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, failedSteps, scriptCode] = process.argv.slice(2);
const files = readdirSync(folder);
const reports = new Map(files.filter((name) => name.endsWith(".json")).map((name) => [name, read(name)]));
// A run that failed, but not by a test: an error outside of any, or a crash before the report. It counts as one.
const failedRuns = files.filter((name) => name.endsWith(".failed")).map((name) => name.replace(/\.failed$/, ""));
const otherwise = failedRuns.filter((name) => failuresIn(reports.get(name)) === 0).length;

const passed = sum((report) => report.numPassedTests);
const failed = sum(failuresIn) + otherwise + Number(failedSteps) + (scriptCode === "0" ? 0 : 1);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

function read(name) {
  return JSON.parse(readFileSync(join(folder, name), "utf8"));
}

function sum(count) {
  return [...reports.values()].reduce((total, report) => total + count(report), 0);
}

// A file that could not be loaded has no tests to count: it is one failure.
function failuresIn(report) {
  const broken = (report?.testResults ?? []).filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((result) => result.status === "failed"),
  );
  return (report?.numFailedTests ?? 0) + broken.length;
}
