import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SocketHandOver } from "../../../../packages/cluster/src/workers/hand-over.ts";
import { type WorkerMessage, writeMessage } from "../../../../packages/cluster/src/workers/messages.ts";
import { Passing } from "../../../../packages/cluster/src/workers/passing.ts";
import { quiet } from "../../../../packages/cluster/src/workers/quiet-socket.ts";
import { nextEvent, turn, within } from "../../../support/waiting.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let server: Server;
let client: Socket;
let upgraded: { req: IncomingMessage; socket: Socket; head: Buffer };

/** A real handshake with bytes behind it, as the front gets it. */
beforeEach(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const upgrade = nextEvent<[IncomingMessage, Socket, Buffer]>(server, "upgrade");
  client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.write(
    "GET /path?x=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Two: 1\r\nx-two: 2\r\n\r\nhead",
  );
  const [req, socket, head] = await upgrade;
  upgraded = { req, socket, head };
});
afterEach(() => {
  client.destroy();
  upgraded.socket.destroy();
  server.close();
});

/** A worker whose messages stay here. */
function worker() {
  const clock = new FakeClock();
  const sent: { message: WorkerMessage; socket: Socket | undefined; done: (isSent: boolean) => void }[] = [];
  const handOver = new SocketHandOver({
    clock,
    send: (message, socket, done = () => {}) => void sent.push({ message, socket, done }),
  });
  const hear = (message: WorkerMessage, socket?: Socket): void => handOver.onMessage(writeMessage(message), socket);
  return { clock, sent, handOver, hear, names: () => sent.map(({ message }) => message.name) };
}

function front() {
  const made = worker();
  made.hear({ name: "primary" });
  const { req, socket, head } = upgraded;
  const end = made.handOver.handOver("abcd", req, socket, head);
  return { ...made, end, pass: made.sent.at(-1)?.message as WorkerMessage & { name: "pass" } };
}

const connections = (): Promise<number> =>
  new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));

describe("the front", () => {
  test("asks its primary, and passes sockets only once that has answered", () => {
    const { handOver, hear, names } = worker();
    expect(names()).toEqual(["hello"]);
    expect(handOver.canHandOver(upgraded.req, upgraded.socket)).toBe(false);
    hear({ name: "primary" });
    expect(handOver.canHandOver(upgraded.req, upgraded.socket)).toBe(true);
  });

  test.each<readonly [string, () => unknown]>([
    ["the socket of TLS", () => Object.assign(upgraded.socket, { encrypted: true })],
    ["a stream of another kind", () => ({})],
    ["a socket that has ended", () => upgraded.socket.destroy()],
    ["a socket with an answer under way", () => Object.defineProperty(upgraded.socket, "writableLength", { value: 1 })],
  ])("does not pass %s", (_what, make) => {
    const { handOver, hear } = worker();
    hear({ name: "primary" });
    expect(handOver.canHandOver(upgraded.req, make())).toBe(false);
  });

  test("sends the request with all bytes that it has read", async () => {
    const socket = upgraded.socket;
    socket.read(0);
    client.write(" and more");
    while (socket.readableLength === 0) await turn();
    const { pass } = front();
    const { head, ...request } = pass.request;
    expect(Buffer.from(head, "base64").toString()).toBe("head and more");
    expect(request).toEqual({
      method: "GET",
      url: "/path?x=1",
      httpVersion: "1.1",
      rawHeaders: ["Host", "a", "Connection", "Upgrade", "Upgrade", "websocket", "X-Two", "1", "x-two", "2"],
    });
  });

  test("taken: closes its copy, and the server no longer counts it nor waits for it", async () => {
    const { end, hear, pass, handOver } = front();
    expect(await connections()).toBe(1);
    hear({ name: "taken", id: pass.id, front: 1 });
    expect(await end).toBe("taken");
    expect(await connections()).toBe(0);
    expect(handOver.stats).toMatchObject({ taken: 1, missed: 0, lost: 0 });
    await within(new Promise((resolve) => server.close(resolve)), "the server to close");
  });

  test("missed: has the socket as before, with the bytes that had arrived", async () => {
    const { end, hear, pass, clock } = front();
    client.write("later");
    hear({ name: "missed", id: pass.id, front: 1 });
    expect(await end).toBe("missed");
    const [bytes] = await nextEvent<[Buffer]>(upgraded.socket, "data");
    expect(bytes.toString()).toBe("later");
    upgraded.socket.write("answer");
    const [answer] = await nextEvent<[Buffer]>(client, "data");
    expect(answer.toString()).toBe("answer");
    expect(clock.pending).toBe(0);
  });

  test("a message that does not leave is missed", async () => {
    const { end, sent } = front();
    sent.at(-1)?.done(false);
    expect(await end).toBe("missed");
    expect(upgraded.socket.destroyed).toBe(false);
  });

  test("no answer within a second: closes its copy, and later answers change nothing", async () => {
    const { end, hear, pass, clock, handOver } = front();
    clock.advance(999);
    expect(upgraded.socket.destroyed).toBe(false);
    clock.advance(1);
    expect(await end).toBe("lost");
    expect(upgraded.socket.destroyed).toBe(true);
    hear({ name: "taken", id: pass.id, front: 1 });
    expect(handOver.stats).toMatchObject({ taken: 0, missed: 0, lost: 1 });
  });
});

