/** Gitea's configuration: nothing leaves this machine, nobody needs to click, and webhooks may come back to us. */
export function appIni({ url, work, assets }: { url: string; work: string; assets: string | undefined }): string {
  const { port } = new URL(url);
  return `
APP_NAME = Testbed
RUN_MODE = prod
WORK_PATH = ${work}

[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = ${port}
ROOT_URL = ${url}/
OFFLINE_MODE = true
DISABLE_SSH = true
LFS_START_SERVER = false
${assets === undefined ? "" : `STATIC_ROOT_PATH = ${assets}`}

[database]
DB_TYPE = sqlite3
PATH = ${work}/gitea.db

[repository]
ROOT = ${work}/repositories
DEFAULT_BRANCH = main
DEFAULT_PUSH_CREATE_PRIVATE = false

[security]
INSTALL_LOCK = true
PASSWORD_HASH_ALGO = pbkdf2_v1

[service]
DISABLE_REGISTRATION = true

[webhook]
ALLOWED_HOST_LIST = loopback

[actions]
ENABLED = false

[indexer]
ISSUE_INDEXER_TYPE = db

[cron]
ENABLED = false

[session]
PROVIDER = memory

[log]
LEVEL = Warn
MODE = console
`;
}
