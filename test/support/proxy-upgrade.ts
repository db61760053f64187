import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { RecordingServer } from "../../tools/testbed/http/recording-server.ts";
import type { ProxyTarget } from "./proxy.ts";

/**
 * Lets a proxy pass upgraded connections (exec, attach, port-forward): the request goes on as it came, then bytes flow
 * both ways. Of the faults only `answer` and `reset` apply.
 */
export function tunnelUpgrades(server: RecordingServer, target: ProxyTarget): void {
  server.http.on("upgrade", (request: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on("error", () => client.destroy());
    void tunnel(server, target, request, client, head).catch(() => client.destroy());
  });
}

async function tunnel(
  server: RecordingServer,
  { target, ca }: ProxyTarget,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
): Promise<void> {
  const call = server.record(request);
  const fault = await server.faultFor(call);
  if (fault?.type === "reset") return void client.destroy();
  if (fault?.type === "answer") {
    call.status = fault.status;
    client.end(`HTTP/1.1 ${fault.status} Fault\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    return;
  }
  const { protocol, hostname: host, port } = new URL(target);
  const options = { host, port: Number(port) };
  const upstream =
    protocol === "https:" ? connectTls({ ...options, ...(ca !== undefined && { ca }) }) : connect(options);
  upstream.on("error", () => client.destroy());
  client.on("close", () => upstream.destroy());
  upstream.on("close", () => client.destroy());
  upstream.write(`${requestHead(request)}\r\n`);
  upstream.write(head);
  upstream.once("data", (first: Buffer) => {
    call.status = Number(first.toString("latin1").split(" ")[1]);
  });
  upstream.pipe(client);
  client.pipe(upstream);
}

function requestHead(request: IncomingMessage): string {
  const lines = [`${request.method} ${request.url} HTTP/1.1`];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
  }
  return `${lines.join("\r\n")}\r\n`;
}
