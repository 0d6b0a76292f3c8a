import {
  type BinaryData,
  type Encoded,
  encodePackets,
  framePacket,
  type Packet,
  PacketReader,
} from "@portage/parser/engine";
import { nextTick } from "../platform/globals.node.ts";
import { unlessLeaving } from "../platform/page.ts";
import { Transport } from "./transport.ts";

/** How a session ended. */
interface SessionEnd {
  readonly closeCode?: number;
  readonly reason?: string;
}

/** A bidirectional stream of a session. */
interface PlatformStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** The members that the transport needs of the platform's class. */
interface PlatformSession {
  readonly ready: Promise<unknown>;
  readonly closed: Promise<SessionEnd | undefined>;
  createBidirectionalStream(): Promise<PlatformStream>;
  close(): void;
}

type PlatformClass = new (uri: string, options?: object) => PlatformSession;

/** Parameters that go in the first packet of a session that is upgraded or returns. The packet of a new one is empty. */
const OF_SESSION = ["sid", "carry", "key", "turn"] as const;

/** Milliseconds for the server to confirm our close packet. A session that ends earlier loses its last packets. */
const LONGEST_GOODBYE = 1000;

/** Returns the bytes of a blob, which are read asynchronously; text and bytes as they are. */
async function readEncoded(data: Encoded): Promise<string | BinaryData> {
  return typeof data === "object" && "arrayBuffer" in data ? data.arrayBuffer() : data;
}

function leave(session: PlatformSession): void {
  try {
    session.close();
  } catch {
    // it has failed to open
  }
}

/**
 * WebTransport of the platform: current browsers. Needs a server with `"webtransport"` in its `transports`.
 * `transportOptions.webtransport` are the options of the platform's constructor.
 *
 * Between calls, `#session` is the session while the transport opens and is open. Once we have closed it, `#finish` ends the
 * session: when the server confirms our close packet, when the session ends, or after a second.
 *
 * @example
 * import { Fetch, io, WebSocket } from "@portage/client";
 * import { WebTransport } from "@portage/client/webtransport";
 * const socket = io("https://example.org", { transports: [Fetch, WebSocket, WebTransport] });
 */
export class WT extends Transport {
  /** Undefined before the transport opens, and once it is closed or has failed. */
  #session: PlatformSession | undefined;
  /** Undefined before the stream is there. */
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  /** Bytes that the platform has not taken yet. */
  #unsent = 0;
  #finish: (() => void) | undefined;

  get name(): string {
    return "webtransport";
  }

  override get buffered_(): number {
    return this.#unsent;
  }

  protected override doOpen(): void {
    const { WebTransport } = globalThis as { WebTransport?: PlatformClass };
    const options = (this.opts.transportOptions as Record<string, object> | undefined)?.[this.name];
    const query = { ...this.query };
    // a new session asks for its carry in the address
    if (query["sid"]) for (const name of OF_SESSION) delete query[name];
    try {
      const session = (this.#session = new WebTransport!(this.createUri("https", query), options));
      const fail = (error: unknown): void => this.#fail(error);
      session.closed.then((end) => this.#onEnd(end), fail);
      session.ready
        .then(() => session.createBidirectionalStream())
        .then((stream) => this.#begin(stream))
        .catch(fail);
    } catch (error) {
      // the platform has no WebTransport, or rejects the address; later, as listeners are added after the constructor
      this.setTimeoutFn(() => this.onError("webtransport error", error, undefined, "TRANSPORT_UNAVAILABLE"));
    }
  }

  /** Sends the handshake: without data for a new session, with the id of one that is upgraded or returns. */
  #begin({ readable, writable }: PlatformStream): void {
    // closed meanwhile
    if (!this.#session) return;
    this.#writer = writable.getWriter();
    const known: Record<string, unknown> = {};
    if (this.query["sid"]) for (const name of OF_SESSION) known[name] = this.query[name];
    void this.#send(framePacket("0" + (known["sid"] ? JSON.stringify(known) : "")));
    this.#read(readable.getReader(), new PacketReader(Infinity));
    this.onOpen();
  }

  #read(input: ReadableStreamDefaultReader<Uint8Array>, packets: PacketReader): void {
    input.read().then(
      ({ done, value }) => {
        if (done) return;
        try {
          packets.push(value);
          for (let data = packets.next(); data !== undefined; data = packets.next()) this.#take(data);
        } catch (error) {
          return this.#fail(error);
        }
        this.#read(input, packets);
      },
      () => {}, // `closed` reports it
    );
  }

  #take(data: unknown): void {
    if (this.#session) this.onData(data);
    else if (String(data)[0] === "1") this.#finish?.();
  }

  #send(bytes: Uint8Array): Promise<void> {
    this.#unsent += bytes.length;
    return this.#writer!.write(bytes).then(
      () => void (this.#unsent -= bytes.length),
      () => {}, // `closed` reports it
    );
  }

  protected override write(packets: Packet[]): void {
    this.writable = false;
    encodePackets(packets, this.supportsBinary, (encoded) => {
      // all packets leave together, in order
      void Promise.all(encoded.map(readEncoded))
        .then((ready) => Promise.all(ready.map((data) => this.#send(framePacket(data)))))
        .then(() =>
          nextTick(() => {
            this.writable = true;
            this.emitReserved("drain");
          }),
        );
    });
  }

  #fail(error: unknown): void {
    const session = this.#session;
    this.#session = undefined;
    this.#finish?.();
    if (!session) return;
    this.onError("webtransport error", error);
    leave(session);
  }

  /** Servers of Portage end a session with a code and a text, others with neither. */
  #onEnd({ closeCode, reason = "" }: SessionEnd = {}): void {
    const session = this.#session;
    this.#session = undefined;
    this.#finish?.();
    if (!session) return;
    unlessLeaving(this, () => this.closeSaying_("webtransport session closed", { code: closeCode || 1006, reason }));
  }

  protected override onClosePacket_(data: unknown): void {
    const session = this.#session;
    this.#session = undefined;
    // the server waits for that
    if (session) leave(session);
    super.onClosePacket_(data);
  }

  protected override doClose(): void {
    const session = this.#session;
    const writer = this.#writer;
    this.#session = undefined;
    if (!session) return;
    if (!writer) return leave(session);
    void this.#send(framePacket("1"));
    const timer = this.setTimeoutFn(() => this.#finish?.(), LONGEST_GOODBYE);
    this.#finish = () => {
      this.#finish = undefined;
      this.clearTimeoutFn(timer);
      leave(session);
    };
  }
}
