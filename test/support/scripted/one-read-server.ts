import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { Inbox, within } from "../waiting.ts";
import { frame, OPCODE } from "../raw/frames.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const HANDSHAKE = '0{"sid":"engine","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}';
const SEPARATOR = "\x1e";

/** How the TCP connection ends, right after the written data. */
export type End = "FIN" | "RST" | undefined;

/** One session of a client, over the client's choice of transport. */
export interface RawSession {
  /** Reads the client's engine packets until one starts with `prefix`. */
  find(prefix: string): Promise<string>;
  /** Sends engine packets in one write: one chunk of a WebSocket, or one payload of polling. */
  send(packets: readonly string[], end?: End): void;
}

/** Writes in one piece, including the FIN. A reset follows at once, when a loopback client has the bytes already. */
function writeAll(socket: Socket, bytes: string | Buffer, end: End): void {
  if (end === "FIN") socket.end(bytes);
  else socket.write(bytes);
  if (end === "RST") socket.resetAndDestroy();
}

class WebSocketSession implements RawSession {
  readonly #socket: Socket;
  readonly #packets = new Inbox<string>("a packet of the client");
  #rest = Buffer.alloc(0);

  constructor(socket: Socket, key: string) {
    this.#socket = socket;
    const accept = createHash("sha1")
      .update(key + GUID)
      .digest("base64");
    const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
    socket.write(Buffer.concat([Buffer.from(head), this.#frame(HANDSHAKE)]));
  }

  find(prefix: string): Promise<string> {
    return this.#packets.find((packet) => packet.startsWith(prefix));
  }

  send(packets: readonly string[], end?: End): void {
    const chunk = Buffer.concat(packets.map((packet) => this.#frame(packet)));
    writeAll(this.#socket, chunk, end);
  }

  /** Reads short masked frames, as these clients send no others. */
  read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 6) {
      let length = (this.#rest[1] as number) & 127;
      let at = 2;
      if (length === 126) {
        if (this.#rest.length < 8) return;
        length = this.#rest.readUInt16BE(2);
        at = 4;
      }
      if (this.#rest.length < at + 4 + length) return;
      const mask = this.#rest.subarray(at, at + 4);
      const payload = Buffer.from(this.#rest.subarray(at + 4, at + 4 + length));
      for (let i = 0; i < length; i++) payload[i] = (payload[i] as number) ^ (mask[i & 3] as number);
      const opcode = (this.#rest[0] as number) & 15;
      this.#rest = this.#rest.subarray(at + 4 + length);
      if (opcode === OPCODE.text) this.#packets.push(payload.toString());
      if (opcode === OPCODE.close) this.#socket.end(frame({ opcode: OPCODE.close, payload, masked: false }));
    }
  }

  #frame(payload: string): Buffer {
    return frame({ opcode: OPCODE.text, payload, masked: false });
  }
}

class PollingSession implements RawSession {
  readonly #packets = new Inbox<string>("a packet of the client");
  /** Packets queued for the next poll. */
  #waiting: { packets: readonly string[]; end: End } | undefined;
  #poll: Socket | undefined;

  find(prefix: string): Promise<string> {
    return this.#packets.find((packet) => packet.startsWith(prefix));
  }

  send(packets: readonly string[], end?: End): void {
    this.#waiting = { packets: [...(this.#waiting?.packets ?? []), ...packets], end };
    this.#answer();
  }

  request(socket: Socket, method: string, body: string): void {
    if (method === "GET") {
      this.#poll = socket;
      this.#answer();
    } else {
      for (const packet of body.split(SEPARATOR)) this.#packets.push(packet);
      respond(socket, "ok");
    }
  }

  #answer(): void {
    const poll = this.#poll;
    const waiting = this.#waiting;
    if (!poll || !waiting) return;
    this.#poll = this.#waiting = undefined;
    const { packets, end } = waiting;
    respond(poll, packets.join(SEPARATOR), end);
  }
}

function respond(socket: Socket, body: string, end?: End): void {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  writeAll(socket, head + body, end);
}

/** An Engine.IO server on bare TCP: it sends in one piece, including the end of the connection. */
export class OneReadServer {
  readonly #server: Server;
  readonly #sessions = new Inbox<RawSession>("a session");
  readonly #sockets = new Set<Socket>();
  #polling = new PollingSession();
  readonly url: string;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (socket) => this.#serve(socket));
  }

  static async listen(): Promise<OneReadServer> {
    const server = createServer({ allowHalfOpen: false });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new OneReadServer(server);
  }

  /** Resolves when the client has closed all its connections. */
  async drained(): Promise<void> {
    for (const socket of this.#sockets) await within(once(socket, "close"), "the end of a connection");
  }

  session(): Promise<RawSession> {
    return this.#sessions.next();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    let session: WebSocketSession | undefined;
    let text = "";
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      // a server reads no further request after its close packet
      if (socket.writableEnded) return;
      if (session) return session.read(chunk);
      text += chunk.toString("latin1");
      for (let end; !session && (end = text.indexOf("\r\n\r\n")) >= 0;) {
        const head = text.slice(0, end);
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        if (text.length < end + 4 + length) return;
        const body = text.slice(end + 4, end + 4 + length);
        text = text.slice(end + 4 + length);
        const key = /sec-websocket-key: (.*)/i.exec(head)?.[1];
        if (key) this.#sessions.push((session = new WebSocketSession(socket, key)));
        else this.#request(socket, head, body);
      }
    });
  }

  #request(socket: Socket, head: string, body: string): void {
    if (head.includes("sid=")) return this.#polling.request(socket, head.split(" ")[0] as string, body);
    this.#polling = new PollingSession();
    this.#sessions.push(this.#polling);
    respond(socket, HANDSHAKE);
  }
}
