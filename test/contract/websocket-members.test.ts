import { once } from "node:events";
import { connect } from "node:net";
import * as own from "@portage/websocket";
import type { WebSocket, WebSocketServer } from "@portage/websocket";
import * as reference from "ws";
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

/** How a program may wrap an object of a library. */
const WRAPPINGS: [name: string, wrap: <T extends object>(object: T) => T][] = [
  [
    "a Proxy that forwards",
    (object) => new Proxy(object, { get: (target, key, self) => Reflect.get(target, key, self) }),
  ],
  ["a Proxy without traps", (object) => new Proxy(object, {})],
  ["Object.create", (object) => Object.create(object) as typeof object],
];

const reading = (object: object, name: string): unknown => Reflect.get(object, name);

describe.each(IMPLEMENTATIONS)("%s", (_name, api) => {
  describe.each(WRAPPINGS)("wrapped by %s", (_wrapping, wrap) => {
    it("a socket works as before", async () => {
      const { client, peer } = await openPair(api);
      const [wrappedClient, wrappedPeer] = [wrap(client), wrap(peer)];
      const message = nextMessage(peer);
      wrappedClient.send("hello", { binary: false }, () => undefined);
      expect(textOf((await message).data)).toBe("hello");
      const echoed = new Promise<unknown>((resolve) => (wrappedClient.onmessage = ({ data }) => resolve(data)));
      wrappedPeer.addEventListener("close", () => undefined);
      wrappedPeer.send("back");
      expect(await echoed).toBe("back");
      const pong = nextEvent(client, "pong");
      wrappedClient.ping("x");
      await pong;
      wrappedClient.binaryType = "arraybuffer";
      expect(wrappedClient.binaryType).toBe("arraybuffer");
      wrappedClient.pause();
      expect(wrappedClient.isPaused).toBe(true);
      wrappedClient.resume();
      expect([wrappedClient.readyState, wrappedClient.bufferedAmount, wrappedPeer.extensions]).toEqual([1, 0, ""]);
      const ended = ending(peer);
      wrappedClient.close(1000, "enough");
      expect(await ended).toEqual([1000, "enough"]);
    });

    it("a server works as before", async () => {
      const http = await startHttp();
      const wss = new api.WebSocketServer({ noServer: true, path: "/a" });
      const wrapped = wrap(wss);
      http.on("upgrade", (request, stream, head) => {
        wrapped.handleUpgrade(request, stream, head, (socket) => wrapped.emit("connection", socket, request));
      });
      const connection = nextEvent<[WebSocket]>(wss, "connection");
      const client = newClient(api, urlOf(http, "/a"));
      const [socket] = await connection;
      expect(wrapped.clients.has(socket)).toBe(true);
      const closed = nextEvent(wss, "close");
      wrapped.close();
      client.close();
      await closed;
    });

    it("a server of its own works as before", async () => {
      const wss = await startServer(api);
      const wrapped = wrap(wss);
      expect(wrapped.address()).toEqual(wss.address());
      const closed = nextEvent(wss, "close");
      wrapped.close();
      await closed;
      expect(() => wrapped.close()).not.toThrow();
    });

    it("a stream of a socket works as before", async () => {
      const { client, peer } = await openPair(api);
      const stream = wrap(api.createWebSocketStream(client, { encoding: "utf8" }));
      const message = nextMessage(peer);
      stream.write("written");
      expect(textOf((await message).data)).toBe("written");
      const data = nextEvent<[string]>(stream, "data");
      peer.send("read");
      expect(await data).toEqual(["read"]);
    });
  });

  it("a name that a program gives a socket or a server is the program's own", async () => {
    const { server, client, peer } = await openPair(api);
    const names = [
      "id",
      "user",
      "isAlive",
      "data",
      "state",
      "endpoint",
      "link",
      "role",
      "deflate",
      "path",
      "ready",
      "x",
    ];
    for (const object of [server, client, peer]) {
      for (const name of names) {
        expect(reading(object, name), name).toBeUndefined();
        Reflect.set(object, name, `own ${name}`);
        expect(reading(object, name), name).toBe(`own ${name}`);
      }
    }
    const message = nextMessage(peer);
    client.send("still here");
    expect(textOf((await message).data)).toBe("still here");
  });

  it("values assigned to members that `ws` can assign are read back, and the socket still works", async () => {
    const { server, client, peer } = await openPair(api);
    const calls: unknown[] = [];
    const send = client.send.bind(client);
    client.send = (data: never, ...rest: never[]) => {
      calls.push(data);
      send(data, ...rest);
    };
    const message = nextMessage(peer);
    client.send("through mine", () => undefined);
    client.ping(() => undefined);
    expect(textOf((await message).data)).toBe("through mine");
    expect(calls).toEqual(["through mine"]);
    const shouldHandle = server.shouldHandle.bind(server);
    server.shouldHandle = (request) => request.url !== "/no" && shouldHandle(request);
    server.path = "/assigned";
    expect(server.path).toBe("/assigned");
    const refused = nextEvent<[Error]>(newClient(api, urlOf(server, "/no")), "error");
    expect((await refused)[0].message).toBe("Unexpected server response: 400");
  });

  it("keeps its own options, with the defaults filled in", async () => {
    const given = { port: 0, host: "127.0.0.1" };
    const server = await startServer(api, given);
    expect(given).toEqual({ port: 0, host: "127.0.0.1" });
    expect(server.options).not.toBe(given);
    expect(server.options).toMatchObject({
      port: 0,
      host: "127.0.0.1",
      maxPayload: 104_857_600,
      maxFragments: 16_384,
      maxBufferedChunks: 262_144,
      maxPendingAutoPongs: 60,
      closeTimeout: 30_000,
      allowSynchronousEvents: true,
      autoPong: true,
      skipUTF8Validation: false,
      perMessageDeflate: false,
      handleProtocols: null,
      clientTracking: true,
      verifyClient: null,
      noServer: false,
      backlog: null,
      server: null,
      path: null,
    });
    expect(server.options.WebSocket).toBe(api.WebSocket);
    expect(new api.WebSocketServer({ noServer: true, perMessageDeflate: true }).options.perMessageDeflate).toEqual({});
  });

  it("an option changed later applies to later connections", async () => {
    const server = await startServer(api);
    server.options.maxPayload = 3;
    server.options.path = "/b";
    server.options.handleProtocols = () => "second";
    server.options.verifyClient = ({ req }) => req.headers["x"] === "y";
    const outcome = async (path: string, headers = {}) => {
      const client = newClient(api, urlOf(server, path), ["first", "second"], { headers });
      return new Promise<WebSocket | string>((resolve) => {
        client.on("open", () => resolve(client)).on("error", ({ message }) => resolve(message));
      });
    };
    expect(await outcome("/")).toBe("Unexpected server response: 400");
    expect(await outcome("/b")).toBe("Unexpected server response: 401");
    const client = (await outcome("/b", { x: "y" })) as WebSocket;
    expect(client.protocol).toBe("second");
    const ended = ending(client);
    for (const peer of server.clients) peer.on("error", () => undefined);
    client.send("four");
    expect((await ended)[0]).toBe(1009);
  });

  it("has the HTTP server in _server until it closes", async () => {
    const server = await startServer(api);
    expect((reading(server, "_server") as { listening: boolean }).listening).toBe(true);
    const http = await startHttp();
    const second = new api.WebSocketServer({ server: http });
    expect(reading(second, "_server")).toBe(http);
    expect(reading(new api.WebSocketServer({ noServer: true }), "_server")).toBeUndefined();
    second.close();
    expect(reading(second, "_server")).toBeNull();
  });

  it("has the stream in _socket from the opening on, also in the listeners of close and error", async () => {
    const { client, peer } = await openPair(api);
    const { remoteAddress } = peer._socket;
    expect(remoteAddress).toBe("127.0.0.1");
    const seen: unknown[] = [];
    peer.on("error", () => seen.push(["error", peer._socket.remotePort]));
    peer.on("close", () => seen.push(["close", peer._socket instanceof Object]));
    const { remotePort } = peer._socket;
    const ended = ending(peer);
    client._socket.write(Buffer.from([0xff, 0xff]));
    client._socket.end();
    await ended;
    expect(seen).toEqual([
      ["error", remotePort],
      ["close", true],
    ]);
    expect(newClient(api, urlOf({ address: () => ({ port: 9 }) }))._socket).toBeNull();
  });

  it.each([[1005], [1006], [999], ["no code"], [1000, "x".repeat(124)], [1000, { no: "text" }]])(
    "close(%j) is silent where the socket is not open",
    async (...given) => {
      const { client, peer } = await openPair(api);
      const close = (socket: WebSocket): unknown => Reflect.apply(socket.close.bind(socket), socket, given);
      const thrown: unknown[] = [];
      client.on("close", () => {
        try {
          close(client);
        } catch (error) {
          thrown.push(error);
        }
      });
      const ended = ending(client);
      client.close(1000);
      close(client);
      await ended;
      close(client);
      close(peer);
      expect(thrown).toEqual([]);
      const connecting = newClient(api, urlOf({ address: () => ({ port: 9 }) }));
      const failed = nextEvent<[Error]>(connecting, "error");
      close(connecting);
      expect((await failed)[0].message).toBe("WebSocket was closed before the connection was established");
    },
  );

  it("setSocket accepts a stream after a handshake by other code", async () => {
    const http = await startHttp();
    const server = new api.WebSocketServer({ server: http });
    const connection = nextEvent<[WebSocket]>(server, "connection");
    const stream = connect(Number(new URL(urlOf(http)).port), "127.0.0.1");
    afterwards(() => stream.destroy());
    stream.write(
      "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    const [peer] = await connection;
    await once(stream, "data");
    const socket = new api.WebSocket(null, undefined, {});
    Reflect.set(socket, "_isServer", false);
    const opened = nextEvent(socket, "open");
    socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 0 });
    await opened;
    const message = nextMessage(peer);
    socket.send("masked");
    expect(textOf((await message).data)).toBe("masked");
    const ended = ending(socket);
    peer.close(1001, "bye");
    expect(await ended).toEqual([1001, "bye"]);
  });

  it("a subclass sees open on the server's side, and its setSocket and completeUpgrade are called", async () => {
    const seen: string[] = [];
    class Socket extends api.WebSocket {
      override setSocket(...given: Parameters<WebSocket["setSocket"]>): void {
        seen.push("setSocket");
        this.on("open", () => seen.push("open"));
        super.setSocket(...given);
      }
    }
    class Server extends api.WebSocketServer {
      override completeUpgrade(...given: Parameters<WebSocketServer["completeUpgrade"]>): void {
        seen.push("completeUpgrade");
        super.completeUpgrade(...given);
      }
    }
    const http = await startHttp();
    const server = new Server({ server: http, WebSocket: Socket });
    server.on("connection", () => seen.push("connection"));
    await nextEvent(newClient(api, urlOf(http)), "open");
    expect(seen).toEqual(["completeUpgrade", "setSocket", "open", "connection"]);
  });
});

