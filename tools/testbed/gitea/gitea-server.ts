/** A forge on this machine: Gitea with SQLite in a temporary folder, with users, tokens and repositories on demand. */
import { randomBytes } from "node:crypto";
import { access, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findBinary } from "../binaries/find-binary.ts";
import { TestbedError } from "../errors.ts";
import { withFreePorts } from "../process/free-port.ts";
import { createGuardedFolder, type GuardedFolder } from "../process/guarded-folder.ts";
import { startGuarded } from "../process/guarded-process.ts";
import { startServer } from "../process/server-process.ts";
import { appIni } from "./app-ini.ts";
import { callGitea, type GiteaCall } from "./gitea-call.ts";

/** Somebody with an account. */
export interface GiteaUser {
  readonly username: string;
  readonly password: string;
  /** For the API and for Git, with every right of the user. */
  readonly token: string;
}

/** How to reach a forge; all of it is JSON. */
export interface GiteaConnection {
  /** Such as `http://127.0.0.1:23456`. */
  readonly url: string;
  readonly admin: GiteaUser;
}

/** A running forge. */
export interface GiteaServer extends GiteaConnection {
  readonly pid: number;
  stop(): Promise<void>;
}

// Test data on loopback that is gone with the process; Gitea refuses to run as root without these words.
const ENVIRONMENT = { GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT: "true" };
const STARTS_WITHIN_MS = 120_000;

/** Starts an empty forge with one administrator. */
export async function startGiteaServer(): Promise<GiteaServer> {
  const binary = await findBinary("gitea");
  return await withFreePorts(1, async ([port = 0]) => {
    const folder = await createGuardedFolder();
    const url = `http://127.0.0.1:${port}`;
    try {
      const config = await configure(folder, binary, url);
      const env = { ...ENVIRONMENT, GITEA_WORK_DIR: join(folder.path, "work"), HOME: join(folder.path, "home") };
      const server = await startServer({
        name: "gitea",
        command: binary,
        args: ["web", "--config", config],
        env,
        folder,
        ready: async () => (await fetch(`${url}/api/healthz`)).ok,
        timeoutMs: STARTS_WITHIN_MS,
      });
      const admin = await createAdmin({ binary, config, env, folder, url });
      const stop = async () => {
        await server.stop();
        await folder.remove();
      };
      return { url, admin, pid: server.pid, stop };
    } catch (error) {
      await folder.remove();
      throw error;
    }
  });
}

async function configure(folder: GuardedFolder, binary: string, url: string): Promise<string> {
  const [work, home] = [join(folder.path, "work"), join(folder.path, "home")];
  await Promise.all([mkdir(work), mkdir(home)]);
  // a binary from elsewhere has its pages inside
  const assets = dirname(binary);
  const hasAssets = await access(join(assets, "templates")).then(
    () => true,
    () => false,
  );
  const config = join(folder.path, "app.ini");
  await writeFile(config, appIni({ url, work, assets: hasAssets ? assets : undefined }), { mode: 0o600 });
  return config;
}

async function createAdmin(at: {
  readonly binary: string;
  readonly config: string;
  readonly env: NodeJS.ProcessEnv;
  readonly folder: GuardedFolder;
  readonly url: string;
}): Promise<GiteaUser> {
  const [username, password] = ["keeper", randomBytes(12).toString("hex")];
  const named = ["--username", username, "--password", password, "--email", `${username}@example.com`];
  const command = await startGuarded({
    command: at.binary,
    args: ["--config", at.config, "admin", "user", "create", "--admin", "--must-change-password=false", ...named],
    env: at.env,
    logFile: join(at.folder.path, "admin.log"),
    folder: at.folder,
  });
  const code = await command.exited;
  if (code !== 0) throw new TestbedError("RequestFailed", `gitea made no administrator (exit ${code})`);
  return { username, password, token: await createToken(at.url, { username, password }) };
}

/** Makes an ordinary user. */
export async function createGiteaUser({ url, admin }: GiteaConnection, username: string): Promise<GiteaUser> {
  const password = randomBytes(12).toString("hex");
  const body = { username, password, email: `${username}@example.com`, must_change_password: false };
  await callGitea(url, { method: "POST", path: "/admin/users", body, token: admin.token });
  return { username, password, token: await createToken(url, { username, password }) };
}

async function createToken(url: string, user: Omit<GiteaUser, "token">): Promise<string> {
  const call: GiteaCall = {
    method: "POST",
    path: `/users/${user.username}/tokens`,
    body: { name: randomBytes(4).toString("hex"), scopes: ["all"] },
    basic: user,
  };
  const { sha1 } = (await callGitea(url, call)) as { sha1: string };
  return sha1;
}