describe("the owner", () => {
  const request = {
    method: "GET",
    url: "/?a=b",
    httpVersion: "1.1",
    rawHeaders: ["Host", "a", "Cookie", "x=1"],
    head: "",
  };
  const take = { name: "take", id: 7, tag: "abcd", request, front: 2 } as const;

  test("gets the request over the socket", () => {
    const { handOver, hear, names } = worker();
    const taken: unknown[] = [];
    handOver.join("abcd", (req, socket, head) =>
      taken.push([req.url, req.headers, req.socket === socket, String(head)]),
    );
    hear({ ...take, request: { ...request, head: Buffer.from("bytes").toString("base64") } }, upgraded.socket);
    expect(names()).toEqual(["hello", "taken"]);
    expect(taken).toEqual([["/?a=b", { host: "a", cookie: "x=1" }, true, "bytes"]]);
  });

  test.each([
    ["without the node", "wxyz", true],
    ["without a socket, as the client is gone", "abcd", false],
  ])("misses it %s", (_what, tag, hasSocket) => {
    const { handOver, hear, names } = worker();
    handOver.join(tag, () => expect.unreachable());
    hear(take, hasSocket ? upgraded.socket : undefined);
    expect(names()).toEqual(["hello", "missed"]);
    expect(upgraded.socket.destroyed).toBe(hasSocket);
  });

  test("sends its tags to the primary, whichever comes first", () => {
    const { handOver, hear, sent } = worker();
    const leave = handOver.join("aaaa", () => {});
    hear({ name: "primary" });
    handOver.join("bbbb", () => {});
    leave();
    leave();
    expect(sent.map(({ message }) => ("tag" in message ? `${message.name} ${message.tag}` : message.name))).toEqual([
      "hello",
      "join aaaa",
      "join bbbb",
      "part aaaa",
    ]);
  });
});

describe("the primary", () => {
  function primary() {
    const sent: [number, WorkerMessage, Socket | undefined, ((isSent: boolean) => void) | undefined][] = [];
    const gone = new Set<number>();
    const passing = new Passing({
      send: (id, message, socket, done) => {
        if (!gone.has(id)) sent.push([id, message, socket, done]);
        return !gone.has(id);
      },
    });
    const request = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders: [], head: "" };
    const pass = (socket?: Socket): void => passing.onMessage(1, { name: "pass", id: 7, tag: "abcd", request }, socket);
    return { passing, sent, gone, pass, names: () => sent.map(([id, { name }]) => `${id} ${name}`) };
  }
  const missed = ["1 missed"];

  test("passes a socket to the owner of the tag, and the answer back", () => {
    const { passing, pass, sent, names } = primary();
    passing.onMessage(2, { name: "hello" }, undefined);
    passing.onMessage(2, { name: "join", tag: "abcd" }, undefined);
    pass(upgraded.socket);
    expect(sent.at(-1)?.slice(0, 3)).toMatchObject([2, { name: "take", id: 7, front: 1 }, upgraded.socket]);
    passing.onMessage(2, { name: "taken", id: 7, front: 1 }, undefined);
    expect(names()).toEqual(["2 primary", "2 take", "1 taken"]);
  });

  test("misses it if no worker has the tag, and closes its copy", () => {
    const { pass, names } = primary();
    pass(upgraded.socket);
    expect(names()).toEqual(missed);
    expect(upgraded.socket.destroyed).toBe(true);
  });

  test("misses it if the owner is gone, or the client", () => {
    const { passing, pass, gone, names } = primary();
    passing.tags.join("abcd", 2);
    pass();
    gone.add(2);
    pass(upgraded.socket);
    expect(names()).toEqual([...missed, ...missed]);
  });

  test("misses it if it does not leave", () => {
    const { passing, pass, sent, names } = primary();
    passing.tags.join("abcd", 2);
    pass(upgraded.socket);
    sent.at(-1)?.[3]?.(false);
    expect(names()).toEqual(["2 take", "1 missed"]);
    expect(upgraded.socket.destroyed).toBe(true);
  });

  test("closes the sockets in the queue for a worker that ends", () => {
    const { passing, pass } = primary();
    passing.tags.join("abcd", 2);
    pass(upgraded.socket);
    passing.onExit(2);
    expect(upgraded.socket.destroyed).toBe(true);
    expect(passing.tags.size).toBe(0);
  });

  test("does not close a socket that has left", () => {
    const { passing, pass, sent } = primary();
    passing.tags.join("abcd", 2);
    pass(upgraded.socket);
    sent.at(-1)?.[3]?.(true);
    passing.onExit(2);
    expect(upgraded.socket.destroyed).toBe(false);
  });
});

test("a quiet socket leaves what arrives in the kernel, until it is restored", async () => {
  const { socket } = upgraded;
  const stopped = quiet(socket);
  await new Promise<void>((resolve) => client.write("x", () => resolve()));
  for (let index = 0; index < 10; index += 1) await turn();
  expect(socket.readableLength).toBe(0);
  const data = nextEvent<[Buffer]>(socket, "data");
  socket.on("data", () => {});
  stopped?.restore();
  expect(String((await data)[0])).toBe("x");
});
