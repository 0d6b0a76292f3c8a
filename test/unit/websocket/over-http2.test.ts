import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  acceptConnect,
  checkConnect,
  type LinkClose,
  refuseConnect,
  type WebSocketLink,
  WebSocketServer,
} from "../../../packages/websocket/src/index.ts";
import { closeBody, frame, FrameReader, OPCODE, type ReadFrame } from "../../support/raw/frames.ts";
import { Inbox, nextEvent, within } from "../../support/waiting.ts";

let server: Http2Server;
let session: ClientHttp2Session;
/** Answers the CONNECT of a test. */
let answer: (req: Http2ServerRequest, res: Http2ServerResponse) => void;

beforeEach(async () => {
  server = createServer({ settings: { enableConnectProtocol: true } }, (_req, res) => res.end("plain"));
  server.on("connect", (req, res) => answer(req, res));
  await once(server.listen(0, "127.0.0.1"), "listening");
  session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(session, "remoteSettings");
});
afterEach(async () => {
  session.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const CONNECT = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":path": "/chat",
  "sec-websocket-version": "13",
  origin: "https://example.com",
};

type Answered = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** A client on a stream of the connection, with its received data. */
class Client {
  readonly stream: ClientHttp2Stream;
  readonly headers: Answered;
  readonly frames = new Inbox<ReadFrame>("a frame");

  private constructor(stream: ClientHttp2Stream, headers: Answered) {
    this.stream = stream;
    this.headers = headers;
  }

  static async open(headers: Record<string, string> = {}): Promise<Client> {
    const stream = session.request({ ...CONNECT, ...headers });
    stream.on("error", () => undefined);
    const [answered] = await nextEvent<[Answered]>(stream, "response");
    const client = new Client(stream, answered);
    const reader = new FrameReader();
    if (answered[":status"] === 200)
      stream.on("data", (chunk: Buffer) => reader.push(chunk).forEach((each) => client.frames.push(each)));
    return client;
  }

  send(payload: string): void {
    this.stream.write(frame({ opcode: OPCODE.text, payload }));
  }

  async body(): Promise<string> {
    let text = "";
    for await (const chunk of this.stream) text += chunk;
    return text;
  }
}

/** The events of a link. */
interface Heard {
  readonly link: WebSocketLink;
  readonly stream: ServerHttp2Stream;
  readonly texts: string[];
  readonly close: Promise<LinkClose>;
}

/** Accepts the CONNECT of a test as an echo. */
function accept(options?: Parameters<typeof acceptConnect>[2]): Promise<Heard> {
  const accepted = new Promise<Heard>((resolve, reject) => {
    answer = (req, { stream }) => {
      try {
        const link = acceptConnect(req, stream, options);
        const texts: string[] = [];
        const close = new Promise<LinkClose>((onClose) =>
          link.open({
            onText: (text) => {
              texts.push(text);
              link.sendText(text);
            },
            onBinary() {},
            onDrain() {},
            onClose,
          }),
        );
        resolve({ link, stream, texts, close });
      } catch (error) {
        stream.close();
        reject(error);
      }
    };
  });
  return within(accepted, "a CONNECT");
}

describe("checkConnect", () => {
  const request = (method: string, headers: Record<string, string>): never => ({ method, headers }) as never;
  const good = { ":protocol": "websocket", "sec-websocket-version": "13" };

  it.each<[string, string, Record<string, string>, number, string]>([
    ["a GET", "GET", good, 405, "WS_ERR_HANDSHAKE_METHOD"],
    ["the CONNECT of a proxy's client", "CONNECT", {}, 405, "WS_ERR_HANDSHAKE_METHOD"],
    ["another protocol", "CONNECT", { ...good, ":protocol": "connect-udp" }, 501, "WS_ERR_HANDSHAKE_UPGRADE"],
    ["another version", "CONNECT", { ...good, "sec-websocket-version": "8" }, 426, "WS_ERR_HANDSHAKE_VERSION"],
    ["none", "CONNECT", { ":protocol": "websocket" }, 426, "WS_ERR_HANDSHAKE_VERSION"],
    ["subprotocols", "CONNECT", { ...good, "sec-websocket-protocol": "a,,b" }, 400, "WS_ERR_HANDSHAKE_PROTOCOL"],
    ["extensions", "CONNECT", { ...good, "sec-websocket-extensions": ";" }, 400, "WS_ERR_HANDSHAKE_EXTENSIONS"],
  ])("refuses %s", (_name, method, headers, status, code) => {
    expect(checkConnect(request(method, headers), { perMessageDeflate: true })).toMatchObject({
      ok: false,
      status,
      code,
    });
  });

  it("accepts a WebSocket without a key", () => {
    expect(checkConnect(request("CONNECT", good))).toEqual({ ok: true, version: 13 });
  });
});

describe("acceptConnect", () => {
  it("answers 200 with the subprotocol, the extension and further headers, and no accept key", async () => {
    const heard = accept({
      perMessageDeflate: true,
      headers: ["Set-Cookie: a=b", "Set-Cookie: c=d", "X-Name: of the server", "Connection: close", "Upgrade: x"],
    });
    const client = await Client.open({
      "sec-websocket-protocol": "one, two",
      "sec-websocket-extensions": "permessage-deflate",
    });
    const { headers } = client;
    expect(headers).toMatchObject({
      ":status": 200,
      "sec-websocket-protocol": "one",
      "sec-websocket-extensions": expect.stringContaining("permessage-deflate") as string,
      "set-cookie": ["a=b", "c=d"],
      "x-name": "of the server",
    });
    expect(Object.keys(headers)).not.toContain("sec-websocket-accept");
    expect((await heard).link.compresses).toBe(true);
  });

  it.each([["X: a\r\nY: b"], [":status: 404"], ["Content-Type"]])("throws for the header line %j", async (line) => {
    const accepted = accept({ headers: [line] });
    const stream = session.request(CONNECT);
    stream.on("error", () => undefined);
    await expect(accepted).rejects.toThrow();
  });

  it("carries frames both ways beside other requests of the connection", async () => {
    const heard = accept();
    const client = await Client.open();
    client.send("over HTTP/2");
    expect((await client.frames.next()).payload.toString()).toBe("over HTTP/2");
    const plain = session.request({ ":path": "/" });
    expect(String((await nextEvent(plain, "data"))[0])).toBe("plain");
    client.send("x".repeat(700_000));
    expect((await client.frames.next()).payload.length).toBe(700_000);
    const { close } = await heard;
    client.stream.write(frame({ opcode: OPCODE.close, payload: closeBody(1000) }));
    expect((await client.frames.next()).opcode).toBe(OPCODE.close);
    await nextEvent(client.stream, "end");
    client.stream.end();
    expect(await close).toMatchObject({ code: 1000, wasClean: true });
    expect(session.destroyed).toBe(false);
  });

  it.each([0, 8, 2])("a client that resets its stream with code %d has left", async (code) => {
    const heard = accept();
    const client = await Client.open();
    client.send("before");
    await client.frames.next();
    const { close, stream, texts } = await heard;
    client.stream.write(frame({ opcode: OPCODE.text, payload: "half" }).subarray(0, 6));
    client.stream.close(code);
    expect(await within(close, "the end")).toMatchObject({ code: 1006, wasClean: false });
    expect([texts, stream.destroyed]).toEqual([["before"], true]);
  });

  it("terminate() ends the stream, and the connection goes on", async () => {
    const heard = accept();
    const client = await Client.open();
    const closed = nextEvent(client.stream, "close");
    (await heard).link.terminate();
    await closed;
    expect((await (await heard).close).code).toBe(1006);
    const plain = session.request({ ":path": "/" });
    expect(String((await nextEvent(plain, "data"))[0])).toBe("plain");
  });

  it("unread data fills the stream, which drains once the client reads", async () => {
    const heard: string[] = [];
    let drained = (): void => undefined;
    const isDrained = new Promise<void>((resolve) => (drained = resolve));
    const accepted = new Promise<WebSocketLink>((resolve) => {
      answer = (req, { stream }) => resolve(acceptConnect(req, stream));
    });
    const stream = session.request(CONNECT);
    const link = await within(accepted, "a CONNECT");
    const onDrain = (): void => {
      heard.push("drain");
      drained();
    };
    link.open({ onText() {}, onBinary() {}, onFull: () => heard.push("full"), onDrain, onClose() {} });
    link.sendBinary(Buffer.alloc(1_000_000));
    link.flush();
    expect(heard).toEqual(["full"]);
    expect(link.bufferedBytes).toBeGreaterThan(900_000);
    stream.resume();
    await within(isDrained, "the stream to drain");
    expect([heard, link.bufferedBytes]).toEqual([["full", "drain"], 0]);
  });
});

describe("refuseConnect", () => {
  it("answers with status, body and headers, and closes a stream that the client leaves open", async () => {
    answer = (_req, { stream }) =>
      refuseConnect(stream, 503, '{"code":6}', {
        "Content-Type": "application/json",
        "Retry-After": "5",
        Upgrade: "x",
      });
    const client = await Client.open();
    const closed = nextEvent(client.stream, "close");
    expect(client.headers).toMatchObject({
      ":status": 503,
      "content-type": "application/json",
      "retry-after": "5",
    });
    expect(await client.body()).toBe('{"code":6}');
    await closed;
    expect(session.destroyed).toBe(false);
  });

  it("answers 500 for a status that is not one, and ignores a stream that is over", async () => {
    answer = (_req, { stream }) => {
      refuseConnect(stream, Number.NaN);
      refuseConnect(stream, 404);
    };
    const client = await Client.open();
    expect([client.headers[":status"], await client.body()]).toEqual([500, "Internal Server Error"]);
  });
});

describe("WebSocketServer.handleConnect", () => {
  it("opens a socket, with the events and options of a server over HTTP/1", async () => {
    const wss = new WebSocketServer({
      noServer: true,
      path: "/chat",
      verifyClient: ({ origin, req }) => origin === "https://example.com" && req.method === "CONNECT",
      handleProtocols: (offered) => [...offered].at(-1) ?? false,
    });
    wss.on("headers", (lines) => lines.push("X-Added: by a listener"));
    wss.on("connection", (socket) => socket.on("message", (data) => socket.send(data as Buffer, { binary: false })));
    answer = (req, res) => wss.handleConnect(req, res, (socket) => wss.emit("connection", socket, req));
    const client = await Client.open({ "sec-websocket-protocol": "one, two" });
    expect(client.headers).toMatchObject({ "sec-websocket-protocol": "two", "x-added": "by a listener" });
    client.send("hello");
    expect((await client.frames.next()).payload.toString()).toBe("hello");
    expect(wss.clients.size).toBe(1);
    wss.close();
    expect((await Client.open()).headers[":status"]).toBe(503);
  });

  it.each<[string, Record<string, string>, number]>([
    ["another path", { ":path": "/other" }, 400],
    ["a client that verifyClient refuses", { origin: "https://elsewhere.example" }, 401],
    ["another version", { "sec-websocket-version": "12" }, 426],
  ])("refuses %s", async (_name, headers, status) => {
    const wss = new WebSocketServer({
      noServer: true,
      path: "/chat",
      verifyClient: ({ origin }) => origin === "https://example.com",
    });
    answer = (req, res) => wss.handleConnect(req, res, () => undefined);
    expect((await Client.open(headers)).headers[":status"]).toBe(status);
  });

  it("throws for a stream that is a WebSocket already", async () => {
    const wss = new WebSocketServer({ noServer: true });
    const thrown = new Promise<unknown>((resolve) => {
      answer = (req, res) => {
        wss.handleConnect(req, res, () => undefined);
        try {
          wss.handleConnect(req, res, () => undefined);
        } catch (error) {
          resolve(error);
        }
      };
    });
    await Client.open();
    expect(await within(thrown, "an error")).toMatchObject({ code: "WS_ERR_ALREADY_HANDLED" });
  });
});
