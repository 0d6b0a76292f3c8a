import { framePacket, PacketReader } from "@portage/parser/engine";
import type {
  WebTransportSession,
  WebTransportStream,
} from "../../../packages/server/src/engine/transports/webtransport-link.ts";
import { Inbox } from "../waiting.ts";
import type { Peer, WirePacket } from "./peer.ts";

interface Half {
  readonly pipe: TransformStream<Uint8Array, Uint8Array>;
  fail(error: Error): void;
}

/** One direction of a stream in memory. `fail` drops unread chunks, like the end of a session. */
function half(): Half {
  let controller!: TransformStreamDefaultController<Uint8Array>;
  const pipe = new TransformStream<Uint8Array, Uint8Array>(
    { start: (made) => void (controller = made) },
    undefined,
    new ByteLengthQueuingStrategy({ highWaterMark: 64 * 1024 }),
  );
  return { pipe, fail: (error) => controller.error(error) };
}

/** Both ends of a session of WebTransport with at most one stream, in memory. */
export class SessionPair implements WebTransportSession {
  readonly url: string | undefined;
  readonly closed: Promise<unknown>;
  readonly incomingBidirectionalStreams: ReadableStream<WebTransportStream>;
  /** Arguments of `close()` by the server. */
  readonly closes: { closeCode?: number; reason?: string }[] = [];
  readonly #up = half();
  readonly #down = half();
  #streams!: ReadableStreamDefaultController<WebTransportStream>;
  #settle!: { resolve(info: unknown): void; reject(error: Error): void };

  constructor(url?: string) {
    this.url = url;
    this.closed = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.closed.catch(() => undefined);
    this.incomingBidirectionalStreams = new ReadableStream({ start: (made) => void (this.#streams = made) });
  }

  /** The client opens its stream. */
  openStream(): { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> } {
    this.#streams.enqueue({ readable: this.#up.pipe.readable, writable: this.#down.pipe.writable });
    return { readable: this.#down.pipe.readable, writable: this.#up.pipe.writable };
  }

  /** The server's end of the stream, for tests without an engine. */
  accepted(): { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> } {
    return { readable: this.#up.pipe.readable, writable: this.#down.pipe.writable };
  }

  close(info: { closeCode?: number; reason?: string } = {}): void {
    this.closes.push(info);
    this.end(undefined, info);
  }

  /** The session ends, by either side. */
  end(error?: Error, info: object = {}): void {
    if (error) this.#settle.reject(error);
    else this.#settle.resolve(info);
    for (const way of [this.#up, this.#down]) way.fail(error ?? new Error("the session is closed"));
  }
}

/** The client of a session. Like clients of Portage it leaves when the server says goodbye. */
export class WebTransportPeer implements Peer {
  readonly session: SessionPair;
  /** Whether it leaves at a close packet; the clients of the reference do not. */
  leaves = true;
  readonly #inbox = new Inbox<WirePacket>("a packet by WebTransport");
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(session: SessionPair) {
    this.session = session;
    const { readable, writable } = session.openStream();
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => undefined);
    this.#read(readable).catch(() => this.#inbox.push("end"));
  }

  async #read(readable: ReadableStream<Uint8Array>): Promise<void> {
    const packets = new PacketReader(Infinity);
    for await (const chunk of readable) {
      packets.push(chunk);
      for (let packet = packets.next(); packet !== undefined; packet = packets.next()) {
        if (typeof packet === "string" && packet.startsWith("1") && this.leaves) this.session.end();
        else this.#inbox.push(packet);
      }
    }
  }

  send(...packets: WirePacket[]): Promise<unknown> {
    return this.write(Buffer.concat(packets.map((packet) => framePacket(packet))));
  }

  /** Sends bytes as they are. */
  write(bytes: Uint8Array): Promise<unknown> {
    return this.#writer.write(bytes);
  }

  next(): Promise<WirePacket> {
    return this.#inbox.next();
  }

  cut(): void {
    this.session.end(new Error("cut"));
  }
}

/** Returns the platform's class, for clients in this process; `take` gets each session, for the server. */
export function platformClass(take: (session: SessionPair) => void): new (url: string) => object {
  return class {
    readonly ready: Promise<void> = Promise.resolve();
    readonly closed: Promise<unknown>;
    readonly #session: SessionPair;

    constructor(url: string) {
      this.#session = new SessionPair(url);
      this.closed = this.#session.closed;
      take(this.#session);
    }

    createBidirectionalStream(): Promise<object> {
      const { readable, writable: sink } = this.#session.openStream();
      const writer = sink.getWriter();
      for (const promise of [writer.ready, writer.closed]) promise.catch(() => undefined);
      // Does not reject after the end: the reference would leave that to the process.
      const writable = new WritableStream({ write: (chunk) => writer.write(chunk).catch(() => undefined) });
      return Promise.resolve({ readable, writable });
    }

    close(): void {
      this.#session.end();
    }
  };
}
