/*
 * The front's end of a tunnel: the client's socket, whose bytes go to the owner of the session.
 */
import type { Duplex } from "node:stream";
import type { Clock, PendingCall, TakenStream } from "@portage/server/relay";
import { MAX_DATA } from "../core/frames.ts";
import { Http2Answer } from "./connect-answer.ts";
import type { LinkStreams } from "./streams.ts";
import type { TunnelResetCode } from "../core/tunnel-table.ts";
import { TunnelEnd } from "./tunnel-end.ts";

/** What the ends at a front need of their node. */
export interface TunnelFrontDesk {
  readonly clock: Clock;
  onFrontOver(end: FrontTunnel): void;
}

/** Milliseconds that a client has to read the last bytes of a tunnel that is over. */
const LINGER = 30_000;

/** Leads the shared listeners from a socket to its tunnel, without a closure per tunnel. */
const TUNNEL = Symbol("tunnel");

type ClientStream = Duplex & {
  [TUNNEL]?: FrontTunnel | undefined;
  setTimeout?(milliseconds: number): unknown;
  setNoDelay?(noDelay: boolean): unknown;
};

/** A client's WebSocket that another node has. */
export class FrontTunnel extends TunnelEnd {
  readonly #desk: TunnelFrontDesk;
  readonly #stream: ClientStream;
  /** The answer to the CONNECT of HTTP/2, until it was given. */
  #answer: Http2Answer | undefined;
  #linger: PendingCall | undefined = undefined;

  constructor(desk: TunnelFrontDesk, streams: LinkStreams, { stream, respond }: TakenStream) {
    super(streams);
    this.#desk = desk;
    this.#stream = stream;
    this.#answer = respond && new Http2Answer(stream, respond);
  }

  /** Sends the handshake to the owner, then what follows. */
  start(request: Buffer, head: Buffer): void {
    const first = head.subarray(0, MAX_DATA);
    this.spend(first.length);
    this.send("UPGRADE", request, first);
    listenToClient(this.#stream, this);
    if (!this.forward(head.subarray(first.length))) this.#stream.pause();
  }

  /** Asks the owner to end the WebSocket, because this node leaves. */
  release(): void {
    if (this.phase !== "over") this.send("RELEASE");
  }

  protected get unread(): number {
    return this.#stream.writableLength + (this.#answer?.size ?? 0);
  }

  protected deliver(bytes: Buffer): void {
    if (this.#answer === undefined) this.#stream.write(bytes);
    else this.#readAnswer(this.#answer, bytes);
  }

  #readAnswer(answer: Http2Answer, bytes: Buffer): void {
    const state = answer.read(bytes);
    if (state === "answered") this.#answer = undefined;
    else if (state === "malformed") this.#stream.destroy();
  }

  protected onSendable(): void {
    const stream = this.#stream;
    if (stream.readableEnded) this.signal("ended");
    else if (stream.isPaused()) stream.resume();
  }

  protected end(): void {
    this.#answer?.end();
    this.#answer = undefined;
    this.#stream.end();
    if (this.phase === "over") this.#boundEnd();
  }

  protected cut(): void {
    this.#stream.destroy();
  }

  protected cutWhenSent(): void {
    const stream = this.#stream;
    if (stream.writableFinished) return void stream.destroy();
    stream.once("finish", destroyClient);
    this.#boundEnd();
  }

  /** Cuts the client's connection. */
  abandon(): void {
    this.#stream.destroy();
  }

  protected onOver(): void {
    this.#desk.onFrontOver(this);
  }

  /** Limits the client's time for the last bytes. */
  #boundEnd(): void {
    this.#linger ??= this.#desk.clock.after(LINGER, () => this.#stream.destroy());
  }

  /** Called when the client has ended its side. */
  onStreamEnd(): void {
    if (!this.isBlocked) this.signal("ended");
    if (this.phase === "over" && !this.#stream.writableFinished) this.#boundEnd();
  }

  onStreamClose(code: TunnelResetCode): void {
    this.#linger?.cancel();
    this.#linger = undefined;
    this.signal("closed", code);
  }
}

function listenToClient(stream: ClientStream, tunnel: FrontTunnel): void {
  stream[TUNNEL] = tunnel;
  stream.setTimeout?.(0);
  stream.setNoDelay?.(true);
  stream.on("data", onClientData);
  stream.on("end", onClientEnd);
  stream.on("drain", onClientDrain);
  stream.on("error", ignoreClientError);
  stream.on("close", onClientClose);
}

function onClientData(this: ClientStream, chunk: Buffer): void {
  if (this[TUNNEL]?.forward(chunk) === false) this.pause();
}

function onClientEnd(this: ClientStream): void {
  this[TUNNEL]?.onStreamEnd();
}

function onClientDrain(this: ClientStream): void {
  this[TUNNEL]?.returnCredit();
}

function onClientClose(this: ClientStream): void {
  const tunnel = this[TUNNEL];
  this[TUNNEL] = undefined;
  tunnel?.onStreamClose(this.errored ? "broken" : "closed");
}

function destroyClient(this: ClientStream): void {
  this.destroy();
}

function ignoreClientError(): void {}
