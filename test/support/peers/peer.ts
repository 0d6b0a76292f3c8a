import { randomBytes } from "node:crypto";
import { request, type ClientRequest, type IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { joinPackets, splitPackets } from "../payload.ts";
import { Inbox, nextEvent } from "../waiting.ts";

/** A packet as it is on the wire: text with its type in front, or the bytes of a message. */
export type WirePacket = string | Buffer;

/** The client's side of a transport. Stores received packets until they are read. */
export interface Peer {
  /** Sends packets, all at once if the transport supports it. */
  send(...packets: WirePacket[]): Promise<unknown>;
  /** Returns the next packet, or "end" at the end of the transport. */
  next(): Promise<WirePacket>;
  /** Breaks the connection. */
  cut(): void;
}

export type OpenPeer = (port: number) => Promise<Peer>;

/** The packet of a payload of revision 4, bytes as bytes. */
export const fromText = (text: string): WirePacket =>
  text.startsWith("b") ? Buffer.from(text.slice(1), "base64") : text;

interface Call {
  readonly port: number;
  readonly query: string;
  readonly method?: string;
  readonly body?: string;
  readonly accept?: string;
}

/** Sends a request; returns its response, or undefined if the connection broke before. */
export function exchange({
  port,
  query,
  method = "GET",
  body,
  accept = "*/*",
}: Call): [ClientRequest, Promise<IncomingMessage>] {
  const headers = { "content-type": "text/plain;charset=UTF-8", accept };
  const req = request({ host: "127.0.0.1", port, path: `/engine.io/?EIO=4&${query}`, method, headers, agent: false });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    req.once("response", resolve).once("error", reject);
  });
  response.catch(() => undefined);
  req.end(body);
  return [req, response];
}

export async function textOf(response: Promise<IncomingMessage>): Promise<string> {
  let text = "";
  for await (const chunk of (await response).setEncoding("utf8")) text += chunk as string;
  return text;
}

/** A polling client, which polls until a request fails. */
class PollingPeer implements Peer {
  readonly #inbox = new Inbox<WirePacket>("a packet, polled");
  readonly #port: number;
  readonly #query: string;
  #poll: ClientRequest | undefined;

  constructor(port: number, query: string) {
    this.#port = port;
    this.#query = query;
    void this.#pollOn();
  }

  async #pollOn(): Promise<void> {
    for (;;) {
      const [req, response] = exchange({ port: this.#port, query: this.#query });
      this.#poll = req;
      const text = await textOf(response).catch(() => "1");
      const packets = splitPackets(this.unwrap(text));
      for (const packet of packets) this.#inbox.push(packet.startsWith("1") ? "end" : fromText(packet));
      if (packets.some((packet) => packet.startsWith("1"))) return;
    }
  }

  protected unwrap(text: string): string {
    return text;
  }

  protected wrap(payload: string): string {
    return payload;
  }

  send(...packets: WirePacket[]): Promise<unknown> {
    const body = this.wrap(joinPackets(packets));
    return textOf(exchange({ port: this.#port, query: this.#query, method: "POST", body })[1]);
  }

  next(): Promise<WirePacket> {
    return this.#inbox.next();
  }

  cut(): void {
    this.#poll?.destroy();
  }
}

class JsonpPeer extends PollingPeer {
  protected override unwrap(text: string): string {
    return text === "1" ? text : (JSON.parse(/^___eio\[0\]\((.*)\);$/s.exec(text)?.[1] ?? '"1"') as string);
  }

  protected override wrap(payload: string): string {
    return `d=${encodeURIComponent(payload)}`;
  }
}

export const openPolling: OpenPeer = async (port) => new PollingPeer(port, "transport=polling");
export const openJsonp: OpenPeer = async (port) => new JsonpPeer(port, "transport=polling&j=0");

export const openWebSocket: OpenPeer = async (port) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/engine.io/?EIO=4&transport=websocket`);
  const inbox = new Inbox<WirePacket>("a packet, by WebSocket");
  socket.on("message", (data: Buffer, isBinary: boolean) => inbox.push(isBinary ? data : data.toString()));
  socket.on("close", () => inbox.push("end"));
  await nextEvent(socket, "open");
  return {
    send: async (...packets) => packets.forEach((packet) => socket.send(packet)),
    next: () => inbox.next(),
    cut: () => socket.terminate(),
  };
};

/** Returns incompressible bytes. */
export const noise = (length: number): Buffer => randomBytes(length);
