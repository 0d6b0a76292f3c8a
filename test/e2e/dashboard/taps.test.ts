import { describe, expect, it } from "vitest";
import { io as connect, type Socket } from "@portage/client";
import type { Server } from "@portage/server";
import { kTap } from "../../../packages/server/src/engine/index.ts";
import type { TappedPacket } from "../../../packages/server/src/dashboard/wire.ts";
import { nextEvent } from "../../support/waiting.ts";
import { atEnd, openBoard, openPage } from "./support/board.ts";

async function openClient(port: number): Promise<Socket> {
  const client = connect(`http://localhost:${port}`, {
    transports: ["websocket"],
    forceNew: true,
    auth: { x: "Tr0ub4" },
  });
  atEnd(() => client.disconnect());
  await nextEvent(client, "connect");
  return client;
}

async function handleOf(page: Socket): Promise<string> {
  const question = { order: "natural", descending: false, filter: "", from: 0, count: 200 };
  const { rows } = (await page.emitWithAck("page", "connections", question)) as { rows: { handle: string }[] };
  return rows.at(-1)!.handle;
}

const tapsOf = (io: Server): unknown[] =>
  Object.values(io.engine.clients).filter((session) => session[kTap] !== undefined);

/** Collects packets until one has a name. */
function untilTapped(page: Socket, name: string): Promise<{ packets: TappedPacket[]; skipped: number }> {
  const packets: TappedPacket[] = [];
  let all = 0;
  return new Promise((resolve) => {
    page.on("packets", (_handle: string, entries: TappedPacket[], skipped: number) => {
      packets.push(...entries);
      all += skipped;
      if (packets.some(({ head }) => head.endsWith(` ${name}`))) resolve({ packets, skipped: all });
    });
  });
}

describe("taps of the live page", () => {
  it("shows packets of both directions, as shapes", async () => {
    const { host, io } = await openBoard();
    io.on("connection", (socket) => socket.on("hello", () => socket.emit("bye", { text: "so long" })));
    const client = await openClient(host.port);
    const page = await openPage(host.port);
    expect(await page.emitWithAck("tap", await handleOf(page))).toEqual({ ok: true });
    const tapped = untilTapped(page, "bye");
    client.emit("hello", { password: "Tr0ub4", text: "word" });
    const { packets } = await tapped;
    expect(packets.map(({ direction, head, body }) => [direction, head, body])).toEqual([
      ["in", "EVENT / hello", "{ password: (hidden), text: string(4) }"],
      ["out", "EVENT / bye", "{ text: string(7) }"],
    ]);
    expect(JSON.stringify(packets)).not.toContain("Tr0ub4");
  });

  it("never shows the credentials of CONNECT", async () => {
    const { host, io } = await openBoard({ payloads: "values" }, { connectionStateRecovery: {} });
    const client = await openClient(host.port);
    const page = await openPage(host.port);
    await page.emitWithAck("tap", await handleOf(page));
    const tapped = untilTapped(page, "last");
    io.of("/other").on("connection", (socket) => socket.emit("last"));
    const other = client.io.socket("/other", { auth: { whatever: "Tr0ub4" } });
    other.connect();
    const { packets } = await tapped;
    expect(packets.filter(({ head }) => head === "CONNECT /other").map(({ body }) => body)).toEqual([
      "(hidden)",
      "(hidden)",
    ]);
    expect(JSON.stringify(packets)).not.toMatch(/Tr0ub4|pid/);
  });

  it("shows 200 packets a second, and counts the others", async () => {
    const { host, io } = await openBoard();
    await openClient(host.port);
    const page = await openPage(host.port);
    await page.emitWithAck("tap", await handleOf(page));
    const counted = nextEvent<[string, TappedPacket[], number]>(page, "packets");
    for (let count = 0; count < 500; count += 1) io.emit("news", count);
    const [, entries, skipped] = await counted;
    expect(entries).toHaveLength(200);
    // The engine has packets of its own.
    expect(entries.length + skipped).toBeGreaterThanOrEqual(500);
  });

  it("has five taps at most", async () => {
    const { host } = await openBoard();
    for (let count = 0; count < 6; count += 1) await openClient(host.port);
    const page = await openPage(host.port);
    const question = { order: "natural", descending: false, filter: "", from: 0, count: 200 };
    const { rows } = (await page.emitWithAck("page", "connections", question)) as { rows: { handle: string }[] };
    const answers = await Promise.all(rows.map(({ handle }) => page.emitWithAck("tap", handle) as Promise<object>));
    expect(answers.filter((answer) => "ok" in answer)).toHaveLength(5);
    expect(answers.at(-1)).toEqual({ error: "TOO_MANY" });
    page.emit("untap", rows[0]!.handle);
    expect(await page.emitWithAck("tap", rows[5]!.handle)).toEqual({ ok: true });
  });

  it("leaves nothing behind when the page is gone", async () => {
    const { host, io } = await openBoard();
    await openClient(host.port);
    const [session] = Object.values(io.engine.clients);
    const listeners = (): number => session!.eventNames().reduce((sum, name) => sum + session!.listenerCount(name), 0);
    const before = listeners();
    const page = await openPage(host.port);
    const gone = await openPage(host.port);
    const handle = await handleOf(page);
    await page.emitWithAck("tap", handle);
    await gone.emitWithAck("tap", handle);
    expect(tapsOf(io)).toHaveLength(1);
    gone.disconnect();
    page.io.engine.close();
    await expect.poll(() => tapsOf(io).length).toBe(0);
    expect(listeners()).toBe(before);
  });
});
