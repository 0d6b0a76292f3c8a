import type { ClientRequest, IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { parseClientUrl } from "../../../packages/websocket/src/client/client-url.ts";
import { ConnectAttempt, type Connected, type ConnectHandler } from "../../../packages/websocket/src/client/connect.ts";
import { ConnectError } from "../../../packages/websocket/src/client/connect-error.ts";
import { acceptKey } from "../../../packages/websocket/src/core/index.ts";
import { turn } from "../../support/waiting.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** A server in memory that answers each request by `answer`, and a handler that logs its calls. */
class Recorded implements ConnectHandler {
  readonly log: string[] = [];
  readonly requests: string[] = [];
  readonly streams: Duplex[] = [];
  connected: Connected | undefined = undefined;
  readonly #answer: (key: string) => string | Buffer;

  constructor(answer: (key: string) => string | Buffer) {
    this.#answer = answer;
  }

  stream(): Duplex {
    const stream = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        const request = chunk.toString("latin1");
        this.requests.push(request);
        stream.push(this.#answer(/Sec-WebSocket-Key: (.*)\r\n/.exec(request)![1]!));
        done();
      },
    });
    this.streams.push(stream);
    return stream;
  }

  onRequest(request: ClientRequest): void {
    request.end();
  }

  onAnswer(response: IncomingMessage): void {
    this.log.push(`answer ${response.statusCode}`);
  }

  onUnexpected(): boolean {
    return false;
  }

  watchesRedirects(): boolean {
    return false;
  }

  onRedirect(url: string): void {
    this.log.push(`redirect ${url}`);
  }

  onConnected(connected: Connected): void {
    this.connected = connected;
    this.log.push("connected");
  }

  onConnectFailed(error: Error): void {
    this.log.push(`${error instanceof ConnectError ? error.code : error.name}: ${error.message}`);
  }
}

async function attempted(
  answer: (key: string) => string | Buffer,
  options: Partial<{ protocols: string[]; followRedirects: boolean; url: string }> = {},
): Promise<Recorded> {
  const recorded = new Recorded(answer);
  const { protocols = [], url = "ws://host/path", followRedirects = false } = options;
  const createConnection = (): Duplex => recorded.stream();
  const clientOptions = { createConnection, clock: new FakeClock(), followRedirects, auth: "a:b" };
  new ConnectAttempt(parseClientUrl(url), protocols, clientOptions, recorded).start();
  for (let count = 0; count < 6; count++) await turn();
  return recorded;
}

const head = (key: string, ...more: string[]): string =>
  [
    "HTTP/1.1 101 Switching Protocols",
    "upgrade: WebSocket",
    "CONNECTION: keep-alive, Upgrade",
    `sec-websocket-ACCEPT: ${acceptKey(key)}`,
    ...more,
    "",
    "",
  ].join("\r\n");

describe("an attempt to connect", () => {
  it("accepts header names and tokens in any case", async () => {
    const { log, connected } = await attempted((key) => head(key));
    expect(log).toEqual(["answer 101", "connected"]);
    expect(connected).toMatchObject({ protocol: "", deflate: undefined });
  });

  // RFC 6455, 4.1 number 2, 4.1 number 3, 4.1 number 4, 4.1 number 5, 4.1 number 6, 4.1 number 7, 4.1 number 9 and 11.3.
  it("sends all headers of a handshake, each once", async () => {
    const { requests } = await attempted((key) => head(key), { url: "ws://host:8080/a/b?c=d" });
    const [requestLine, ...lines] = requests[0]!.split("\r\n");
    expect(requestLine).toBe("GET /a/b?c=d HTTP/1.1");
    const values = (name: string): string[] =>
      lines.filter((line) => line.toLowerCase().startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
    expect(values("host")).toEqual(["host:8080"]);
    expect(values("upgrade")).toEqual(["websocket"]);
    expect(values("connection")).toEqual(["Upgrade"]);
    expect(values("sec-websocket-version")).toEqual(["13"]);
    expect(values("sec-websocket-key")).toEqual([expect.stringMatching(/^[+/0-9A-Za-z]{22}==$/)]);
  });

  it("omits the default port", async () => {
    const { requests } = await attempted((key) => head(key));
    expect(requests[0]).toMatch(/\r\nhost: host\r\n/i);
  });

  it("passes on the bytes after the response", async () => {
    const { connected } = await attempted((key) => Buffer.concat([Buffer.from(head(key)), Buffer.from([0x81, 0])]));
    expect(connected!.head).toEqual(Buffer.from([0x81, 0]));
  });

  it("leaves no listener of its own on the stream", async () => {
    const { connected } = await attempted((key) => head(key));
    expect(connected!.stream.listenerCount("error")).toBe(0);
  });

  it.each([
    ["WS_ERR_ANSWER_ACCEPT: Invalid Sec-WebSocket-Accept header", () => head("another key")],
    ["WS_ERR_ANSWER_UPGRADE: Invalid Upgrade header", (key: string) => head(key).replace("WebSocket", "h2c")],
    [
      "WS_ERR_ANSWER_PROTOCOL: Server sent a subprotocol but none was requested",
      (key: string) => head(key, "Sec-WebSocket-Protocol: a"),
    ],
    [
      "WS_ERR_ANSWER_EXTENSIONS: Server sent a Sec-WebSocket-Extensions header but no extension was requested",
      (key: string) => head(key, "Sec-WebSocket-Extensions: permessage-deflate"),
    ],
    [
      "WS_ERR_ANSWER_ACCEPT: Invalid Sec-WebSocket-Accept header",
      (key: string) => head(key, `Sec-WebSocket-Accept: ${acceptKey(key)}`),
    ],
  ])("fails with %s, and destroys the stream (RFC 6455, 4.1 and 11.3)", async (failure, answer) => {
    const { log, streams } = await attempted(answer);
    expect(log).toEqual(["answer 101", failure]);
    expect(streams[0]!.destroyed).toBe(true);
  });

  it("fails once for a response that is not an upgrade", async () => {
    const { log } = await attempted(() => "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
    expect(log).toEqual(["WS_ERR_ANSWER_STATUS: Unexpected server response: 500"]);
  });

  it("fails for a response that is not HTTP", async () => {
    const { log } = await attempted(() => "hello\r\n\r\n");
    expect(log).toEqual([expect.stringMatching(/^Error: Parse Error/)]);
  });

  it("makes a new key and a new stream for each redirection, and drops credentials for another host", async () => {
    const answers = ["HTTP/1.1 301 Moved\r\nLocation: //other/there\r\nContent-Length: 0\r\n\r\n"];
    const { log, requests, streams } = await attempted((key) => answers.shift() ?? head(key), {
      followRedirects: true,
    });
    expect(log).toEqual(["redirect ws://other/there", "answer 101", "connected"]);
    expect(streams.map((stream) => stream.destroyed)).toEqual([true, false]);
    const keys = requests.map((request) => /Key: (.*)\r\n/.exec(request)![1]);
    expect(new Set(keys).size).toBe(2);
    expect(requests.map((request) => request.includes("Authorization"))).toEqual([true, false]);
  });

  it("drops credentials on a redirect from TLS to plain text", async () => {
    const answers = ["HTTP/1.1 301 Moved\r\nLocation: ws://host:443/\r\nContent-Length: 0\r\n\r\n"];
    const { requests } = await attempted((key) => answers.shift() ?? head(key), {
      followRedirects: true,
      url: "wss://host/",
    });
    expect(requests.map((request) => request.includes("Authorization"))).toEqual([true, false]);
  });
});
