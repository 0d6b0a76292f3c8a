import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { RawTcp } from "../support/raw-tcp.ts";
import { RawWebSocket, upgradeRequest } from "../support/raw-websocket.ts";
import { frameText } from "@portage/websocket";
import { within } from "../support/waiting.ts";

/** What the child says at its end. */
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

/** A server in a process of its own, so that its memory can be measured. */
async function startChild(): Promise<{ child: ChildProcess; port: number }> {
  const script = fileURLToPath(new URL("slow-readers-child.mjs", import.meta.url));
  const child = fork(script, { execArgv: ["--expose-gc"] });
  children.push(child);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { child, port };
}

/** A client that joins the main namespace by hand, and then reads nothing. */
async function joinStalled(port: number): Promise<RawTcp> {
  const client = await RawTcp.open(port);
  await client.write(upgradeRequest({ port }));
  await client.until(/101 /);
  await client.write(masked("40"));
  await client.until(/40\{/);
  client.stream.pause();
  return client;
}

/** A client that reads what it is sent, and leaves. */
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
  test("costs a few megabytes, whatever is sent to it, and its end says why", async () => {
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
