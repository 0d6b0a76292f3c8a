import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { EnginePacket } from "@portage/parser/engine";
import { prepareRequest, type TransportRequest } from "../http/request.ts";
import type { WebTransportSession } from "../transports/webtransport-link.ts";

/** What the program knows of the client of a WebTransport session. */
export interface SessionClient {
  /** The address of the client, for limits by address, and for programs. Default: unknown. */
  readonly remoteAddress?: string;
}

/** Parameters that count only in the first packet of a session. */
const IN_PACKET = ["sid", "key", "turn"] as const;

/** Returns a request that stands for a session: a GET without headers, with the address that the client asked for. */
export function requestFor({ url }: WebTransportSession, { remoteAddress }: SessionClient): TransportRequest {
  const socket: unknown = { remoteAddress, encrypted: true };
  const req = new IncomingMessage(socket as Socket);
  const asked = new URL(typeof url === "string" && URL.canParse(url) ? url : "/", "https://localhost");
  for (const name of IN_PACKET) asked.searchParams.delete(name);
  asked.searchParams.set("EIO", "4");
  asked.searchParams.set("transport", "webtransport");
  const { pathname, search } = asked;
  Object.assign(req, {
    method: "GET",
    url: pathname + search,
    httpVersion: "3.0",
    httpVersionMajor: 3,
    httpVersionMinor: 0,
  });
  req.complete = true;
  return prepareRequest(req);
}

/**
 * Takes the parameters of the first packet of a session into its request: none, or JSON with the id of the session to join.
 * Returns false if the packet is not a handshake.
 */
export function takeParameters(req: TransportRequest, packet: EnginePacket): boolean {
  if (packet.type !== "open" || typeof (packet.data ?? "") !== "string") return false;
  if (packet.data === undefined) return true;
  let given: unknown;
  try {
    given = JSON.parse(packet.data as string);
  } catch {
    return false;
  }
  if (typeof given !== "object" || given === null) return false;
  // in the address, it asks for the carry of a new session
  delete req._query["carry"];
  for (const name of [...IN_PACKET, "carry"]) {
    const value: unknown = Object.hasOwn(given, name) ? Reflect.get(given, name) : undefined;
    if (typeof value === "string" || typeof value === "number") req._query[name] = String(value);
  }
  return Boolean(req._query["sid"]);
}
