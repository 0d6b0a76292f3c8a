import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { EnginePacket } from "@portage/parser/engine";
import { acceptUpgrade, ReceiveBudget } from "@portage/websocket";
import { afterEach, describe, expect, test } from "vitest";
import { serverClock } from "../../packages/server/src/base/clock.ts";
import { kTransportOwner } from "../../packages/server/src/engine/keys.ts";
import { prepareRequest, type TransportRequest } from "../../packages/server/src/engine/http/request.ts";
import { PacketSendOptions } from "../../packages/server/src/engine/outgoing/prepared-message.ts";
import { type CloseReason, closeReason } from "../../packages/server/src/engine/report/close-codes.ts";
import { TimingWheel } from "../../packages/server/src/engine/timing-wheel.ts";
import { type TransportContext, transportContext } from "../../packages/server/src/engine/transports/context.ts";
import type { EngineLink } from "../../packages/server/src/engine/transports/engine-link.ts";
import type { StreamTransportKind, TransportKind } from "../../packages/server/src/engine/transports/registry.ts";
import {
  NO_OWNER,
  type Transport,
  type TransportOwner,
} from "../../packages/server/src/engine/transports/transport.ts";
import { ClosingBacklog } from "../../packages/server/src/engine/transports/closing-backlog.ts";
import { noise, type OpenPeer, type Peer, type WirePacket } from "../support/peers/peer.ts";
import { turn, within } from "../support/waiting.ts";

// Tests for every transport of the server: the contract at the head of transports/transport.ts.

/** A transport under test, and the client at its other end. */
export interface Subject {
  readonly name: string;
  readonly kind: TransportKind;
  /** Opens a client that asks for `/engine.io/?transport=...`. */
  readonly open: OpenPeer;
  /** Answers a WebSocket handshake, for transports on a stream. */
  readonly accept?: (req: IncomingMessage, stream: Duplex, head: Buffer) => EngineLink | Promise<EngineLink>;
  /** Makes both ends of a connection without a request; replaces `open`. */
  readonly pair?: (context: TransportContext) => { peer: Peer; link: EngineLink; req: TransportRequest };
}

const acceptOurs = (req: IncomingMessage, stream: Duplex, head: Buffer): EngineLink =>
  acceptUpgrade(req, stream, head, { maxPayload: 5e6 });

const message = (data: WirePacket): EnginePacket =>
  new EnginePacket("message", data, new PacketSendOptions(true, undefined));

/** An owner that records its calls in order. */
class Owner implements TransportOwner {
  readonly calls: string[] = [];
  readonly packets: WirePacket[] = [];
  readonly closes: CloseReason[] = [];
  /** A further reaction to a packet. */
  react = (): void => {};

  onPacket({ type, data = "" }: EnginePacket): void {
    this.calls.push("packet");
    this.packets.push(type === "message" ? data : type);
    this.react();
  }

  onDrain(): void {
    this.calls.push("drain");
  }

  onClose(reason: CloseReason): void {
    this.calls.push("close");
    this.closes.push(reason);
  }
}

/** Returns packets in a form that is fast to compare at any size. */
const brief = (packets: readonly WirePacket[]): string[] =>
  packets.map((data) => (typeof data === "string" ? data : `bytes ${data.length} ${data.toString("base64")}`));

