import { createServer, request, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { WebSocket, WebSocketServer } from "@portage/websocket";
import { describe, expect, it } from "vitest";
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
  textOf,
  urlOf,
} from "./websocket-api.ts";

const HANDSHAKE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

describe.each(IMPLEMENTATIONS)("the server of %s", (_name, api) => {
  /** The HTTP response to a refused upgrade request. */
  async function refusal(
    server: { address(): unknown },
    headers: Record<string, string>,
    path = "/",
  ): Promise<{ status: number; headers: IncomingMessage["headers"]; body: string }> {
    const { port } = server.address() as AddressInfo;
    const req = request({ host: "127.0.0.1", port, path, headers });
    req.end();
    const [response] = await nextEvent<[IncomingMessage]>(req, "response");
    let body = "";
    response.on("data", (chunk) => (body += String(chunk)));
    await nextEvent(response, "end");
    return { status: response.statusCode!, headers: response.headers, body };
  }

  describe("its options", () => {
    it.each([[{}], [{ port: 0, noServer: true }], [{ noServer: true, server: createServer() }], [undefined as never]])(
      "refuses %o: it needs one of port, server and noServer",
      (options) => {
        expect(() => new api.WebSocketServer(options)).toThrow(
          'One and only one of the "port", "server", or "noServer" options must be specified',
        );
      },
    );

    it("calls back when it listens, and reports its address", async () => {
      let server: WebSocketServer | undefined;
      await new Promise<void>((resolve) => {
        server = new api.WebSocketServer({ port: 0, host: "127.0.0.1" }, resolve);
      });
      expect(server!.address()).toMatchObject({ address: "127.0.0.1", family: "IPv4" });
      server!.close();
      expect(server!.address()).toBe(null);
    });

    it("has no address without a server", () => {
      const server = new api.WebSocketServer({ noServer: true });
      expect(() => server.address()).toThrow('The server is operating in "noServer" mode');
    });

    it("emits the error of a port in use", async () => {
      const first = await startServer(api);
      const { port } = first.address() as AddressInfo;
      const second = new api.WebSocketServer({ port, host: "127.0.0.1" });
      expect(await nextEvent(second, "error")).toMatchObject([{ code: "EADDRINUSE" }]);
    });

    it("uses the given WebSocket class", async () => {
      class Own extends api.WebSocket {
        get mark(): string {
          return "own";
        }
      }
      const { peer } = await openPair(api, { server: { WebSocket: Own } });
      expect(peer).toBeInstanceOf(Own);
      expect((peer as Own).mark).toBe("own");
    });
  });

  describe("connections", () => {
    it("passes the socket and the request", async () => {
      const { peer, request, client } = await openPair(api, { client: { headers: { "x-mark": "1" } } });
      expect(peer).toBeInstanceOf(api.WebSocket);
      expect(request.headers["x-mark"]).toBe("1");
      expect([peer.url ?? "", peer.readyState]).toEqual(["", 1]);
      expect(client.readyState).toBe(1);
    });

    it("lists the open ones in clients", async () => {
      const { server, peer, client } = await openPair(api);
      expect([...server.clients]).toEqual([peer]);
      client.close();
      await nextEvent(peer, "close");
      expect(server.clients.size).toBe(0);
    });

    it("lists none without clientTracking", async () => {
      const { server } = await openPair(api, { server: { clientTracking: false } });
      expect(server.clients).toBe(undefined);
    });

    it("sends in the connection listener, before the client has opened", async () => {
      const server = await startServer(api);
      server.on("connection", (socket) => {
        socket.send("1");
        socket.send("2");
      });
      const client = newClient(api, urlOf(server));
      const log: string[] = [];
      client.on("open", () => log.push("open"));
      client.on("message", (data) => log.push(textOf(data)));
      client.on("close", () => log.push("close"));
      await nextEvent(client, "message");
      client.close();
      await nextEvent(client, "close");
      expect(log).toEqual(["open", "1", "2", "close"]);
    });

    it("lets listeners of headers change the answer", async () => {
      const server = await startServer(api);
      const seen: string[] = [];
      server.on("headers", (lines, request) => {
        seen.push(lines[0]!, request.url!);
        lines.push("Set-Cookie: a=b");
      });
      const client = newClient(api, urlOf(server, "/x"));
      const [response] = await nextEvent<[IncomingMessage]>(client, "upgrade");
      expect(response.headers["set-cookie"]).toEqual(["a=b"]);
      expect(seen).toEqual(["HTTP/1.1 101 Switching Protocols", "/x"]);
    });
  });

  describe("subprotocols", () => {
    it("chooses the first by default", async () => {
      const { client, peer } = await openPair(api, { protocols: ["one", "two"] });
      expect([client.protocol, peer.protocol]).toEqual(["one", "one"]);
    });

    it("lets handleProtocols choose", async () => {
      const calls: unknown[] = [];
      const { client } = await openPair(api, {
        protocols: ["one", "two"],
        server: {
          handleProtocols: (protocols, req) => {
            calls.push([...protocols], req.url);
            return "two";
          },
        },
      });
      expect(client.protocol).toBe("two");
      expect(calls).toEqual([["one", "two"], "/"]);
    });

    it("does not ask handleProtocols when none was offered", async () => {
      const { client } = await openPair(api, { server: { handleProtocols: () => "none" } });
      expect(client.protocol).toBe("");
    });
  });

  describe("verifyClient", () => {
    it("accepts, and refuses with 401", async () => {
      const infos: unknown[] = [];
      const server = await startServer(api, {
        verifyClient: ({ origin, secure, req }) => {
          infos.push([origin, secure, req.url]);
          return req.url === "/yes";
        },
      });
      await nextEvent(newClient(api, urlOf(server, "/yes"), [], { origin: "http://a" }), "open");
      const refused = newClient(api, urlOf(server, "/no"));
      expect(await nextEvent(refused, "error")).toMatchObject([{ message: "Unexpected server response: 401" }]);
      expect(infos).toEqual([
        ["http://a", false, "/yes"],
        [undefined, false, "/no"],
      ]);
    });

    it("answers by its callback when it has two parameters", async () => {
      const server = await startServer(api, {
        verifyClient: ({ req }, callback) => {
          setImmediate(() => callback(req.url === "/yes", 404, "gone", { "Retry-After": "120" }));
        },
      });
      await nextEvent(newClient(api, urlOf(server, "/yes")), "open");
      const { status, headers, body } = await refusal(server, HANDSHAKE, "/no");
      expect([status, headers["retry-after"], body]).toEqual([404, "120", "gone"]);
    });

    it("is 401 when the callback gives no status", async () => {
      const server = await startServer(api, { verifyClient: (_info, callback) => callback(false) });
      const { status, body } = await refusal(server, HANDSHAKE);
      expect([status, body]).toEqual([401, "Unauthorized"]);
    });

    it("does not connect a client that disconnected meanwhile", async () => {
      let isConnected = false;
      const server = await startServer(api, {
        verifyClient: ({ req }, callback) => {
          req.socket.destroy();
          req.socket.once("close", () => callback(true));
        },
      });
      server.on("connection", () => (isConnected = true));
      expect(await nextEvent(newClient(api, urlOf(server)), "error")).toMatchObject([{ code: "ECONNRESET" }]);
      expect(isConnected).toBe(false);
    });
  });

  describe("refused requests", () => {
    it("answers plain requests with 426", async () => {
      const server = await startServer(api);
      expect(await refusal(server, {})).toMatchObject({ status: 426, body: "Upgrade Required" });
    });

    it.each([
      ["a wrong Upgrade header", { Upgrade: "foo" }],
      ["a key of the wrong length", { "Sec-WebSocket-Key": "P5l8BJcZwRc=" }],
      ["an empty subprotocol", { "Sec-WebSocket-Protocol": "a,,b" }],
      ["a subprotocol twice", { "Sec-WebSocket-Protocol": "a, a" }],
    ])("answers %s with 400", async (_what, headers) => {
      const server = await startServer(api);
      expect(await refusal(server, { ...HANDSHAKE, ...headers })).toMatchObject({ status: 400 });
    });

    it("names the supported version", async () => {
      const server = await startServer(api);
      const { headers } = await refusal(server, { ...HANDSHAKE, "Sec-WebSocket-Version": "12" });
      expect(headers["sec-websocket-version"]).toContain("13");
    });

    it("answers malformed extensions with 400 when it supports an extension", async () => {
      const server = await startServer(api, { perMessageDeflate: true });
      const headers = { ...HANDSHAKE, "Sec-WebSocket-Extensions": "permessage-deflate; =" };
      expect(await refusal(server, headers)).toMatchObject({ status: 400 });
    });

    it("leaves the answer to listeners of wsClientError", async () => {
      const server = await startServer(api);
      server.on("wsClientError", (error, stream, req) => {
        expect(error).toBeInstanceOf(Error);
        stream.end(`HTTP/1.1 418 Teapot\r\nX-Path: ${req.url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      });
      const { status, headers } = await refusal(server, { ...HANDSHAKE, "Sec-WebSocket-Key": "short" }, "/p");
      expect([status, headers["x-path"]]).toEqual([418, "/p"]);
    });
  });

  describe("on an HTTP server", () => {
    it("accepts its upgrades, and emits listening", async () => {
      const http = createServer();
      const server = new api.WebSocketServer({ server: http });
      afterwards(() => http.close());
      http.listen(0, "127.0.0.1");
      await nextEvent(server, "listening");
      expect(server.address()).toEqual(http.address());
      const client = newClient(api, urlOf(http));
      await nextEvent(client, "open");
      client.terminate();
    });

    it("accepts only requests for its path", async () => {
      const http = await startHttp();
      const server = new api.WebSocketServer({ server: http, path: "/chat" });
      await nextEvent(newClient(api, urlOf(http, "/chat?a=b")), "open");
      const other = newClient(api, urlOf(http, "/chats"));
      expect(await nextEvent(other, "error")).toMatchObject([{ message: "Unexpected server response: 400" }]);
      expect(server.shouldHandle({ url: "/chat" } as IncomingMessage)).toBe(true);
      expect(server.shouldHandle({ url: "/" } as IncomingMessage)).toBe(false);
    });

    it("accepts by an overridden shouldHandle", async () => {
      const http = await startHttp();
      class Choosy extends api.WebSocketServer {
        override shouldHandle(req: IncomingMessage): boolean {
          return req.headers["x-let-me-in"] === "yes";
        }
      }
      const server = new Choosy({ server: http });
      expect(server.options.server).toBe(http);
      await nextEvent(newClient(api, urlOf(http), [], { headers: { "x-let-me-in": "yes" } }), "open");
      expect(await nextEvent(newClient(api, urlOf(http)), "error")).toMatchObject([
        { message: "Unexpected server response: 400" },
      ]);
    });

    it("leaves the HTTP server alone when it closes", async () => {
      const http = await startHttp();
      const server = new api.WebSocketServer({ server: http });
      server.close();
      await nextEvent(server, "close");
      expect(http.listening).toBe(true);
      expect([http.listenerCount("upgrade"), http.listenerCount("error")]).toEqual([0, 0]);
    });
  });

  describe("handleUpgrade", () => {
    it("connects a request that another server received", async () => {
      const server = new api.WebSocketServer({ noServer: true });
      const http = await startHttp((req, stream, head) =>
        server.handleUpgrade(req, stream, head, (socket, sameReq) => {
          expect(sameReq).toBe(req);
          socket.send("hello");
        }),
      );
      const client = newClient(api, urlOf(http));
      expect(await nextMessage(client)).toMatchObject({ data: Buffer.from("hello") });
    });

    it("does not emit connection itself", async () => {
      const server = new api.WebSocketServer({ noServer: true });
      server.on("connection", () => expect.unreachable());
      const http = await startHttp((req, stream, head) => server.handleUpgrade(req, stream, head, () => undefined));
      await nextEvent(newClient(api, urlOf(http)), "open");
    });

    it("throws for a stream that already is a WebSocket", async () => {
      const server = new api.WebSocketServer({ noServer: true });
      const failure = new Promise<unknown>((resolve) => {
        void startHttp((req: IncomingMessage, stream: Duplex, head: Buffer) => {
          server.handleUpgrade(req, stream, head, () => undefined);
          try {
            server.handleUpgrade(req, stream, head, () => undefined);
          } catch (error) {
            resolve(error);
          }
        }).then((http) => newClient(api, urlOf(http)));
      });
      expect(String(await failure)).toContain("handleUpgrade() was called more than once with the same socket");
    });

    it("reads frames sent together with the request", async () => {
      const server = new api.WebSocketServer({ noServer: true });
      const message = new Promise((resolve) => {
        const onConnected = (socket: WebSocket): void => void socket.on("message", (data) => resolve(textOf(data)));
        void startHttp((req, stream, _head) => {
          const early = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
          server.handleUpgrade(req, stream, early, onConnected);
        }).then((http) => newClient(api, urlOf(http)));
      });
      expect(await message).toBe("hi");
    });
  });

  describe("close", () => {
    it("leaves connections open, accepts no new ones, and ends with the last", async () => {
      const { server, client, peer } = await openPair(api);
      const url = urlOf(server);
      let isClosed = false;
      server.close(() => (isClosed = true));
      expect(await nextEvent(newClient(api, url), "error")).toMatchObject([{ code: "ECONNREFUSED" }]);
      client.send("still");
      await nextMessage(peer);
      expect(isClosed).toBe(false);
      client.close();
      await nextEvent(server, "close");
      expect(isClosed).toBe(true);
    });

    it("answers 503 to requests through handleUpgrade", async () => {
      const server = new api.WebSocketServer({ noServer: true });
      const http = await startHttp((req, stream, head) => server.handleUpgrade(req, stream, head, () => undefined));
      server.close();
      await nextEvent(server, "close");
      const refused = newClient(api, urlOf(http));
      expect(await nextEvent(refused, "error")).toMatchObject([{ message: "Unexpected server response: 503" }]);
    });

    it("passes an error to a second caller", async () => {
      const server = await startServer(api);
      await new Promise((resolve) => server.close(resolve));
      const error = await new Promise((resolve) => server.close(resolve));
      expect(error).toMatchObject({ message: "The server is not running" });
    });

    it("waits for clients without a server of its own", async () => {
      const server = new api.WebSocketServer({ noServer: true });
      const http = await startHttp((req, stream, head) => server.handleUpgrade(req, stream, head, () => undefined));
      const client = newClient(api, urlOf(http));
      await nextEvent(client, "open");
      const log: string[] = [];
      server.close(() => log.push("server"));
      client.on("close", () => log.push("client"));
      client.close(1000, "done");
      expect(await ending(client)).toEqual([1000, "done"]);
      if (!log.includes("server")) await nextEvent(server, "close");
      expect(log.sort()).toEqual(["client", "server"]);
    });
  });
});
