// Starts servers, says in one line of JSON what it started, and waits to be killed.
import { startGitServer } from "../../../tools/testbed/git/git-server.ts";
import { startS3Server } from "../../../tools/testbed/s3/s3-server.ts";
import { startTestbed } from "../../../tools/testbed/testbed.ts";

const everything = process.argv[2] === "everything";
const held = everything ? await startTestbed({ kwok: true }) : undefined;
const s3 = await startS3Server();
const git = await startGitServer();
const { repository } = await git.createRepository("held");
const pids = [s3.pid, ...(held?.controlPlane.pids() ?? []), ...(held?.nodes === undefined ? [] : [held.nodes.pid])];
const folders = [repository.path, ...(held === undefined ? [] : [held.controlPlane.folder.path])];
process.stdout.write(`${JSON.stringify({ pids, folders })}\n`);
