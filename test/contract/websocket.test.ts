import { createServer, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { acceptUpgrade, checkUpgrade, refuseUpgrade } from "@portage/websocket";
import type { AcceptOptions, LinkClose, LinkHandler, WebSocketLink } from "@portage/websocket";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { closeBody, frame, FrameReader, type ReadFrame } from "../support/raw/frames.ts";
import { nextEvent, turn, within } from "../support/waiting.ts";

/** Echoes messages, and records how the connection ended. */
class Echo implements LinkHandler {
  readonly link: WebSocketLink;
  readonly closed: Promise<LinkClose>;
  onClose: (close: LinkClose) => void = () => undefined;

  constructor(link: WebSocketLink) {
    this.link = link;
    this.closed = new Promise((resolve) => {
      this.onClose = resolve;
    });
    link.open(this);
  }

  onText(text: string): void {
    this.link.sendText(text);
  }

  onBinary(data: Buffer): void {
    this.link.sendBinary(data);
  }

  onDrain(): void {}
}

let server: Server;
let options: AcceptOptions;
let echoes: Echo[];

beforeEach(async () => {
  options = { maxPayload: 4 * 1024 * 1024 };
  echoes = [];
  server = createServer();
  server.on("upgrade", (req, stream, head) => {
    const check = checkUpgrade(req);
    if (!check.ok) return refuseUpgrade(stream, check.status, check.message, check.headers);
    echoes.push(new Echo(acceptUpgrade(req, stream, head, options)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(() => {
  for (const { link } of echoes) link.terminate();
  server.close();
});

const port = (): number => (server.address() as AddressInfo).port;

describe("with the client of ws", () => {
  async function opened(): Promise<WebSocket> {
    const client = new WebSocket(`ws://127.0.0.1:${port()}/`);
    await nextEvent(client, "open");
    return client;
  }

  it("echoes texts and binaries of all length forms", async () => {
    const client = await opened();
    for (const length of [0, 1, 125, 126, 127, 65535, 65536, 65537, 1_000_000]) {
      client.send("é".repeat(length));
      const [text, isText] = await nextEvent<[Buffer, boolean]>(client, "message");
      expect(text.equals(Buffer.from("é".repeat(length)))).toBe(true);
      expect(isText).toBe(false);
      const bytes = Buffer.from(Array.from({ length }, (_, at) => at & 0xff));
      client.send(bytes);
      const [data, isBinary] = await nextEvent<[Buffer, boolean]>(client, "message");
      expect(data.equals(bytes)).toBe(true);
      expect(isBinary).toBe(true);
    }
    client.terminate();
  });

  it("keeps the order of a burst", async () => {
    const client = await opened();
    const received: string[] = [];
    const all = new Promise<void>((resolve) => {
      client.on("message", (data: Buffer) => {
        if (received.push(data.toString()) === 2000) resolve();
      });
    });
    const sent = Array.from({ length: 2000 }, (_, at) => `${at} ${"x".repeat(at % 300)}`);
    for (const text of sent) client.send(text);
    await within(all, "2000 echoes");
    expect(received).toEqual(sent);
    client.terminate();
  });

  it("reassembles fragments and answers pings", async () => {
    const client = await opened();
    const answers = Promise.all([nextEvent<[Buffer]>(client, "pong"), nextEvent<[Buffer]>(client, "message")]);
    client.send("one ", { fin: false });
    client.ping("between");
    client.send("two", { fin: true });
    const [[pong], [text]] = await answers;
    expect(pong.toString()).toBe("between");
    expect(text.toString()).toBe("one two");
    client.terminate();
  });

  it("closes in both directions", async () => {
    const client = await opened();
    client.close(4001, "from the client");
    const [code, reason] = await nextEvent<[number, Buffer]>(client, "close");
    expect([code, reason.toString()]).toEqual([4001, "from the client"]);
    expect(await within(echoes[0]!.closed, "the close")).toMatchObject({
      code: 4001,
      reason: "from the client",
      wasClean: true,
    });

    const other = await opened();
    echoes[1]!.link.close(1001, "from the server");
    const [otherCode, otherReason] = await nextEvent<[number, Buffer]>(other, "close");
    expect([otherCode, otherReason.toString()]).toEqual([1001, "from the server"]);
    expect(await within(echoes[1]!.closed, "the close")).toMatchObject({ code: 1001, wasClean: true });
  });

  it("refuses a message that is too long", async () => {
    options = { maxPayload: 1000 };
    const client = await opened();
    client.send("x".repeat(1001));
    const [code] = await nextEvent<[number]>(client, "close");
    expect(code).toBe(1009);
    expect(await within(echoes[0]!.closed, "the close")).toMatchObject({
      code: 1009,
      wasClean: false,
      error: { code: "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" },
    });
  });

  it("reports a client that vanishes", async () => {
    const client = await opened();
    client.terminate();
    expect(await within(echoes[0]!.closed, "the close")).toMatchObject({ code: 1006, wasClean: false });
  });

  it("names the chosen subprotocol", async () => {
    options = { protocol: "chat" };
    const client = new WebSocket(`ws://127.0.0.1:${port()}/`, ["superchat", "chat"]);
    await nextEvent(client, "open");
    expect(client.protocol).toBe("chat");
    client.terminate();
  });
});

const REQUEST =
  "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/** A TCP connection and all bytes received on it. */
class RawClient {
  readonly stream: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  readonly ended: Promise<void>;

  constructor() {
    this.stream = connect({ port: port(), host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    this.stream.on("error", () => undefined);
    this.stream.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
    });
    this.ended = new Promise((resolve) => {
      this.stream.once("end", resolve);
      this.stream.once("close", () => resolve());
    });
  }

  get text(): string {
    return this.#bytes.toString("latin1");
  }

  /** The frames after the response to the handshake. */
  get frames(): ReadFrame[] {
    return new FrameReader().push(this.#bytes.subarray(this.#bytes.indexOf("\r\n\r\n") + 4));
  }

  async until(isThere: () => boolean, what: string): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!isThere()) await turn();
    };
    await within(wait(), what);
  }
}

describe("with a raw client", () => {
  it("accepts a request that arrives byte by byte, and a frame right after it", async () => {
    const client = new RawClient();
    for (const byte of Buffer.concat([Buffer.from(REQUEST), frame({ opcode: 1, payload: "eager" })])) {
      client.stream.write(Buffer.from([byte]));
      await turn();
    }
    await client.until(() => client.frames.length === 1, "an echo");
    expect(client.frames[0]!.payload.toString()).toBe("eager");
    client.stream.destroy();
  });

  it("loses nothing of frames sent together with the request", async () => {
    const client = new RawClient();
    const frames = ["a", "b", "c"].map((payload) => frame({ opcode: 1, payload }));
    client.stream.write(Buffer.concat([Buffer.from(REQUEST), ...frames]));
    await client.until(() => client.frames.length === 3, "three echoes");
    expect(client.frames.map(({ payload }) => payload.toString())).toEqual(["a", "b", "c"]);
    client.stream.destroy();
  });

  it.each([
    ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12", "HTTP/1.1 426 Upgrade Required"],
    ["dGhlIHNhbXBsZSBub25jZQ==", "short", "HTTP/1.1 400 Bad Request"],
    ["GET /", "PUT /", "HTTP/1.1 405 Method Not Allowed"],
    ["Host:", "X-Host:", "HTTP/1.1 400 Bad Request"],
  ])("answers a request with %s replaced by %s", async (part, replaced, status) => {
    const client = new RawClient();
    client.stream.write(REQUEST.replace(part, replaced));
    await within(client.ended, "the end");
    expect(client.text.startsWith(status)).toBe(true);
    expect(client.text.includes("Sec-WebSocket-Version: 13\r\n")).toBe(status.includes("426"));
    client.stream.destroy();
  });

  it("ends the stream first after the closing handshake", async () => {
    const client = new RawClient();
    client.stream.write(Buffer.concat([Buffer.from(REQUEST), frame({ opcode: 8, payload: closeBody(1000) })]));
    await within(client.ended, "the end");
    expect(client.frames[0]).toMatchObject({ opcode: 8, payload: closeBody(1000) });
    client.stream.end();
    expect(await within(echoes[0]!.closed, "the close")).toMatchObject({ code: 1000, wasClean: true });
  });

  it("answers messages that arrived before a half-close", async () => {
    const client = new RawClient();
    client.stream.end(Buffer.concat([Buffer.from(REQUEST), frame({ opcode: 1, payload: "last words" })]));
    await within(client.ended, "the end");
    expect(client.frames[0]!.payload.toString()).toBe("last words");
    expect(await within(echoes[0]!.closed, "the close")).toMatchObject({ code: 1006, wasClean: false });
  });

  it("survives resets at any moment", async () => {
    for (const bytes of ["", REQUEST.slice(0, 40), REQUEST, `${REQUEST}\x81`]) {
      const client = new RawClient();
      await nextEvent(client.stream, "connect");
      client.stream.write(bytes, "latin1");
      if (bytes.startsWith(REQUEST)) await client.until(() => client.text.includes("\r\n\r\n"), "the answer");
      client.stream.resetAndDestroy();
    }
    await within(Promise.all(echoes.map(({ closed }) => closed)), "the closes");
    for (const { closed } of echoes) expect((await closed).code).toBe(1006);
  });

  it("fails a client that floods it with pings and does not read the pongs", async () => {
    const client = new RawClient();
    client.stream.write(REQUEST);
    await client.until(() => client.text.includes("\r\n\r\n"), "the answer");
    client.stream.pause();
    client.stream.write(
      Buffer.concat(Array.from({ length: 5000 }, () => frame({ opcode: 9, payload: "x".repeat(125) }))),
    );
    const [echo] = echoes;
    await client.until(() => !echo!.link.isOpen, "the failure");
    expect(echo!.link.bufferedBytes).toBeLessThan(200 * 127);
    client.stream.resetAndDestroy();
    expect(await within(echo!.closed, "the close")).toMatchObject({
      code: 1008,
      error: { code: "WS_ERR_TOO_MANY_CONTROL_FRAMES" },
    });
  });

  it("reads no more from a peer while paused than the stream buffers", async () => {
    const client = new RawClient();
    client.stream.write(REQUEST);
    await client.until(() => client.text.includes("\r\n\r\n"), "the answer");
    const { link } = echoes[0]!;
    link.pause();
    const large = frame({ opcode: 2, payload: Buffer.alloc(1_000_000) });
    for (let at = 0; at < 8; at++) client.stream.write(large);
    for (let at = 0; at < 50; at++) await turn();
    expect(client.frames).toHaveLength(0);
    expect(link.stream!.readableLength).toBeLessThan(1_000_000);
    link.resume();
    await client.until(() => client.frames.length === 8, "eight echoes");
    client.stream.destroy();
  });
});
