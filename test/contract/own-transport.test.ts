import { Server, type Socket as Session } from "@portage/server/engine";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { registerTransport } from "../../packages/server/src/engine/transports/registry.ts";
import { EventStreamPeer } from "../support/peers/event-stream.ts";
import { RawWebSocket } from "../support/raw/websocket.ts";
import { Host } from "../support/servers/host.ts";
import { nextEvent, within } from "../support/waiting.ts";
import { EVENT_STREAM } from "./event-stream.ts";

// An engine with a custom transport: one row in the registry, one name in the option `transports`.

let forget: () => void;
let host: Host;
let engine: Server;

beforeEach(async () => {
  forget = registerTransport(EVENT_STREAM);
  host = new Host();
  engine = new Server({ transports: ["polling", "websocket", "events"] as never }).attach(host.http);
  await host.listen();
});
afterEach(async () => {
  engine.close();
  await within(new Promise((resolve) => host.http.close(resolve)), "the HTTP server to close");
  forget();
});

async function open(): Promise<{ peer: EventStreamPeer; session: Session; handshake: { upgrades: string[] } }> {
  const connection = nextEvent<[Session]>(engine, "connection");
  const peer = new EventStreamPeer(host.port);
  const handshake = JSON.parse(String(await peer.next()).slice(1)) as { upgrades: string[] };
  return { peer, session: (await connection)[0], handshake };
}

describe("a transport that was registered", () => {
  test("opens sessions with messages in both directions, and with the upgrades of its row", async () => {
    const { peer, session, handshake } = await open();
    expect(handshake.upgrades).toEqual(["websocket"]);
    expect(session.transport.name).toBe("events");
    expect(engine.report().sessions.byTransport).toEqual({ events: 1 });
    const message = nextEvent(session, "message");
    await peer.send("4from the client");
    expect(await message).toEqual(["from the client"]);
    session.send("from the server\n");
    session.send(Buffer.from([1, 2, 3]));
    expect([await peer.next(), await peer.next()]).toEqual(["4from the server\n", Buffer.from([1, 2, 3])]);
  });

  test("ends with its session, and its session with it", async () => {
    const one = await open();
    one.session.close();
    expect(await one.peer.next()).toBe("end");
    const other = await open();
    const closed = nextEvent(other.session, "close");
    other.peer.cut();
    expect((await closed)[0]).toBe("transport close");
    expect(engine.clientsCount).toBe(0);
  });

  test("hands its session over to a WebSocket", async () => {
    const { peer, session } = await open();
    const socket = await RawWebSocket.connect({ port: host.port, path: "/engine.io/", sid: peer.sid });
    socket.send("2probe");
    expect(await socket.next()).toBe("3probe");
    const upgraded = nextEvent(session, "upgrade");
    socket.send("5");
    await upgraded;
    expect(session.transport.name).toBe("websocket");
    session.send("by WebSocket");
    expect(await socket.next()).toBe("4by WebSocket");
    socket.cut();
  });

  test("is unknown to an engine that does not offer it, and to all once it is forgotten", async () => {
    const other = new Server();
    expect(other.upgrades("events")).toEqual(["websocket"]);
    forget();
    expect(engine.upgrades("events")).toEqual([]);
    const refusal = nextEvent<[{ name: string }]>(other, "connection_error");
    other.attach(host.http, { path: "/other" });
    await fetch(`${host.url}/other/?EIO=4&transport=events`);
    expect((await refusal)[0].name).toBe("UNKNOWN_TRANSPORT");
    other.close();
  });
});
