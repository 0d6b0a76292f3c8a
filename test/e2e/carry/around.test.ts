/*
 * What else a program uses, while a session is carried or adrift.
 */
import { afterEach, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { Ferry, type FerryOptions } from "./ferry.ts";
import { nextEvent, within } from "../../support/waiting.ts";

let ferry: Ferry;
afterEach(() => ferry.stop());

const start = async (options?: FerryOptions): Promise<Ferry> =>
  (ferry = await (await Ferry.launch(options)).connected());

/** The client returns to a server that has noticed. */
async function carry(): Promise<void> {
  ferry.cut();
  await ferry.carried();
}

const disconnects = (): string[] => ferry.events.filter((event) => !/^\w+ to \w+$/.test(event));

test("a namespace goes on, and volatile events of a session adrift are dropped", async () => {
  await start({ namespace: "/chat" });
  await ferry.upgraded();
  const { socket, client } = ferry;
  const { id } = client;
  const received: unknown[] = [];
  client.onAny((...event: unknown[]) => received.push(event));
  ferry.cut();
  await ferry.adrift();
  socket.volatile.emit("volatile");
  socket.emit("kept", 1);
  ferry.io.of("/chat").emit("kept", 2);
  client.on("asked", (answer: (text: string) => void) => answer("answer"));
  expect(await socket.emitWithAck("asked")).toBe("answer");
  expect(received).toEqual([
    ["kept", 1],
    ["kept", 2],
    ["asked", expect.any(Function)],
  ]);
  expect([client.id, client.connected, disconnects()]).toEqual([id, true, []]);
});

test("a WebSocket of the wsEngine ws is carried", async () => {
  await start({ server: { wsEngine: WebSocketServer as never }, client: { transports: ["websocket"] } });
  await carry();
  ferry.client.on("asked", (answer: (text: string) => void) => answer("answer"));
  expect(await ferry.socket.emitWithAck("asked")).toBe("answer");
  expect(ferry.events).toEqual(["websocket to websocket"]);
});

describe("with connection state recovery", () => {
  const recovery = { connectionStateRecovery: {}, carry: { window: 200 } };

  test("a session that returns is not a recovered one", async () => {
    await start({ server: recovery });
    await ferry.upgraded();
    const { id } = ferry.client;
    await carry();
    const answer = nextEvent<[number]>(ferry.client, "news");
    ferry.socket.emit("news", 1);
    expect((await answer)[0]).toBe(1);
    expect([ferry.client.id, ferry.client.recovered, disconnects()]).toEqual([id, false, []]);
  });

  test("a client returning after the window is recovered", async () => {
    await start({ server: recovery, client: { transports: ["websocket"] } });
    ferry.socket.emit("news", 0);
    await nextEvent(ferry.client, "news");
    const gone = nextEvent(ferry.socket, "disconnect");
    ferry.block();
    await gone;
    ferry.io.emit("news", 1);
    const news = nextEvent<[number]>(ferry.client, "news");
    ferry.open();
    expect((await news)[0]).toBe(1);
    expect(ferry.client.recovered).toBe(true);
  });
});

test("both ends report the first reason once the window is over", async () => {
  await start({ server: { carry: { window: 100 } }, client: { reconnection: false } });
  await ferry.upgraded();
  const ends = Promise.all([nextEvent(ferry.socket, "disconnect"), nextEvent(ferry.client as never, "disconnect")]);
  ferry.block();
  const [[atServer], [atClient]] = await ends;
  expect([atServer, atClient]).toEqual(["transport close", "transport close"]);
  expect(ferry.socket.closeReason?.code).toBe("CONNECTION_FAILED");
  expect(ferry.io.stats().sessions).toMatchObject({ open: 0, adrift: 0 });
});

describe("a session adrift", () => {
  test("ends at the hard limit of slow readers", async () => {
    await start({ server: { slowReader: { soft: 1000, hard: 10_000 } }, client: { reconnection: false } });
    await ferry.upgraded();
    ferry.block();
    await ferry.adrift();
    const gone = nextEvent(ferry.socket, "disconnect");
    const send = (): void => {
      if (!ferry.socket.connected) return;
      ferry.socket.emit("news", "x".repeat(1000));
      setImmediate(send);
    };
    send();
    await gone;
    expect(ferry.socket.closeReason?.code).toBe("SLOW_READER");
    expect(ferry.io.stats().sessions).toMatchObject({ open: 0, adrift: 0 });
  });

  test("does not hold up io.close()", async () => {
    await start({ client: { reconnection: false } });
    await ferry.upgraded();
    ferry.block();
    await ferry.adrift();
    const gone = nextEvent(ferry.socket, "disconnect");
    await within(ferry.io.close(), "the server to close", 3000);
    await gone;
    expect(ferry.io.stats().sessions).toMatchObject({ open: 0, adrift: 0 });
  });

  test("does not hold up io.drain() beyond its deadline", async () => {
    await start({ client: { reconnection: false } });
    await ferry.upgraded();
    ferry.block();
    await ferry.adrift();
    const gone = nextEvent(ferry.socket, "disconnect");
    await within(ferry.io.drain({ deadline: 500 }), "the server to drain", 3000);
    await gone;
    expect(ferry.io.stats().sessions).toMatchObject({ open: 0, adrift: 0 });
  });

  test("ends at once for disconnect(true), and after its client's return for disconnect()", async () => {
    await start({ client: { reconnection: false } });
    await ferry.upgraded();
    ferry.block();
    await ferry.adrift();
    ferry.socket.disconnect(true);
    expect(ferry.socket.connected).toBe(false);
    ferry.open();
    const [reason] = await nextEvent(ferry.client as never, "disconnect");
    expect(reason).toMatch(/^(io server disconnect|transport close)$/);
  });

  test("of a client that disconnects ends with the return", async () => {
    await start({ client: { reconnection: false } });
    await ferry.upgraded();
    ferry.block();
    await ferry.adrift();
    const gone = nextEvent(ferry.socket, "disconnect");
    ferry.client.disconnect();
    ferry.open();
    expect((await gone)[0]).toBe("client namespace disconnect");
  });

  test("keeps its rooms and its place in fetchSockets()", async () => {
    await start();
    await ferry.upgraded();
    await ferry.socket.join("room");
    ferry.block();
    await ferry.adrift();
    expect((await ferry.io.in("room").fetchSockets()).map(({ id }) => id)).toEqual([ferry.socket.id]);
    expect(ferry.io.engine.clientsCount).toBe(1);
    ferry.open();
    await ferry.carried();
    expect([...ferry.socket.rooms]).toContain("room");
  });
});

test("what was seen is counted", async () => {
  await start();
  await ferry.upgraded();
  const carried = nextEvent(ferry.client.io.engine as never, "carried");
  ferry.cut();
  expect(await carried).toEqual(["websocket", "polling"]);
  const { diagnosis } = ferry.client.io.engine;
  expect(diagnosis.attempts).toContainEqual(
    expect.objectContaining({ transport: "polling", purpose: "carry", outcome: "carried" }),
  );
  expect(ferry.io.stats().sessions.carried).toEqual({ "websocket>polling": 1 });
  await ferry.upgraded();
  expect([ferry.socket.conn.carried, ferry.events]).toEqual([1, ["websocket to polling"]]);
});
