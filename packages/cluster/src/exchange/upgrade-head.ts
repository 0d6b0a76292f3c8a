/*
 * WebSocket handshakes on their way to the owner of their session.
 */
import { randomBytes } from "node:crypto";
import type { TransportRequest } from "@portage/server/relay";
import type { RequestHead } from "../core/heads.ts";

/** Returns the head of a handshake for its owner; a CONNECT takes the form of an upgrade. */
export function upgradeHead(req: TransportRequest): RequestHead {
  const { socket, url = "" } = req;
  const peer = {
    address: socket.remoteAddress ?? "",
    port: socket.remotePort ?? 0,
    isEncrypted: "encrypted" in socket && socket.encrypted === true,
  };
  if (req.httpVersionMajor === 2)
    return { method: "GET", url, httpVersion: "1.1", rawHeaders: upgradeHeaders(req), peer, hasMore: true };
  const { method = "", httpVersion, rawHeaders } = req;
  return { method, url, httpVersion, rawHeaders, peer, hasMore: true };
}

/** Headers that make a CONNECT an upgrade. */
function upgradeHeaders({ rawHeaders, headers }: TransportRequest): string[] {
  const lines: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (!name.startsWith(":") && name !== "host") lines.push(name, rawHeaders[at + 1]!);
  }
  const { host = "", ":protocol": protocol } = headers;
  lines.push("host", host, "connection", "Upgrade", "upgrade", String(protocol));
  lines.push("sec-websocket-key", randomBytes(16).toString("base64"));
  return lines;
}
