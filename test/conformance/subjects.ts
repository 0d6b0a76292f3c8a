import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import {
  acceptConnect,
  acceptUpgrade,
  checkConnect,
  checkUpgrade,
  refuseConnect,
  refuseUpgrade,
  WebSocket,
  type WebSocketLink,
  WebSocketServer,
} from "@portage/websocket";
import { within } from "../support/waiting.ts";
import { RawDeflater } from "./raw-deflate.ts";
import { Unexpected, Wire } from "./wire.ts";

/** A subject that echoes messages, with a way to open a connection to it. */
export interface Subject {
  readonly name: string;
  /**
   * With `extensions`, offers compression to the subject, or accepts its
   * offer with these parameters.
   */
  open(extensions: string | undefined): Promise<Wire>;
  close(): Promise<void>;
}

const MAX_PAYLOAD = 32 * 1024 * 1024;
const COMPRESSION = { threshold: 0 };

const port = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
const listening = (server: Server): Promise<unknown> => once(server.listen(0, "127.0.0.1"), "listening");

/** `WebSocketServer`, the API of `ws`. */
export async function serverSubject(): Promise<Subject> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: COMPRESSION });
  server.on("connection", echo);
  await once(server, "listening");
  return {
    name: "WebSocketServer",
    open: (extensions) => openClient(port(server), extensions),
    async close() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `acceptUpgrade`, without an emitter. */
export async function linkSubject(): Promise<Subject> {
  const server = createHttpServer();
  server.on("upgrade", (req, stream, head) => {
    const check = checkUpgrade(req);
    if (!check.ok) return refuseUpgrade(stream, check.status, check.message, check.headers);
    const link = acceptUpgrade(req, stream, head, { maxPayload: MAX_PAYLOAD, perMessageDeflate: COMPRESSION });
    echoLink(link);
  });
  await listening(server);
  return {
    name: "acceptUpgrade",
    open: (extensions) => openClient(port(server), extensions),
    async close() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `acceptConnect`, over HTTP/2, with the same results as `acceptUpgrade`. */
export function connectSubject(): Promise<Subject> {
  return http2Subject("acceptUpgrade", (req, { stream }) => {
    const check = checkConnect(req);
    if (!check.ok) return refuseConnect(stream, check.status, check.message, check.headers);
    echoLink(acceptConnect(req, stream, { maxPayload: MAX_PAYLOAD, perMessageDeflate: COMPRESSION }));
  });
}

/** `WebSocketServer` over HTTP/2, with the same results as over HTTP/1. */
export function http2ServerSubject(): Promise<Subject> {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: COMPRESSION });
  return http2Subject("WebSocketServer", (req, res) => server.handleConnect(req, res, echo));
}

type Answered = IncomingHttpHeaders & IncomingHttpStatusHeader;

async function http2Subject(
  name: string,
  onConnect: (req: Http2ServerRequest, res: Http2ServerResponse) => void,
): Promise<Subject> {
  // Node emits `connect` on servers with a listener of `request`.
  const server = createHttp2Server({ settings: { enableConnectProtocol: true } }, (_req, res) => res.end());
  server.on("connect", onConnect);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const session = connectHttp2(`http://127.0.0.1:${port(server)}`);
  await once(session, "remoteSettings");
  return {
    name,
    async open(extensions) {
      const stream = session.request({
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":path": "/",
        "sec-websocket-version": "13",
        ...(extensions !== undefined && { "sec-websocket-extensions": extensions }),
      });
      const [headers] = (await within(once(stream, "response"), "an answer to CONNECT")) as [Answered];
      if (headers[":status"] !== 200) throw new Unexpected(`refused: ${headers[":status"]}`);
      const accepted = headers["sec-websocket-extensions"];
      return new Wire(
        stream,
        "client",
        Buffer.alloc(0),
        accepted === undefined ? undefined : deflater(accepted, "client", "server"),
      );
    },
    async close() {
      session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function echoLink(link: WebSocketLink): void {
  link.open({
    onText: (text) => link.sendText(text),
    onBinary: (data) => link.sendBinary(data),
    onDrain() {},
    onClose() {},
  });
}

/** `WebSocket` as a client of a server made of bare sockets. */
export async function clientSubject(): Promise<Subject> {
  const server = createServer();
  await listening(server);
  return {
    name: "WebSocket",
    async open(extensions) {
      const connected = once(server, "connection");
      const options = extensions === undefined ? {} : { perMessageDeflate: COMPRESSION };
      echo(new WebSocket(`ws://127.0.0.1:${port(server)}/`, options));
      const [socket] = (await connected) as [Socket];
      return acceptClient(socket, extensions);
    },
    async close() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function echo(socket: WebSocket): void {
  socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
  // The close frame, which the test reads, reports the violation.
  socket.on("error", () => undefined);
}

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const END = "\r\n\r\n";

function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** Reads up to the end of an HTTP head. */
async function readHead(socket: Socket): Promise<{ head: string; rest: Buffer }> {
  let bytes: Buffer = Buffer.alloc(0);
  while (bytes.indexOf(END) === -1) {
    const [chunk] = (await within(once(socket, "data"), "the head of the handshake")) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
  const end = bytes.indexOf(END) + END.length;
  socket.pause();
  return { head: bytes.subarray(0, end).toString("latin1"), rest: bytes.subarray(end) };
}

function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`^${name}: *(.*?) *\r$`, "im").exec(head)?.[1];
}

async function openClient(port: number, extensions: string | undefined): Promise<Wire> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  const lines = ["GET / HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"];
  lines.push("Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${KEY}`);
  if (extensions !== undefined) lines.push(`Sec-WebSocket-Extensions: ${extensions}`);
  socket.write(lines.join("\r\n") + END);
  const { head, rest } = await readHead(socket);
  if (!head.startsWith("HTTP/1.1 101 ") || headerOf(head, "Sec-WebSocket-Accept") !== acceptOf(KEY)) {
    throw new Unexpected(`a handshake answered with ${head}`);
  }
  const answer = headerOf(head, "Sec-WebSocket-Extensions");
  if ((answer === undefined) !== (extensions === undefined))
    throw new Unexpected(`extensions ${answer} to ${extensions}`);
  return new Wire(socket, "client", rest, answer === undefined ? undefined : deflater(answer, "client", "server"));
}

async function acceptClient(socket: Socket, extensions: string | undefined): Promise<Wire> {
  socket.setNoDelay(true);
  const { head, rest } = await readHead(socket);
  const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  lines.push(`Sec-WebSocket-Accept: ${acceptOf(headerOf(head, "Sec-WebSocket-Key") ?? "")}`);
  if (extensions !== undefined) lines.push(`Sec-WebSocket-Extensions: ${extensions}`);
  socket.write(lines.join("\r\n") + END);
  const answered = extensions === undefined ? undefined : deflater(extensions, "server", "client");
  return new Wire(socket, "server", rest, answered);
}

/** The test's codec for a response; `own` is the role of the test. */
function deflater(answer: string, own: string, other: string): RawDeflater {
  return new RawDeflater({
    compressAlone: answer.includes(`${own}_no_context_takeover`),
    compressBits: Number(new RegExp(`${own}_max_window_bits=(\\d+)`).exec(answer)?.[1] ?? 15),
    decompressAlone: answer.includes(`${other}_no_context_takeover`),
  });
}
