#!/usr/bin/env node
// Starts Holdfast: the build where there is one, else the sources. Those need Node 24, which the npm package `node`
// brings along where the machine has an older one. Plain JavaScript that any Node since 16 can read.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const built = join(root, "dist", "main.js");
const entry = existsSync(built) ? built : join(root, "src", "main.ts");
const bundledNode = join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");

if (Number(process.versions.node.split(".")[0]) >= 24) {
  await import(pathToFileURL(entry).href);
} else if (existsSync(bundledNode)) {
  runBundled();
} else {
  console.error(`holdfast: Node 24 or newer is needed, this is ${process.version}; install it, or run \`npm ci\` here`);
  process.exitCode = 1;
}

function runBundled() {
  const child = spawn(bundledNode, [entry, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exitCode = code;
    else {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
}
