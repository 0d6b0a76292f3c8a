import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { Server, type Socket } from "@portage/server";
import type { LimitHit } from "@portage/server/engine";
import { Host } from "../../support/servers/host.ts";
import { RawTcp } from "../../support/raw/tcp.ts";
import { RawWebSocket, upgradeRequest } from "../../support/raw/websocket.ts";
import { frameText } from "@portage/websocket";
import { nextEvent, turn, within } from "../../support/waiting.ts";

/** The final report of the child. */
interface Report {
  /** Growth of the resident set at its worst, in bytes. */
  grown: number;
  reason: string;
  code: string;
  limit: number;
  actual: number;
}

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill();
});

/** A server in its own process, so that its memory can be measured. */
async function startChild(): Promise<{ child: ChildProcess; port: number }> {
  const script = fileURLToPath(new URL("slow-readers-child.mjs", import.meta.url));
  const child = fork(script, { execArgv: ["--expose-gc"] });
  children.push(child);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { child, port };
}

/** A handmade client that joins the main namespace, and then stops reading. */
async function joinStalled(port: number): Promise<RawTcp> {
  const client = await RawTcp.open(port);
  await client.write(upgradeRequest({ port }));
  await client.until(/101 /);
  await client.write(masked("40"));
  await client.until(/40\{/);
  client.stream.pause();
  return client;
}

/** A client that reads all events, and leaves. */
async function readALot(port: number): Promise<void> {
  const client = await RawWebSocket.connect({ port });
  client.send("40");
  await client.until((packet) => packet.startsWith("40{"));
  client.send('420["read"]');
  await client.until((packet) => packet === "430[]");
  await client.close();
}

/** A text frame of a client, its mask all zero. */
function masked(text: string): Buffer {
  const frame = frameText(text);
  frame[1] = (frame[1] as number) | 0x80;
  return Buffer.concat([frame.subarray(0, 2), Buffer.alloc(4), frame.subarray(2)]);
}

describe("a client that does not read", () => {
  test("costs a few megabytes, for any amount of data, and ends with a reason", async () => {
    const { child, port } = await startChild();
    await readALot(port);
    const stalled = await joinStalled(port);
    await stalled.write(masked('42["burst",200000000,64000]'));
    const [report] = (await within(once(child, "message"), "the report", 20_000)) as [Report];
    expect(report).toMatchObject({ reason: "transport error", code: "SLOW_READER", limit: 4e6 });
    expect(report.actual).toBeGreaterThan(4e6);
    expect(report.grown).toBeLessThan(5e6);
    stalled.end();
  }, 30_000);
});

describe("many clients that do not read", () => {
  const budget = 3e6;

  test("share the budget of the process; beyond it they end, and a client that reads gets all", async () => {
    const host = new Host();
    const io = new Server(host.http, { slowReader: { process: budget } });
    await host.listen();
    const hits: LimitHit[] = [];
    io.engine.on("limit", (hit: LimitHit) => hits.push(hit));
    const ended: Socket[] = [];
    io.on("connection", (socket) => socket.on("disconnect", () => ended.push(socket)));

    const reader = await RawWebSocket.connect({ port: host.port });
    const connection = nextEvent<[Socket]>(io, "connection");
    reader.send("40");
    const [healthy] = await connection;
    const stalled = await Promise.all(Array.from({ length: 8 }, () => joinStalled(host.port)));

    // Each is far from its own limit of 4 MB when all together reach theirs.
    const text = "x".repeat(50_000);
    let sent = 0;
    let most = 0;
    while (ended.length < stalled.length && sent < 400) {
      for (const socket of io.sockets.sockets.values()) socket.emit("text", sent, text);
      sent += 1;
      await healthy.whenDrained();
      await turn();
      most = Math.max(most, io.stats().bytes.waiting);
    }
    healthy.emit("end");
    const numbers: string[] = [];
    for (;;) {
      const packet = await reader.until((next) => next.startsWith("42"));
      if (packet === '42["end"]') break;
      numbers.push(packet.slice(0, packet.indexOf(",", 11)));
    }
    expect(numbers).toEqual(Array.from({ length: sent }, (_, index) => `42["text",${index}`));
    expect(healthy.connected).toBe(true);
    expect(most).toBeLessThan(budget + stalled.length * (64_000 + text.length));

    const [first] = ended as [Socket];
    expect(ended).not.toContain(healthy);
    expect(first.closeReason).toMatchObject({
      code: "SLOW_READER",
      side: "client",
      cause: "PROCESS_BUDGET",
      limit: 64_000,
    });
    const count = hits.filter(({ code }) => code === "PROCESS_BUDGET").length;
    expect(count).toBeGreaterThan(0);
    expect(hits.find(({ code }) => code === "PROCESS_BUDGET")).toMatchObject({
      message: "the queues of all clients exceed slowReader.process",
      limit: budget,
    });
    expect(io.stats().limits).toMatchObject({ PROCESS_BUDGET: count });
    for (const client of stalled) client.end();
    reader.cut();
    await io.close();
    await host.drained();
  });
});
