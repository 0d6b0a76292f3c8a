import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { Server as Engine } from "@portage/server/engine";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { Host } from "../../support/servers/host.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket, upgradeRequest } from "../../support/raw/websocket.ts";
import { turn, within } from "../../support/waiting.ts";
import { FakeClock } from "../../unit/support/fake-clock.ts";

// Open WebSockets that never take over a session are limited in number and in time.

const CANDIDATES = 1000;
const BOUND = 100;
const path = "/engine.io/";
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function start(options: object) {
  const clock = new FakeClock();
  const host = new Host(createServer());
  const engine = new Engine({ clock, ...options });
  engine.attach(host.http);
  await host.listen();
  ends.push(async () => {
    engine.close();
    host.http.close();
    clock.advance(1000);
    await host.drained();
  });
  return { clock, host, engine, port: host.port };
}

/** Opens WebSockets for a session; the client never answers a close frame. */
async function besiege(port: number, sid: string): Promise<RawWebSocket[]> {
  const opened: RawWebSocket[] = [];
  for (let batch = 0; batch < CANDIDATES; batch += 50) {
    const attempts = Array.from({ length: 50 }, () => RawWebSocket.connect({ port, path, sid, answersClose: false }));
    // A socket that is cut off may not even get its answer.
    for (const attempt of await Promise.allSettled(attempts)) {
      if (attempt.status === "fulfilled") opened.push(attempt.value);
    }
  }
  return opened;
}

async function atMost(host: Host, limit: number): Promise<void> {
  const signal = { isOver: false };
  const reached = (async () => {
    while (!signal.isOver && host.connections > limit) await turn();
  })();
  await within(reached, () => `${host.connections} connections to become ${limit}`).finally(
    () => (signal.isOver = true),
  );
}

test.each([
  ["while another is under way", {}],
  ["for a session that is a WebSocket already", {}],
  ["where another library makes the WebSockets", { wsEngine: WebSocketServer as never }],
])("candidates that are refused %s are few, and soon gone", async (when, options) => {
  const { clock, host, engine, port } = await start(options);
  let carrier: RawWebSocket;
  let sid: string;
  if (when.includes("already")) {
    carrier = await RawWebSocket.connect({ port, path });
    sid = JSON.parse(String(await carrier.next()).slice(1)).sid;
  } else {
    sid = (await RawPolling.open({ port, path })).sid;
    carrier = await RawWebSocket.connect({ port, path, sid });
  }
  const refused = await besiege(port, sid);
  await atMost(host, BOUND + 1);
  // The first ones get a close frame, and some time to answer it.
  expect(host.connections).toBe(BOUND + 1);
  expect(refused[0]?.frames.at(-1)?.opcode).toBe(8);
  expect(engine.report().upgrades.failed).toEqual({ candidate: CANDIDATES });
  clock.advance(5000);
  await atMost(host, 1);

  // The session knows nothing of it.
  expect(engine.clientsCount).toBe(1);
  if (!when.includes("already")) {
    carrier.send("2probe");
    await carrier.until((packet) => packet === "3probe");
  }
  for (const websocket of refused) websocket.cut();
});

describe("a connection is cut off if the peer does not end it", () => {
  const knock = async (port: number, query: string): Promise<Socket> => {
    const stream = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    ends.push(async () => void stream.destroy());
    stream.on("error", () => undefined);
    stream.write(upgradeRequest({ port, path }).replace(/GET [^ ]+/, `GET ${query}`));
    return stream;
  };

  test("when its WebSocket handshake is refused", async () => {
    const { host, port } = await start({});
    const stream = await knock(port, "/engine.io/?EIO=4&transport=websocket&sid=unknown");
    const [answer] = await once(stream, "data");
    expect(String(answer)).toMatch(/^HTTP\/1.1 400 /);
    await host.drained();
  });

  test("when a middleware has answered its WebSocket handshake", async () => {
    const { host, engine, port } = await start({});
    engine.use((_req, res) => void res.writeHead(401).end("who are you?"));
    const stream = await knock(port, "/engine.io/?EIO=4&transport=websocket");
    const [answer] = await once(stream, "data");
    expect(String(answer)).toMatch(/^HTTP\/1.1 401 /);
    await host.drained();
  });

  test("if its upgrade is not handled", async () => {
    const { clock, host, port } = await start({});
    const asked = once(host.http, "upgrade");
    const stream = await knock(port, "/other");
    await asked;
    clock.advance(1000);
    stream.resume();
    await once(stream, "end");
    await host.drained();
  });
});
