import { createServer, type Server } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptUpgrade, connectLink, type WebSocketLink } from "@portage/websocket";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeFrame, type Frame } from "../../../packages/cluster/src/core/frames.ts";
import type { LinkEnd } from "../../../packages/cluster/src/links/link.ts";
import { CONNECTION_OPTIONS, type LinkEvents, PeerLink } from "../../../packages/cluster/src/links/websocket-link.ts";
import { Inbox, nextEvent, turn } from "../../support/waiting.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** Records what a link reports. */
class Recorder implements LinkEvents {
  readonly frames = new Inbox<Frame>("a frame");
  readonly drains = new Inbox<true>("a drain");
  readonly ends = new Inbox<LinkEnd>("the end of a link");
  onFrame(_link: PeerLink, frame: Frame): void {
    this.frames.push(frame);
  }
  onDrain(): void {
    this.drains.push(true);
  }
  onEnd(_link: PeerLink, end: LinkEnd): void {
    this.ends.push(end);
  }
}

const clock = new FakeClock();
let folder: string;
let server: Server;
let near: PeerLink;
let far: WebSocketLink;
let report: Recorder;

/** Connects a link to a WebSocket that the test holds. `role`: the side of the link. */
async function connect(role: "server" | "client", maxMissed = 3): Promise<void> {
  const path = join(folder, "s");
  const accepted = new Promise<WebSocketLink>((resolve) => {
    server = createServer().on("upgrade", (req, stream, head) =>
      resolve(acceptUpgrade(req, stream, head, CONNECTION_OPTIONS)),
    );
  });
  server.listen(path);
  await nextEvent(server, "listening");
  const dialled = await new Promise<WebSocketLink>((resolve, reject) => {
    const options = { ...CONNECTION_OPTIONS, socketPath: path };
    connectLink("ws://localhost/", options, { onLink: resolve, onConnectError: reject });
  });
  const own = role === "client" ? dialled : await accepted;
  far = role === "client" ? await accepted : dialled;
  report = new Recorder();
  near = new PeerLink(own, { tag: "abcd", kind: "unix", clock, maxBytes: 1e6, maxMissed }, report);
  near.open();
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pl-"));
});
afterEach(() => {
  far.terminate();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const silent = { onText() {}, onTextBytes() {}, onBinary() {}, onDrain() {}, onClose() {} };

describe.each(["server", "client"] as const)("a link, as %s", (role) => {
  beforeEach(() => connect(role));

  test("frames arrive once and in order, in both directions", async () => {
    const got: number[] = [];
    const all = new Promise<void>((resolve) => {
      const onBinary = (data: Buffer): void => void (got.push(data.readUInt32BE(1)) === 100 && resolve());
      far.open({ ...silent, onBinary });
    });
    for (let i = 0; i < 100; i++) near.send(encodeFrame("DATA", i, Buffer.from("body")));
    await all;
    expect(got).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(near.framesOut).toBe(100);
    for (let i = 0; i < 3; i++) far.sendBinary(encodeFrame("FIN", i));
    for (let i = 0; i < 3; i++) expect(await report.frames.next()).toMatchObject({ type: "FIN", stream: i });
    expect(near.framesIn).toBe(3);
  });

  test("frames of all ticks of a turn leave in one write; those of a whole write leave at once", async () => {
    const got = new Inbox<number>("a frame");
    const chunks: number[] = [];
    far.stream!.on("data", ({ length }: Buffer) => chunks.push(length));
    far.open({ ...silent, onBinary: (data) => got.push(data.length) });
    for (let tick = 0; tick < 3; tick++) {
      near.send(encodeFrame("FIN", tick));
      await new Promise<void>((resolve) => process.nextTick(resolve));
    }
    for (let tick = 0; tick < 3; tick++) await got.next();
    expect(chunks).toHaveLength(1);
    near.send(encodeFrame("DATA", 1, Buffer.alloc(64 * 1024)));
    expect(near.queuedBytes).toBe(0);
    expect(await got.next()).toBe(64 * 1024 + 5);
  });

  test.each([
    ["a frame that is too short", () => far.sendBinary(Buffer.from([3, 0]))],
    ["a frame of an unknown type", () => far.sendBinary(Buffer.from([99, 0, 0, 0, 1]))],
    ["text", () => far.sendText("hello")],
    ["a message that is too long", () => far.sendBinary(Buffer.alloc(CONNECTION_OPTIONS.maxPayload + 1, 3))],
  ])("%s ends it", async (_what, send) => {
    far.open(silent);
    send();
    expect(await report.ends.next()).toBe("failed");
    near.send(encodeFrame("FIN", 1));
    expect(await near.probe()).toBe(false);
  });

  test("a peer that goes on as if nothing had happened is not heard after a violation", async () => {
    far.open(silent);
    far.sendBinary(Buffer.from([99, 0, 0, 0, 1]));
    far.sendBinary(encodeFrame("FIN", 1));
    expect(await report.ends.next()).toBe("failed");
    expect(near.framesIn).toBe(1);
  });

  test("a queue beyond maxLinkBytes ends it, and half of it drains", async () => {
    far.open(silent);
    far.pause();
    const frame = (): Buffer => encodeFrame("DATA", 1, Buffer.alloc(60_000));
    while (near.queuedBytes <= 600_000) near.send(frame());
    await new Promise((resolve) => setImmediate(resolve));
    const queued = near.queuedBytes;
    expect(queued).toBeGreaterThan(0);
    far.resume();
    await report.drains.next();
    expect(near.queuedBytes).toBe(0);
    far.pause();
    for (let i = 0; i < 40; i++) near.send(frame());
    expect(await report.ends.next()).toBe("failed");
  });

  test("a queue that a ping brings above the half drains too", async () => {
    far.open(silent);
    while (near.queuedBytes <= 440_000) near.send(encodeFrame("DATA", 1, Buffer.alloc(60_000)));
    // The head of the frame, the head of the message, and the mask.
    const heads = 5 + 4 + (role === "client" ? 4 : 0);
    near.send(encodeFrame("DATA", 1, Buffer.alloc(500_000 - near.queuedBytes - heads)));
    expect(near.queuedBytes).toBe(500_000);
    near.beat();
    near.beat();
    expect(near.queuedBytes).toBeGreaterThan(500_000);
    await report.drains.next();
    expect(near.queuedBytes).toBeLessThan(500_000);
  });

  test("a probe resolves when the peer answers, or when the link ends", async () => {
    far.open(silent);
    expect(await Promise.all([near.probe(), near.probe()])).toEqual([true, true]);
    far.pause();
    const probe = near.probe();
    far.terminate();
    expect(await probe).toBe(false);
    expect(await report.ends.next()).toBe("cut");
    expect(await near.probe()).toBe(false);
  });

  test("a beat pings if no byte has come since the one before", async () => {
    const pings = new Inbox<Buffer>("a ping");
    far.open({ ...silent, onPing: (data) => pings.push(data) });
    near.beat();
    near.beat();
    expect((await pings.next()).readUInt32BE()).toBe(1);
    await near.probe();
    near.beat();
    far.sendBinary(encodeFrame("FIN", 1));
    await report.frames.next();
    near.beat();
    near.beat();
    expect([await pings.next(), await pings.next()].map((data) => data.readUInt32BE())).toEqual([2, 3]);
  });

  test("silence for the beats of heartbeatTimeout ends it; each byte starts them anew", async () => {
    far.open(silent);
    for (let i = 0; i < 10; i++) {
      near.beat();
      await near.probe();
    }
    expect(near.roundTrip).toBe(0);
    far.pause();
    for (let i = 0; i < 4; i++) near.beat();
    expect(await report.ends.next()).toBe("silent");
  });

  test.each([
    [1001, "gone"],
    [1000, "cut"],
    [1008, "cut"],
    [undefined, "cut"],
  ])("a peer that closes with %s is %s", async (code, end) => {
    far.open(silent);
    far.close(code);
    expect(await report.ends.next()).toBe(end);
  });

  test("a node that leaves says so", async () => {
    const closed = new Promise((resolve) => far.open({ ...silent, onClose: ({ code }) => resolve(code) }));
    near.leave();
    expect(await closed).toBe(1001);
    expect(await report.ends.next()).toBe("left");
  });
});

test("a peer is asked before it is silent, even if it may not miss more than one beat", async () => {
  await connect("client", 1);
  far.open(silent);
  near.beat();
  while (near.roundTrip === undefined) await turn();
  near.beat();
  expect(await near.probe()).toBe(true);
});
