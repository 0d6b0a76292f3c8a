/*
 * The owner's end of a tunnel: a stream that the engine takes for the socket of a WebSocket handshake.
 */
import type { RequestPeer } from "../core/heads.ts";
import type { Frame } from "../core/frames.ts";
import type { TunnelResetCode } from "../core/tunnel-table.ts";
import { StreamSocket } from "../links/stream-socket.ts";
import type { LinkStreams } from "./streams.ts";
import { TunnelEnd } from "./tunnel-end.ts";

/** What the owner's ends need of their node. */
export interface TunnelOwnerDesk {
  /** The front leaves: the client is to go elsewhere. */
  onRelease(end: OwnerTunnel): void;
  onOwnerOver(end: OwnerTunnel): void;
}

/** Where a tunnel comes from. */
export interface TunnelOrigin {
  readonly streams: LinkStreams;
  /** Given by the front. */
  readonly number: number;
  readonly peer: RequestPeer;
  readonly desk: TunnelOwnerDesk;
}

type OnWritten = (error?: Error | null) => void;

/** The error of a socket whose client, or the way to it, broke; with Node's code. */
class BrokenTunnelError extends Error {
  readonly code = "ECONNRESET";

  constructor() {
    super("the connection broke at another node of the cluster");
  }
}

const ignoreTunnelError = (): void => {};

/** A socket of a client that is connected to another node. Has the members of `net.Socket` that servers use. */
export class TunnelSocket extends StreamSocket {
  readonly tunnel: OwnerTunnel;
  readonly #peer: RequestPeer;
  /** Called when the pending write has been sent. */
  #written: OnWritten | undefined = undefined;

  constructor(origin: TunnelOrigin) {
    super();
    this.#peer = origin.peer;
    this.tunnel = new OwnerTunnel(origin, this);
    // A reset may come while nothing else listens.
    this.on("error", ignoreTunnelError);
  }

  get remoteAddress(): string | undefined {
    return this.#peer.address || undefined;
  }

  get remotePort(): number | undefined {
    return this.#peer.port || undefined;
  }

  get remoteFamily(): string | undefined {
    const { remoteAddress } = this;
    return remoteAddress && (remoteAddress.includes(":") ? "IPv6" : "IPv4");
  }

  /** True for TLS, otherwise undefined, as in Node.js. */
  get encrypted(): true | undefined {
    return this.#peer.isEncrypted || undefined;
  }

  get connecting(): boolean {
    return false;
  }

  override _read(): void {
    this.tunnel.returnCredit();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, written: OnWritten): void {
    this.tunnel.forward(chunk);
    this.#afterSend(written);
  }

  override _writev(writes: readonly { readonly chunk: unknown }[], written: OnWritten): void {
    const chunks: Buffer[] = [];
    let size = 0;
    for (const { chunk } of writes) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
    }
    this.tunnel.forwardAll(chunks, size);
    this.#afterSend(written);
  }

  #afterSend(written: OnWritten): void {
    if (this.tunnel.isBlocked) this.#written = written;
    else written();
  }

  /** Reports a pending write as done. */
  onSent(error?: Error): void {
    const written = this.#written;
    this.#written = undefined;
    written?.(error);
  }

  override _final(done: OnWritten): void {
    this.tunnel.signal("ended");
    done();
  }

  override _destroy(error: Error | null, done: OnWritten): void {
    this.tunnel.signal("closed", error ? "broken" : "closed");
    if (this.#written) this.onSent(error ?? new BrokenTunnelError());
    done(error);
  }
}

/** The tunnel below a `TunnelSocket`. */
export class OwnerTunnel extends TunnelEnd {
  readonly socket: TunnelSocket;
  readonly #desk: TunnelOwnerDesk;
  /** The id of the session, as the request says it. */
  sid = "";

  constructor({ streams, number, desk }: TunnelOrigin, socket: TunnelSocket) {
    super(streams, number);
    this.socket = socket;
    this.#desk = desk;
  }

  /** Counts bytes that came with the handshake. */
  takeHead(head: Buffer): boolean {
    return this.take(head.length);
  }

  override onFrame(frame: Frame): void {
    if (frame.type === "RELEASE") this.#desk.onRelease(this);
    else super.onFrame(frame);
  }

  protected get unread(): number {
    return this.socket.readableLength;
  }

  protected deliver(bytes: Buffer): void {
    this.socket.push(bytes);
  }

  protected onSendable(): void {
    this.socket.onSent();
  }

  protected end(): void {
    this.socket.push(null);
  }

  protected cut(code: TunnelResetCode): void {
    this.socket.destroy(code === "broken" ? new BrokenTunnelError() : undefined);
  }

  protected cutWhenSent(code: TunnelResetCode): void {
    this.cut(code);
  }

  protected onOver(): void {
    this.#desk.onOwnerOver(this);
  }
}
