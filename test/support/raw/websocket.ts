import { createHash } from "node:crypto";
import { connect, type Socket } from "node:net";
import { closeBody, frame, FrameReader, OPCODE, type FrameSpec, type ReadFrame } from "./frames.ts";
import { packetText } from "../payload.ts";
import { queryPath, type RawOptions } from "./polling.ts";
import { Inbox, within } from "../waiting.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

export interface RawWebSocketOptions extends RawOptions {
  /** The session to upgrade. */
  readonly sid?: string;
  /** Bytes to send in the same write as the request. */
  readonly early?: Buffer;
  /** Answers a close frame of the server and ends the connection. Default true. */
  readonly answersClose?: boolean;
}

/** The server answered something other than 101. */
export class Refused extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`upgrade answered ${status} ${body}`);
    this.status = status;
    this.body = body;
  }
}

/** The end of a connection as its client sees it; 1006 without a close frame. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

interface Head {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly rest: Buffer;
}

function parseHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return { status: Number(first.split(" ")[1]), headers, rest: bytes.subarray(end + 4) };
}

/** The bytes of an upgrade request. */
export function upgradeRequest(options: RawWebSocketOptions): string {
  const path = queryPath(options, { transport: "websocket", ...(options.sid ? { sid: options.sid } : {}) });
  const headers = {
    Host: `127.0.0.1:${options.port}`,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    ...options.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`GET ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n");
}

/** A handmade WebSocket client: it records every frame, and sends valid and invalid ones. */
export class RawWebSocket {
  readonly #options: RawWebSocketOptions;
  readonly #reader = new FrameReader();
  readonly #messages = new Inbox<string | Buffer>("a WebSocket message");
  #fragments: Buffer[] = [];
  #opcode: number = OPCODE.text;
  #ending: Closed = { code: 1006, reason: "" };
  readonly stream: Socket;
  readonly frames: ReadFrame[] = [];
  readonly headers: Record<string, string>;
  /** Settles once the TCP connection is closed. */
  readonly closed: Promise<Closed>;

  private constructor(options: RawWebSocketOptions, stream: Socket, head: Head) {
    this.#options = options;
    this.stream = stream;
    this.headers = head.headers;
    this.closed = new Promise((resolve) => {
      stream.once("close", () => {
        this.#note(`closed ${this.#ending.code}`);
        resolve(this.#ending);
      });
    });
    stream.on("data", (chunk) => this.#receive(chunk));
    stream.on("end", () => stream.end());
    if (head.rest.length > 0) this.#receive(head.rest);
  }

  /** Does the handshake; rejects with `Refused` for an HTTP answer, or with the error of the stream. */
  static connect(options: RawWebSocketOptions): Promise<RawWebSocket> {
    const stream = connect({ port: options.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    stream.on("error", () => undefined);
    stream.write(Buffer.concat([Buffer.from(upgradeRequest(options)), options.early ?? Buffer.alloc(0)]));
    return within(RawWebSocket.#handshake(options, stream), "the answer to an upgrade request");
  }

  static async #handshake(options: RawWebSocketOptions, stream: Socket): Promise<RawWebSocket> {
    const lane = `${options.name ?? "websocket"}.ws`;
    let bytes: Buffer = Buffer.alloc(0);
    const head = await new Promise<Head | undefined>((resolve) => {
      const onData = (chunk: Buffer): void => {
        bytes = Buffer.concat([bytes, chunk]);
        const parsed = parseHead(bytes);
        if (parsed?.status === 101) {
          stream.off("data", onData);
          stream.off("end", onEnd);
          resolve(parsed);
        }
      };
      const onEnd = (): void => resolve(parseHead(bytes));
      stream.on("data", onData);
      stream.once("end", onEnd);
      stream.once("close", onEnd);
    });
    if (head?.status !== 101) {
      stream.destroy();
      options.tracer?.reply(lane, { status: head?.status ?? 0, headers: head?.headers ?? {} });
      options.tracer?.write(lane, `< ${head?.rest.toString() ?? "nothing"}`);
      throw new Refused(head?.status ?? 0, head?.rest.toString() ?? "");
    }
    if (head.headers["sec-websocket-accept"] !== ACCEPT) throw new Error("wrong Sec-WebSocket-Accept");
    options.tracer?.reply(lane, head);
    return new RawWebSocket(options, stream, head);
  }

  /** Returns the next message with its fragments joined; text as a string. */
  next(): Promise<string | Buffer> {
    return this.#messages.next();
  }

  /** Reads messages until one satisfies `wanted`. */
  async until(wanted: (message: string) => boolean): Promise<string> {
    const found = await this.#messages.find((message) => wanted(packetText(message)));
    return packetText(found);
  }

  send(message: string | Buffer): void {
    this.#note(`> ${packetText(message)}`);
    this.sendFrame({ opcode: typeof message === "string" ? OPCODE.text : OPCODE.binary, payload: message });
  }

  sendFrame(spec: FrameSpec): void {
    this.sendBytes(frame(spec));
  }

  sendBytes(bytes: Buffer): void {
    this.stream.write(bytes);
  }

  /** Sends a close frame, and waits for the end. */
  async close(code = 1000, reason = ""): Promise<Closed> {
    this.sendFrame({ opcode: OPCODE.close, payload: closeBody(code, reason) });
    return this.ended();
  }

  /** Waits for the end of the connection. */
  ended(): Promise<Closed> {
    return within(
      this.closed,
      () =>
        `the end of a WebSocket; last frames ${this.frames
          .slice(-3)
          .map((last) => last.opcode)
          .join()}`,
    );
  }

  /** Ends the TCP connection with RST. */
  reset(): void {
    this.stream.resetAndDestroy();
  }

  /** Ends the TCP connection with FIN and no close frame. */
  cut(): void {
    this.stream.destroy();
  }

  #receive(chunk: Buffer): void {
    for (const received of this.#reader.push(chunk)) {
      this.frames.push(received);
      this.#onFrame(received);
    }
  }

  #onFrame(received: ReadFrame): void {
    const { opcode, payload } = received;
    if (opcode === OPCODE.close) this.#onClose(payload);
    else if (opcode === OPCODE.ping || opcode === OPCODE.pong)
      this.#note(`< control ${opcode} ${payload.toString("hex")}`);
    else {
      if (opcode !== OPCODE.continuation) this.#opcode = opcode;
      this.#fragments.push(payload);
      if (received.fin) this.#onMessage();
    }
  }

  #onMessage(): void {
    const whole = Buffer.concat(this.#fragments);
    this.#fragments = [];
    const message = this.#opcode === OPCODE.text ? whole.toString() : whole;
    this.#note(`< ${packetText(message)}`);
    this.#messages.push(message);
  }

  #onClose(payload: Buffer): void {
    const code = payload.length >= 2 ? payload.readUInt16BE() : 1005;
    this.#ending = { code, reason: payload.subarray(2).toString() };
    if (this.#options.answersClose === false) return;
    this.stream.end(frame({ opcode: OPCODE.close, payload: payload.subarray(0, 2) }));
  }

  #note(line: string): void {
    this.#options.tracer?.write(`${this.#options.name ?? "websocket"}.ws`, line);
  }
}
