import { framePacket, PacketReader } from "@portage/parser/engine";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { pageListeners } from "../../../../../packages/client/src/engine/platform/page.ts";
import { Socket } from "../../../../../packages/client/src/engine/socket.ts";
import { io } from "../../../../../packages/client/src/index.ts";
import { WebTransport } from "../../../../../packages/client/src/webtransport.ts";
import { fakeTransport, made } from "../fake-transport.ts";

/** The class of a platform; the test is its server. */
class FakeSession {
  static made: FakeSession[] = [];
  readonly args: unknown[];
  /** Packets of the client: text, or bytes. */
  readonly received: unknown[] = [];
  isClosed = false;
  /** Settles the promise `ready`. */
  accept!: () => void;
  readonly ready = new Promise<void>((resolve) => (this.accept = resolve));
  /** Settle the promise `closed`. */
  end!: (info?: object) => void;
  breakOff!: (error: Error) => void;
  readonly closed = new Promise<object | undefined>((resolve, reject) => {
    this.end = resolve;
    this.breakOff = reject;
  });
  readonly #packets = new PacketReader(Infinity);
  #input!: ReadableStreamDefaultController<Uint8Array>;

  constructor(...args: unknown[]) {
    if (String(args[0]).includes("refused")) throw new SyntaxError("refused address");
    this.args = args;
    FakeSession.made.push(this);
  }