/** Waits until a condition is true. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const wait = async (): Promise<void> => {
    while (!condition()) await turn();
  };
  await within(wait(), what);
}

/** Waits until loopback data has arrived, by an exchange on another connection. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
}

const WHY = closeReason("SERVER_CLOSED");

export function describeTransport({ name, kind, open, accept = acceptOurs, pair }: Subject): void {
  // The client of an answer that goes on only reads.
  const canSend = kind.carriedBy !== "answer";
  describe(name, () => {
    const ends: (() => unknown)[] = [];
    afterEach(async () => {
      while (ends.length > 0) await ends.pop()?.();
    });

    function makeContext(): TransportContext {
      const options = { maxHttpBufferSize: 5e6, maxPayloadPackets: 100, postTimeout: 30_000, clock: serverClock };
      const services = {
        heartbeat: new TimingWheel(serverClock, 20_000, 45_000),
        receiving: new ReceiveBudget(1e8),
        closing: new Set<Transport>(),
        closingBacklog: new ClosingBacklog(serverClock),
        retryAfter: () => undefined,
        reportRefusal() {},
        addHeaders() {},
      };
      return transportContext({ ...options, httpCompression: false, perMessageDeflate: false }, services);
    }

    /** The server's side: makes one transport for the first request, and passes all further requests to it. */
    async function serve(
      owner: Owner,
      context: TransportContext,
    ): Promise<{ port: number; made: () => Transport | undefined }> {
      let transport: Transport | undefined;
      const adopt = (made: Transport): Transport => {
        made[kTransportOwner] = owner;
        return made;
      };
      const onRequest = (request: IncomingMessage, res: ServerResponse): void => {
        const req = prepareRequest(request);
        if (kind.carriedBy !== "stream") transport ??= adopt(kind.make(req, context));
        transport?.onRequest({ req, res });
      };
      const server = createServer(onRequest);
      server.on("upgrade", async (request: IncomingMessage, stream: Duplex, head: Buffer) => {
        const req: TransportRequest = prepareRequest(request);
        const link = await accept(req, stream, head);
        if (kind.carriedBy === "stream") transport = adopt(kind.make(req, context, link));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      ends.push(() => {
        server.closeAllConnections();
        server.close();
      });
      return { port: (server.address() as AddressInfo).port, made: () => transport };
    }

    interface Ends {
      readonly made: () => Transport | undefined;
      readonly peer: Peer;
    }

    async function connect(owner: Owner, context: TransportContext): Promise<Ends> {
      const { port, made } = await serve(owner, context);
      return { made, peer: await open(port) };
    }

    function passIn(makePair: NonNullable<Subject["pair"]>, owner: Owner, context: TransportContext): Ends {
      const { peer, link, req } = makePair(context);
      const transport = (kind as StreamTransportKind).make(req, context, link);
      transport[kTransportOwner] = owner;
      return { made: () => transport, peer };
    }

    async function setUp(): Promise<{ transport: Transport; owner: Owner; peer: Peer; context: TransportContext }> {
      const owner = new Owner();
      const context = makeContext();
      const { made, peer } = pair ? passIn(pair, owner, context) : await connect(owner, context);
      await until(() => made()?.writable ?? false, "a transport that can send");
      const transport = made() as Transport;
      ends.push(
        () => transport.discard(),
        () => peer.cut(),
      );
      return { transport, owner, peer, context };
    }

    async function setUpOpen(): Promise<Awaited<ReturnType<typeof setUp>>> {
      const made = await setUp();
      made.transport.open();
      return made;
    }

    /** Sends once the transport is writable. */
    async function send(transport: Transport, ...packets: EnginePacket[]): Promise<void> {
      await until(() => transport.writable, "a transport that can send");
      transport.send(packets);
    }

    /** Returns the peer's packets up to the end, without noops. */
    async function rest(peer: Peer): Promise<WirePacket[]> {
      const got: WirePacket[] = [];
      for (;;) {
        const packet = await peer.next();
        if (packet === "end") return got;
        if (packet !== "6") got.push(packet);
      }
    }

    const LARGE = [noise(300_000), "ü€😀".repeat(100_000)] as const;

    test("is open from the start, has the name that requests call it, and nothing to send", async () => {
      const { transport, owner } = await setUp();
      expect(transport).toMatchObject({ name: kind.name, readyState: "open", protocol: 4, bufferedBytes: 0 });
      expect(owner.packets).toEqual([]);
      expect(owner.closes).toEqual([]);
    });

    test.runIf(canSend)(
      "delivers nothing before it is opened, then text, bytes and large messages, in order",
      async () => {
        const { transport, owner, peer } = await setUp();
        const [bytes, text] = LARGE;
        // A WebSocket of another library reads at once: messages before its listeners exist are lost.
        const early = kind.carriedBy === "stream" && accept === acceptOurs ? ["early"] : [];
        for (const packet of early) await peer.send(`4${packet}`);
        await settle();
        expect(owner.packets).toEqual([]);
        transport.open();
        await peer.send("4a", Buffer.from([0, 255]), "4", "3");
        await peer.send(bytes);
        await peer.send(`4${text}`);
        const expected = [...early, "a", Buffer.from([0, 255]), "", "pong", bytes, text];
        await until(() => owner.packets.length === expected.length, "all packets");
        expect(brief(owner.packets)).toEqual(brief(expected));
      },
    );

    test("sends a batch in order, and asks for more after each", async () => {
      const { transport, owner, peer } = await setUpOpen();
      const [bytes, text] = LARGE;
      for (const batch of [["a", Buffer.from([0, 255]), ""], [bytes], [text], ["z"]]) {
        await until(() => transport.writable, "a transport that can send");
        owner.calls.length = 0;
        transport.send(batch.map(message));
        await until(() => owner.calls.includes("drain"), "a drain");
        const expected = batch.map((data) => (typeof data === "string" ? `4${data}` : data));
        const got: WirePacket[] = [];
        while (got.length < expected.length) got.push(await peer.next());
        expect(brief(got)).toEqual(brief(expected));
      }
      await until(() => transport.writable && transport.bufferedBytes === 0, "an empty transport");
      expect(owner.closes).toEqual([]);
    });

    test.runIf(canSend)("delivers to its owner at that time", async () => {
      const { transport, owner, peer } = await setUpOpen();
      const other = new Owner();
      owner.react = () => (transport[kTransportOwner] = other);
      await peer.send("4to the first", "4to the second");
      await until(() => other.packets.length > 0, "a packet for the second owner");
      expect([owner.packets, other.packets]).toEqual([["to the first"], ["to the second"]]);
    });

    test.runIf(kind.carriedBy === "stream")("held back: delivers once it is released, in order", async () => {
      const { transport, owner, peer } = await setUpOpen();
      transport.pause();
      await peer.send("4a", "4b");
      await settle();
      expect(owner.packets).toEqual([]);
      transport.resume();
      await until(() => owner.packets.length === 2, "both packets");
      expect(owner.packets).toEqual(["a", "b"]);
    });

    test.runIf(canSend)("delivers no more of the same read once its owner has ended it", async () => {
      const { transport, owner, peer } = await setUpOpen();
      owner.react = () => transport.discard();
      await peer.send("4a", "4b", "4c").catch(() => undefined);
      await until(() => owner.closes.length > 0, "the end");
      await settle();
      expect(owner.packets).toEqual(["a"]);
      expect(owner.calls.filter((call) => call === "close")).toHaveLength(1);
    });

    test("closed by its owner: earlier packets arrive, then the end; the callback is called once", async () => {
      const { transport, owner, peer, context } = await setUpOpen();
      const called: string[] = [];
      await send(transport, message("last"), message(LARGE[0]));
      transport.close(() => called.push("done"), WHY);
      transport.close(() => called.push("never"), WHY);
      expect(brief(await rest(peer))).toEqual(brief(["4last", LARGE[0]]));
      await until(() => transport.readyState === "closed", "the end");
      transport.discard();
      transport.close(() => called.push("never"), WHY);
      expect(called).toEqual(["done"]);
      expect(owner.closes).toEqual([]);
      await until(() => context.closing.size === 0, "the connection to end");
      expect(context.heartbeat.size).toBe(0);
    });

    test("closed by its owner without a call back: it ends within the call", async () => {
      const { transport, owner, peer } = await setUpOpen();
      transport.close(undefined, WHY);
      expect([transport.readyState, transport.writable]).toEqual(["closed", false]);
      expect(await rest(peer)).toEqual([]);
      expect(owner.closes).toEqual([]);
    });

    test("closed, then discarded: the owner is called back all the same, once", async () => {
      const { transport, owner } = await setUpOpen();
      let called = 0;
      transport.close(() => (called += 1), WHY);
      transport.discard();
      transport.discard();
      expect([called, owner.closes, transport.readyState]).toEqual([1, [], "closed"]);
    });

    test("discarded: the owner is notified within the call, once, and the peer loses its connection", async () => {
      const { transport, owner, peer } = await setUpOpen();
      transport.discard();
      transport.discard();
      expect(owner.closes.map(({ code }) => code)).toEqual(["TRANSPORT_CLOSED"]);
      expect([transport.readyState, transport.writable]).toEqual(["closed", false]);
      expect(await rest(peer)).toEqual([]);
      if (canSend) await peer.send("4too late").catch(() => undefined);
      await settle();
      expect(owner.packets).toEqual([]);
    });

    test("discarded while a send is under way: nothing is called afterwards", async () => {
      const { transport, owner } = await setUpOpen();
      await send(transport, message(noise(3_000_000)));
      transport.discard();
      const calls = owner.calls.length;
      await settle();
      expect(owner.calls.slice(calls)).toEqual([]);
      expect(owner.calls.at(-1)).toBe("close");
    });

    test("closed by a program: the owner is notified, then the callback is called, and listeners", async () => {
      const { transport, owner } = await setUpOpen();
      transport.on("close", (...args: unknown[]) => owner.calls.push(`listener ${args.length}`));
      owner.calls.length = 0;
      transport.close(() => owner.calls.push("done"));
      transport.close(() => owner.calls.push("never"));
      expect(owner.calls.filter((call) => call !== "drain")).toEqual(["listener 0", "close", "done"]);
      expect(owner.closes.map(({ code }) => code)).toEqual(["TRANSPORT_CLOSED"]);
    });

    test("an error of a program ends it, with that error", async () => {
      const { transport, owner } = await setUpOpen();
      const heard: unknown[] = [];
      transport.on("error", (error) => heard.push(error));
      transport.onError("mine");
      expect(owner.closes.map(({ code }) => code)).toEqual(["TRANSPORT_FAILED"]);
      expect(heard).toEqual([owner.closes[0]?.description]);
    });

    test.runIf(canSend)("a packet that can't be read ends it, after those before", async () => {
      const { owner, peer } = await setUpOpen();
      await peer.send("4good", "9bad", "4never").catch(() => undefined);
      await until(() => owner.closes.length > 0, "the end");
      await settle();
      expect(owner.packets).toEqual(["good"]);
      expect(owner.closes.map(({ code, reason }) => [code, reason])).toEqual([["INVALID_PACKET", "parse error"]]);
    });

    test("a connection that breaks ends it, once", async () => {
      const { transport, owner, peer, context } = await setUpOpen();
      peer.cut();
      await until(() => owner.closes.length > 0, "the end");
      await settle();
      expect(owner.closes.map(({ side }) => side)).toEqual(["network"]);
      expect([transport.readyState, transport.writable, context.closing.size]).toEqual(["closed", false, 0]);
    });

    test("retired: it ends, and reports the end", async () => {
      const { transport } = await setUpOpen();
      const done: string[] = [];
      transport[kTransportOwner] = NO_OWNER;
      transport.retire(() => done.push(transport.readyState));
      transport.discard();
      expect(done).toEqual(["closed"]);
    });

    test("turned away: it ends, and its peer learns it", async () => {
      const { transport, peer, context } = await setUpOpen();
      transport[kTransportOwner] = NO_OWNER;
      transport.turnAway();
      transport.turnAway();
      expect(transport.readyState).toBe("closed");
      expect(await rest(peer)).toEqual([]);
      await until(() => context.closing.size === 0, "the connection to end");
    });
  });
}
