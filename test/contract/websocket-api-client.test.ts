import { createHash } from "node:crypto";
import { Agent, type ClientRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, createServer, type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClientOptions, WebSocket } from "@portage/websocket";
import { describe, expect, it } from "vitest";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/servers/certificate.ts";
import { nextEvent } from "../support/waiting.ts";
import {
  afterwards,
  ending,
  IMPLEMENTATIONS,
  newClient,
  nextMessage,
  openPair,
  startHttp,
  startServer,
  streamOf,
  textOf,
  urlOf,
} from "./websocket-api.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The lines of a valid 101 response; a case may change each. */
function answerTo(req: IncomingMessage, changed: Record<string, string> = {}): string {
  const accept = createHash("sha1").update(`${req.headers["sec-websocket-key"]}${GUID}`).digest("base64");
  const headers = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Accept": accept, ...changed };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return ["HTTP/1.1 101 Switching Protocols", ...lines, "", ""].join("\r\n");
}

describe.each(IMPLEMENTATIONS)("the client of %s", (_name, api) => {
  /** The request of a client. */
  async function requestOf(
    options: ClientOptions,
    protocols: string[] = [],
    change: (url: string) => string = (url) => url,
  ): Promise<IncomingMessage> {
    const http = await startHttp();
    const upgrade = nextEvent<[IncomingMessage, Duplex]>(http, "upgrade");
    newClient(api, change(urlOf(http, "/path?a=b")), protocols, options);
    const [req, stream] = await upgrade;
    stream.destroy();
    return req;
  }

  /** Events of a client after a failed handshake, with the socket's state at each. */
  async function failure(client: WebSocket): Promise<string[]> {
    const log: string[] = [];
    client.on("open", () => log.push("open"));
    client.on("error", (error) => log.push(`error in ${client.readyState}: ${error.message}`));
    client.on("close", (code, reason) => log.push(`close in ${client.readyState}: ${code} ${reason.toString()}`));
    await nextEvent(client, "close");
    return log;
  }

  const failed = (message: string): string[] => [`error in 2: ${message}`, "close in 3: 1006 "];

  describe("its arguments", () => {
    it.each([
      ["", "Invalid URL: "],
      ["localhost/path", "Invalid URL: localhost/path"],
      ["ftp://a", `The URL's protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"`],
      ["ws+unix:", "The URL's pathname is empty"],
      ["ws://a/b#c", "The URL contains a fragment identifier"],
    ])("refuses the URL %j", (url, message) => {
      expect(() => new api.WebSocket(url)).toThrow(new SyntaxError(message));
    });

    it.each([[["a", "a"]], ["a b"], [[""]], [null], [["a", 1]]])("refuses the subprotocols %j", (protocols) => {
      expect(() => new api.WebSocket("ws://127.0.0.1:1", protocols as string[])).toThrow(
        new SyntaxError("An invalid or duplicated subprotocol was specified"),
      );
    });

    it("refuses an unknown protocol version", () => {
      expect(() => new api.WebSocket("ws://127.0.0.1:1", { protocolVersion: 12 })).toThrow(
        new RangeError("Unsupported protocol version: 12 (supported versions: 8, 13)"),
      );
    });

    it("accepts options in place of subprotocols, and a URL object", async () => {
      const http = await startHttp();
      const upgrade = nextEvent<[IncomingMessage, Duplex]>(http, "upgrade");
      const client = new api.WebSocket(new URL(urlOf(http)), { headers: { "x-mark": "1" } });
      client.on("error", () => undefined);
      const [req, stream] = await upgrade;
      expect(req.headers["x-mark"]).toBe("1");
      stream.destroy();
    });

    it.each([
      ["http:", "ws:"],
      ["ws:", "ws:"],
    ])("takes a URL of scheme %s as %s", async (scheme, taken) => {
      const server = await startServer(api);
      const client = newClient(api, urlOf(server).replace("ws:", scheme));
      expect(client.url).toBe(urlOf(server).replace("ws:", taken));
      await nextEvent(client, "open");
    });
  });

  describe("its request", () => {
    it("is an opening handshake", async () => {
      const req = await requestOf({}, ["one", "two"]);
      expect([req.method, req.url, req.httpVersion]).toEqual(["GET", "/path?a=b", "1.1"]);
      expect(req.headers).toMatchObject({
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-protocol": "one,two",
      });
      expect(req.headers["sec-websocket-key"]).toMatch(/^[+/0-9A-Za-z]{22}==$/);
      expect(req.headers["sec-websocket-extensions"]).toBe(undefined);
    });

    it("carries headers, origin and authorization", async () => {
      const req = await requestOf({ headers: { Cookie: "a=b" }, origin: "https://example.org", auth: "user:secret" });
      expect(req.headers).toMatchObject({
        cookie: "a=b",
        origin: "https://example.org",
        authorization: `Basic ${Buffer.from("user:secret").toString("base64")}`,
      });
    });

    it("takes user and password from the URL first", async () => {
      const req = await requestOf({ auth: "x:y" }, [], (url) => url.replace("ws://", "ws://user:pw@"));
      expect(req.headers.authorization).toBe(`Basic ${Buffer.from("user:pw").toString("base64")}`);
    });

    it("speaks version 8 when asked to", async () => {
      const req = await requestOf({ protocolVersion: 8, origin: "https://example.org" });
      expect(req.headers).toMatchObject({
        "sec-websocket-version": "8",
        "sec-websocket-origin": "https://example.org",
      });
    });

    it("offers compression when asked to", async () => {
      const req = await requestOf({ perMessageDeflate: true });
      expect(req.headers["sec-websocket-extensions"]).toBe("permessage-deflate; client_max_window_bits");
    });

    it("can be finished later", async () => {
      const server = await startServer(api);
      let finish: (() => void) | undefined;
      const client = newClient(api, urlOf(server), [], {
        finishRequest: (req, socket) => {
          expect(socket).toBeInstanceOf(api.WebSocket);
          req.setHeader("x-late", "1");
          finish = () => req.end();
        },
      });
      const connection = nextEvent<[WebSocket, IncomingMessage]>(server, "connection");
      finish!();
      const [, req] = await connection;
      expect(req.headers["x-late"]).toBe("1");
      await nextEvent(client, "open");
    });

    it("goes over a given agent", async () => {
      const server = await startServer(api);
      const agent = new Agent();
      let uses = 0;
      const create = agent.createConnection.bind(agent);
      agent.createConnection = (options, callback) => {
        uses++;
        return create(options, callback);
      };
      await nextEvent(newClient(api, urlOf(server), [], { agent }), "open");
      expect(uses).toBe(1);
    });

    it("goes over a given stream", async () => {
      const server = await startServer(api);
      const { port } = server.address() as AddressInfo;
      const stream = connect(port, "127.0.0.1");
      const client = newClient(api, "ws://nowhere.invalid/", [], { createConnection: () => stream });
      await nextEvent(client, "open");
      expect(streamOf(client)).toBe(stream);
    });

    it("leaves from localAddress", async () => {
      const { request } = await openPair(api, { client: { localAddress: "127.0.0.2" } });
      expect(request.socket.remoteAddress).toBe("127.0.0.2");
    });

    it("goes to a Unix socket", async () => {
      const folder = mkdtempSync(join(tmpdir(), "websocket-"));
      afterwards(() => {
        rmSync(folder, { recursive: true });
        // Node finds modules by realpathSync(), which fails early if the last
        // file it saw was a socket.
        statSync(tmpdir());
      });
      const http = await startHttp();
      http.close();
      const server = new api.WebSocketServer({ server: http });
      http.listen(join(folder, "s"));
      await nextEvent(http, "listening");
      const connection = nextEvent<[WebSocket, IncomingMessage]>(server, "connection");
      const client = newClient(api, `ws+unix:${join(folder, "s")}:/path?a`);
      const [, req] = await connection;
      expect(req.url).toBe("/path?a");
      await nextEvent(client, "open");
    });
  });

  describe("the answer", () => {
    async function answered(
      answer: (req: IncomingMessage) => string,
      options: { protocols?: string[]; client?: ClientOptions } = {},
    ): Promise<WebSocket> {
      const http = await startHttp((req, stream) => stream.write(answer(req), "latin1"));
      return newClient(api, urlOf(http), options.protocols, options.client);
    }

    it("emits upgrade before open", async () => {
      const client = await answered((req) => answerTo(req, { "X-Mark": "1" }));
      const log: string[] = [];
      client.on("upgrade", (response) =>
        log.push(`upgrade ${String(response.headers["x-mark"])} ${client.readyState}`),
      );
      client.on("open", () => log.push(`open ${client.readyState}`));
      await nextEvent(client, "open");
      expect(log).toEqual(["upgrade 1 0", "open 1"]);
    });

    it.each<[string, Record<string, string>, string[], string]>([
      ["Invalid Upgrade header", { Upgrade: "other" }, [], "another protocol"],
      [
        "Invalid Sec-WebSocket-Accept header",
        { "Sec-WebSocket-Accept": "CxYS6+NgJSBG74mdgLvGscRvpns=" },
        [],
        "a wrong key",
      ],
      ["Server sent a subprotocol but none was requested", { "Sec-WebSocket-Protocol": "a" }, [], "a subprotocol"],
      ["Server sent an invalid subprotocol", { "Sec-WebSocket-Protocol": "b" }, ["a"], "another subprotocol"],
      ["Server sent no subprotocol", {}, ["a"], "no subprotocol"],
      [
        "Server sent a Sec-WebSocket-Extensions header but no extension was requested",
        { "Sec-WebSocket-Extensions": "permessage-deflate" },
        [],
        "an extension",
      ],
    ])("fails with %j", async (message, headers, protocols) => {
      const client = await answered((req) => answerTo(req, headers), { protocols });
      expect(await failure(client)).toEqual(failed(message));
    });

    it("fails with an extension that was not offered", async () => {
      const client = await answered((req) => answerTo(req, { "Sec-WebSocket-Extensions": "permessage-foo" }), {
        client: { perMessageDeflate: true },
      });
      expect(await failure(client)).toEqual(failed("Server indicated an extension that was not requested"));
    });

    it.each(["permessage-deflate; unknown", "permessage-deflate; server_max_window_bits=7", "bad="])(
      "fails with extensions %j",
      async (extensions) => {
        const client = await answered((req) => answerTo(req, { "Sec-WebSocket-Extensions": extensions }), {
          client: { perMessageDeflate: true },
        });
        expect(await failure(client)).toEqual(failed("Invalid Sec-WebSocket-Extensions header"));
      },
    );

    it("may arrive with frames, which are delivered after open", async () => {
      const client = await answered((req) => `${answerTo(req)}\x81\x01a\x81\x01b`);
      const log: string[] = [];
      client.on("open", () => log.push("open"));
      client.on("message", (data) => log.push(textOf(data)));
      client.on("close", () => log.push("close"));
      await nextEvent(client, "message");
      client.terminate();
      await nextEvent(client, "close");
      expect(log).toEqual(["open", "a", "b", "close"]);
    });

    it("may arrive with a close frame", async () => {
      const client = await answered((req) => `${answerTo(req)}\x88\x00`);
      const log: string[] = [];
      client.on("open", () => log.push("open"));
      client.on("close", (code) => log.push(`close ${code}`));
      await nextEvent(client, "open");
      streamOf(client).destroy();
      if (client.readyState !== 3) await nextEvent(client, "close");
      expect(log[0]).toBe("open");
    });

    it("is an error when it is not an upgrade", async () => {
      const http = await startHttp();
      http.on("request", (_req, res: ServerResponse) => res.writeHead(200).end("hello"));
      http.on("upgrade", (_req, stream: Duplex) => stream.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
      expect(await failure(newClient(api, urlOf(http)))).toEqual(failed("Unexpected server response: 403"));
    });

    it("is left to listeners of unexpected-response", async () => {
      const http = await startHttp((_req, stream) =>
        stream.end("HTTP/1.1 404 Not Found\r\nX-Mark: 1\r\nContent-Length: 3\r\n\r\nfoo"),
      );
      const client = newClient(api, urlOf(http));
      const [req, response] = await nextEvent<[ClientRequest, IncomingMessage]>(client, "unexpected-response");
      expect([response.statusCode, response.headers["x-mark"], req.getHeader("upgrade")]).toEqual([
        404,
        "1",
        "websocket",
      ]);
      let body = "";
      for await (const chunk of response) body += String(chunk);
      expect([body, client.readyState]).toEqual(["foo", 0]);
    });
  });

  describe("failing to connect", () => {
    it("reports the error of the network", async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await nextEvent(server, "listening");
      const url = urlOf(server);
      server.close();
      await nextEvent(server, "close");
      const client = newClient(api, url);
      expect(await nextEvent(client, "error")).toMatchObject([{ code: "ECONNREFUSED" }]);
      expect(client.readyState).toBe(3);
    });

    it.each(["close", "terminate"] as const)("happens on %s before open", async (verb) => {
      const server = await startServer(api);
      const client = newClient(api, urlOf(server));
      const events = failure(client);
      client[verb]();
      expect(client.readyState).toBe(2);
      expect(await events).toEqual(failed("WebSocket was closed before the connection was established"));
    });

    it("happens on close in the upgrade listener", async () => {
      const server = await startServer(api);
      const client = newClient(api, urlOf(server));
      client.on("upgrade", () => client.close());
      expect(await failure(client)).toEqual(failed("WebSocket was closed before the connection was established"));
    });

    it("happens after handshakeTimeout, even if the server sends something", async () => {
      const server = createServer((stream) => {
        stream.on("error", () => undefined);
        stream.write("HTTP/1.1 101 Switching");
        afterwards(() => stream.destroy());
      }).listen(0, "127.0.0.1");
      afterwards(() => server.close());
      await nextEvent(server, "listening");
      const client = newClient(api, urlOf(server), [], { handshakeTimeout: 50 });
      expect(await failure(client)).toEqual(failed("Opening handshake has timed out"));
    });
  });

  describe("redirections", () => {
    /** An HTTP server that redirects every upgrade to `location`, and records the requests. */
    async function redirecting(
      location: (path: string) => string,
    ): Promise<{ url: string; requests: IncomingMessage[] }> {
      const requests: IncomingMessage[] = [];
      const http = await startHttp((req, stream) => {
        requests.push(req);
        stream.end(`HTTP/1.1 302 Found\r\nLocation: ${location(req.url!)}\r\nContent-Length: 0\r\n\r\n`);
      });
      return { url: urlOf(http), requests };
    }

    it("are not followed by default", async () => {
      const { url } = await redirecting(() => "ws://127.0.0.1:1");
      expect(await failure(newClient(api, url))).toEqual(failed("Unexpected server response: 302"));
    });

    it("are followed when asked to", async () => {
      const server = await startServer(api);
      const { url } = await redirecting(() => urlOf(server, "/there"));
      const client = newClient(api, url, ["a"], { followRedirects: true });
      const redirects: string[] = [];
      client.on("redirect", (to) => redirects.push(to));
      const [, req] = await nextEvent<[WebSocket, IncomingMessage]>(server, "connection");
      await nextEvent(client, "open");
      expect(req.url).toBe("/there");
      expect([client.url, client.protocol]).toEqual([urlOf(server, "/there"), "a"]);
      expect(redirects).toEqual([urlOf(server, "/there")]);
    });

    it("are followed relative to the URL, up to maxRedirects", async () => {
      const { url, requests } = await redirecting((path) => `${path}x`);
      const client = newClient(api, url, [], { followRedirects: true, maxRedirects: 2 });
      expect(await failure(client)).toEqual(failed("Maximum redirects exceeded"));
      expect(requests.map((req) => req.url)).toEqual(["/", "/x", "/xx"]);
    });

    it.each([
      ["ws://", "Invalid URL: ws://"],
      ["bad://host", `The URL's protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"`],
    ])("to %s fail", async (location, message) => {
      const { url } = await redirecting(() => location);
      expect(await failure(newClient(api, url, [], { followRedirects: true }))).toEqual(failed(message));
    });

    const credentials = { auth: "user:pw", headers: { Cookie: "a=b", Host: "original", "X-Mark": "1" } };

    it("carry credentials to the same host", async () => {
      const requests: IncomingMessage[] = [];
      const http = await startHttp((req, stream) => {
        requests.push(req);
        stream.end("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
      });
      const options = { ...credentials, followRedirects: true, maxRedirects: 1 };
      await nextEvent(newClient(api, urlOf(http), [], options), "error");
      expect(requests).toHaveLength(2);
      expect(requests[1]!.headers).toMatchObject({ cookie: "a=b", host: "original", authorization: expect.anything() });
    });

    it("carry no credentials to another host", async () => {
      const server = await startServer(api);
      const { url } = await redirecting(() => urlOf(server));
      const client = newClient(api, url, [], { ...credentials, followRedirects: true });
      const [, { headers }] = await nextEvent<[WebSocket, IncomingMessage]>(server, "connection");
      await nextEvent(client, "open");
      expect([headers.cookie, headers.authorization, headers["x-mark"]]).toEqual([undefined, undefined, "1"]);
      expect(headers.host).not.toBe("original");
    });

    it("can be aborted in the redirect listener", async () => {
      const server = await startServer(api);
      const { url } = await redirecting(() => urlOf(server));
      const client = newClient(api, url, [], { followRedirects: true });
      client.on("redirect", () => client.terminate());
      expect(await failure(client)).toEqual(failed("WebSocket was closed before the connection was established"));
    });
  });

  describe("TLS", () => {
    async function startTls(): Promise<{ url: string }> {
      const https = createHttpsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY });
      const server = new api.WebSocketServer({ server: https });
      server.on("connection", (socket) => socket.send("secret"));
      https.listen(0, "127.0.0.1");
      afterwards(() => https.close());
      await nextEvent(https, "listening");
      return { url: urlOf(https).replace("ws:", "wss:") };
    }

    it("trusts the given authority", async () => {
      const { url } = await startTls();
      const client = newClient(api, url, [], { ca: TEST_CERTIFICATE });
      expect(await nextMessage(client)).toMatchObject({ data: Buffer.from("secret") });
    });

    it("does not trust other authorities", async () => {
      const { url } = await startTls();
      const client = newClient(api, url);
      expect(await nextEvent(client, "error")).toMatchObject([{ code: "DEPTH_ZERO_SELF_SIGNED_CERT" }]);
    });

    it("can do without trust", async () => {
      const { url } = await startTls();
      await nextEvent(newClient(api, url, [], { rejectUnauthorized: false }), "open");
    });

    it("closes in order", async () => {
      const { url } = await startTls();
      const client = newClient(api, url.replace("wss:", "https:"), [], {
        ca: TEST_CERTIFICATE,
        servername: "localhost",
      });
      await nextEvent(client, "open");
      client.close(3000, "end");
      expect(await ending(client)).toEqual([3000, "end"]);
    });
  });

  it("masks with the keys of generateMask", async () => {
    const keys: number[] = [];
    const { client, peer } = await openPair(api, {
      client: { generateMask: (key) => void keys.push(key.fill(7).length) },
    });
    const bytes = nextEvent<[Buffer]>(streamOf(peer), "data");
    client.send("hi");
    expect([...(await bytes)[0].subarray(0, 6)]).toEqual([0x81, 0x82, 7, 7, 7, 7]);
    expect(keys).toEqual([4]);
  });
});