  createBidirectionalStream(): Promise<object> {
    const readable = new ReadableStream<Uint8Array>({ start: (controller) => void (this.#input = controller) });
    const writable = new WritableStream<Uint8Array>({ write: (chunk) => this.#take(chunk) });
    return Promise.resolve({ readable, writable });
  }

  #take(chunk: Uint8Array): void {
    this.#packets.push(chunk);
    for (let data = this.#packets.next(); data !== undefined; data = this.#packets.next()) {
      this.received.push(typeof data === "string" ? data : [...data]);
    }
  }

  send(...packets: (string | Uint8Array)[]): Promise<void> {
    this.#input.enqueue(Buffer.concat(packets.map((packet) => framePacket(packet))));
    return settle();
  }

  sendRaw(...bytes: number[]): Promise<void> {
    this.#input.enqueue(Uint8Array.from(bytes));
    return settle();
  }

  close(): void {
    this.isClosed = true;
    this.end();
  }
}

const HANDSHAKE = '0{"sid":"abc","upgrades":[],"pingInterval":1000,"pingTimeout":500}';

/** All promises that are due have been handled. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  FakeSession.made = [];
  made.length = 0;
  vi.stubGlobal("WebTransport", FakeSession);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  pageListeners.clear();
});

const connect = (options: object = {}, host = "example.org"): Socket =>
  new Socket(`https://${host}`, { transports: [WebTransport], ...options });

async function opened(options: object = {}): Promise<[Socket, FakeSession]> {
  const socket = connect(options);
  const session = FakeSession.made[0]!;
  session.accept();
  await settle();
  await session.send(HANDSHAKE);
  return [socket, session];
}

/** Collects the ends of a socket. */
function endsOf(socket: Socket): unknown[] {
  const ends: unknown[] = [];
  socket.on("error", (error) => ends.push(String(error)));
  socket.on("close", (reason, details) => ends.push(reason, details));
  return ends;
}

test("connects to the address with the options of the platform, and begins with an empty handshake", async () => {
  const serverCertificateHashes = [{ algorithm: "sha-256", value: Uint8Array.of(1) }];
  const transportOptions = { webtransport: { serverCertificateHashes } };
  const [socket, session] = await opened({ query: { a: "b c" }, transportOptions });
  expect(session.args).toEqual([
    "https://example.org/engine.io/?a=b%20c&EIO=4&transport=webtransport&carry=1",
    { serverCertificateHashes },
  ]);
  expect(session.received).toEqual(["0"]);
  expect([socket.id, socket.readyState, socket.transport.name]).toEqual(["abc", "open", "webtransport"]);
});

test("messages come and go as text and bytes, in order", async () => {
  const [socket, session] = await opened();
  socket.binaryType = "arraybuffer";
  const got: unknown[] = [];
  socket.on("message", (data) => got.push(data));
  await session.send("4hello", Uint8Array.of(1, 2), "4€");
  expect(got).toEqual(["hello", Uint8Array.of(1, 2).buffer, "€"]);
  socket
    .send("one")
    .send(new Blob(["A"]))
    .send(Uint8Array.of(2));
  await vi.waitFor(() => expect(session.received).toEqual(["0", "4one", [65], [2]]));
});

test("a packet in pieces is one message", async () => {
  const [socket, session] = await opened();
  const got: unknown[] = [];
  socket.on("message", (data) => got.push(data));
  for (const byte of framePacket("4ab")) await session.sendRaw(byte);
  expect(got).toEqual(["ab"]);
});

describe("an upgrade", () => {
  test("names the session in the first packet, and moves it", async () => {
    const socket = new Socket("https://example.org", { transports: [fakeTransport("slow"), WebTransport] });
    const [slow] = made;
    slow!.shakeHands({ upgrades: ["webtransport"] });
    const session = FakeSession.made[0]!;
    session.accept();
    await settle();
    expect(session.received).toEqual(['0{"sid":"session"}', "2probe"]);
    expect(session.args[0]).toBe("https://example.org/engine.io/?EIO=4&transport=webtransport");
    await session.send("3probe");
    slow!.onPaused!();
    expect(socket.transport.name).toBe("webtransport");
    socket.send("by WebTransport");
    await settle();
    expect(session.received.slice(2)).toEqual(["5", "4by WebTransport"]);
  });

  test("that fails leaves the session where it is", async () => {
    const socket = new Socket("https://example.org", { transports: [fakeTransport("slow"), WebTransport] });
    const failed = new Promise((resolve) => socket.once("upgradeError", resolve));
    made[0]!.shakeHands({ upgrades: ["webtransport"] });
    FakeSession.made[0]!.breakOff(new Error("no UDP"));
    expect(String(await failed)).toContain("webtransport error");
    expect([socket.readyState, socket.transport.name]).toEqual(["open", "slow"]);
  });
});

describe("a session that the server carries", () => {
  const AGREED = HANDSHAKE.replace("}", ',"carry":{"key":"the-key","window":10000}}');

  /** Its session of WebTransport has died, and the next one has reached the server. */
  async function returning(): Promise<[Socket, FakeSession, unknown[]]> {
    const socket = connect();
    const first = FakeSession.made[0]!;
    first.accept();
    await settle();
    await first.send(AGREED, "4one");
    const ends = endsOf(socket);
    first.breakOff(new Error("lost"));
    await vi.waitFor(() => expect(FakeSession.made).toHaveLength(2));
    const next = FakeSession.made[1]!;
    next.accept();
    await settle();
    return [socket, next, ends];
  }

  test("returns with the key in the first packet, and not in the address", async () => {
    const [socket, next, ends] = await returning();
    expect(next.args[0]).toBe("https://example.org/engine.io/?EIO=4&transport=webtransport");
    expect(next.received).toEqual(['0{"sid":"abc","carry":1,"key":"the-key","turn":1}']);
    await next.send("60");
    socket.send("back");
    await settle();
    expect([next.received[1], ends]).toEqual(["4back", []]);
  });

  test("ends if the server refuses the return for good", async () => {
    const [, next, ends] = await returning();
    next.end({ closeCode: 1008, reason: "UNKNOWN_SID" });
    await settle();
    expect(ends.slice(0, 2)).toEqual(["Error: webtransport error", "transport error"]);
  });

  test("tries again after any other refusal", async () => {
    const [, next, ends] = await returning();
    next.end({ closeCode: 400, reason: "UPGRADES_REFUSED" });
    await vi.waitFor(() => expect(FakeSession.made).toHaveLength(3));
    expect(ends).toEqual([]);
  });
});

describe("connect_error follows", () => {
  const refusal = async (provoke?: (session: FakeSession) => unknown, host = "example.org"): Promise<unknown> => {
    const socket = io(`https://${host}`, { transports: [WebTransport], forceNew: true, reconnection: false });
    const error = new Promise((resolve) => socket.once("connect_error", resolve));
    provoke?.(FakeSession.made[0]!);
    return error;
  };

  test("a session that does not open", async () => {
    const error = await refusal((session) => session.breakOff(new Error("no UDP")));
    expect(error).toMatchObject({ message: "webtransport error", description: { message: "no UDP" }, retry: "yes" });
  });

  test("a refusal of the server, before or after the stream is there", async () => {
    const info = { closeCode: 403, reason: "WEBTRANSPORT_WITHOUT_REQUEST" };
    const expected = { code: "CONNECTION_CLOSED", retry: "no", context: { code: 403 } };
    expect(await refusal((session) => session.end(info))).toMatchObject(expected);
    FakeSession.made = [];
    const late = refusal((session) => {
      session.accept();
      void settle().then(() => session.end(info));
    });
    expect(await late).toMatchObject(expected);
  });

  test.each([
    ["an address that the platform rejects", "refused.example"],
    ["a platform without WebTransport", "example.org"],
  ])("%s", async (_case, host) => {
    if (host === "example.org") vi.stubGlobal("WebTransport", undefined);
    expect(await refusal(undefined, host)).toMatchObject({ code: "TRANSPORT_UNAVAILABLE" });
  });
});

describe("the end", () => {
  test("by the server's session has its code and its reason", async () => {
    const [socket, session] = await opened();
    const ends = endsOf(socket);
    session.end({ closeCode: 1001, reason: "SERVER_CLOSED" });
    await settle();
    expect(ends).toMatchObject(["transport close", { code: "SERVER_CLOSED", context: { code: 1001 } }]);
  });

  test("by the server's close packet comes after the packets before it, and we leave", async () => {
    const [socket, session] = await opened();
    const ends = endsOf(socket);
    socket.on("message", (data) => ends.push(data));
    await session.send("4last", "1");
    expect(ends.slice(0, 2)).toEqual(["last", "transport close"]);
    expect(session.isClosed).toBe(true);
  });

  test.each([
    ["a broken session", (session: FakeSession) => session.breakOff(new Error("lost"))],
    ["a packet without content", (session: FakeSession) => void session.sendRaw(0)],
  ])("by %s is an error", async (_case, provoke) => {
    const [socket, session] = await opened();
    const ends = endsOf(socket);
    provoke(session);
    await settle();
    expect(ends.slice(0, 2)).toEqual(["Error: webtransport error", "transport error"]);
    expect(session.isClosed).toBe(true);
  });

  test("by the program waits until the server confirms the close packet", async () => {
    const [socket, session] = await opened();
    const ends = endsOf(socket);
    socket.send("last words").close();
    await settle();
    expect(ends[0]).toBe("forced close");
    expect(session.received).toEqual(["0", "4last words", "1"]);
    await session.send("4too late");
    expect(session.isClosed).toBe(false);
    await session.send("1");
    expect(session.isClosed).toBe(true);
    expect(ends).toHaveLength(2);
  });

  test("by the program waits for a second at most", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const [socket, session] = await opened();
    socket.close();
    vi.advanceTimersByTime(999);
    expect(session.isClosed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(session.isClosed).toBe(true);
  });

  test("by the program before the session opens opens no stream", async () => {
    const socket = connect();
    socket.close();
    const session = FakeSession.made[0]!;
    session.accept();
    await settle();
    expect([session.received, FakeSession.made.length]).toEqual([[], 1]);
  });
});