/** Names of `ws` that we lack, and why. */
const MISSING: Record<string, string> = {
  _autoPongComplete: "a closure of its own for automatic pongs",
  _maxPendingAutoPongs: "one pong waits, whatever the number",
  _pendingAutoPongs: "the same",
  _originalHostOrSocketPath: "a note for redirections, set by them",
  _originalIpc: "the same",
  _originalSecure: "the same",
};
/** Our names that `ws` lacks, and why. */
const ADDED: Record<string, string> = {
  sendFrame: "sends a frame that was made for many sockets",
  handleConnect: "opens a WebSocket over HTTP/2",
};

function namesOf(object: object): Set<string> {
  const names = new Set<string>();
  for (
    let at: object | null = object;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object
  ) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  return names;
}

describe("members", () => {
  it("match ws", async () => {
    const [ours, theirs] = [own, reference as unknown as typeof own].map((api) => openPair(api));
    const [{ client, peer, server }, other] = [await ours!, await theirs!];
    const pairs: [string, object, object][] = [
      ["client", client, other.client],
      ["server's socket", peer, other.peer],
      ["server", server, other.server],
      ["class WebSocket", own.WebSocket, Reflect.get(reference, "WebSocket") as object],
    ];
    for (const [what, mine, its] of pairs) {
      const statics = what.startsWith("class")
        ? Object.keys(its).filter((name) => /^[A-Z]+$/.test(name))
        : [...namesOf(its)];
      const lacking = statics.filter((name) => !(name in mine) && !(name in MISSING));
      expect(lacking, what).toEqual([]);
      if (what.startsWith("class")) continue;
      const known = (name: string): boolean => name in its || name in other.client || name in ADDED;
      const added = [...namesOf(mine)].filter((name) => !known(name));
      expect(added, what).toEqual([]);
    }
  });

  it("are readable and assignable as in ws", async () => {
    const [ours, theirs] = [await openPair(own), await openPair(reference as unknown as typeof own)];
    const assigned = (object: object, name: string): unknown => {
      const value = reading(object, name);
      return [typeof value === "undefined", Reflect.set(object, name, value), reading(object, name) === undefined];
    };
    for (const part of ["client", "peer", "server"] as const) {
      for (const name of namesOf(theirs[part])) {
        // A server's socket has an empty URL here, and undefined in `ws`.
        if (name in MISSING || name === "constructor" || (part === "peer" && name === "url")) continue;
        expect(assigned(ours[part], name), `${part}.${name}`).toEqual(assigned(theirs[part], name));
      }
    }
    const message = nextMessage(ours.peer);
    ours.client.send("unharmed");
    expect(textOf((await message).data)).toBe("unharmed");
  });

  it("the sender and the receiver serve other libraries", async () => {
    const { client, peer } = await openPair(own);
    const sender = reading(peer, "_sender") as { sendFrame(list: Buffer[], done: () => void): void };
    const message = nextMessage(client);
    const frame = own.frameText("made before");
    await new Promise<void>((resolve) => sender.sendFrame([frame.subarray(0, 2), frame.subarray(2)], resolve));
    expect(textOf((await message).data)).toBe("made before");
    expect(reading(sender, "_bufferedBytes")).toBe(0);
    Reflect.set(reading(client, "_receiver") as object, "_binaryType", "arraybuffer");
    expect(client.binaryType).toBe("arraybuffer");
  });
});
