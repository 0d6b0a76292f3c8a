/*
 * HTTP long-polling. States: `opening` (until the handshake), `open`, `pausing` (for an upgrade: requests under way
 * finish), `paused` (without requests), `closed`. `resume` leads back to `open` if the upgrade fails.
 *
 * Invariants between calls:
 * - At most one GET and one POST are under way. In `open` a GET always is.
 * - From the handshake to the close, `writable` is false exactly while a POST is under way and `#queue` is not empty.
 * - A POST carries the first packets of `#queue`. They leave it only after the server answered `ok`.
 * - A closed transport may still finish a POST with the close packet; `#abort` ends it after 10 seconds at the latest.
 *
 * A second POST would send the same packets twice, a second GET makes the server end the transport. Without a GET in `open`
 * pings do not arrive, and the session times out.
 */
import { decodePayload, encodePayload, type Packet, type PacketType } from "@portage/parser/engine";
import { takeFitting } from "../write-buffer.ts";
import { after } from "../platform/timers.ts";
import { openStream, type Stream, type StreamReader } from "./stream.ts";
import { Transport, type TransportErrorCode } from "./transport.ts";

/** Aborts a request; has no effect on a finished one. */
export type Abort = () => void;

/**
 * Receives the result of a request: the text of a 200; otherwise undefined, the HTTP status (0 without an answer) and
 * details of the answer.
 */
export type OnEnd = (text: string | undefined, status?: unknown, context?: unknown) => void;

/** `readyState` of a finished XMLHttpRequest. */
export const DONE = 4;

/** Returns the context of a request without an answer, in the shape of an XMLHttpRequest. */
export const noAnswer = (error: unknown): object => ({ readyState: DONE, status: 0, responseText: "", error });

/** Time limit for the delivery of the close packet, in milliseconds. */
const CLOSE_TIMEOUT = 10_000;
const PAYLOAD_TOO_LARGE = 413;

/** Base class of HTTP long-polling: GETs receive packets, POSTs send them. A subclass makes the requests. */
export abstract class Polling extends Transport implements StreamReader {
  /** Error messages, which programs compare. */
  protected readError_ = "xhr poll error";
  protected writeError_ = "xhr post error";
  #abortPoll: Abort | undefined;
  #abortPost: Abort | undefined;
  /** The answer under way, if it may go on. */
  #stream: Stream | undefined;
  /** Packets not yet confirmed by the server. */
  #queue: Packet[] = [];
  /** Limit of packets per POST; lowered when the server or a proxy refuses a body as too large. */
  #maxPackets = Infinity;
  #onPause: (() => void) | undefined;
  #stopCloseTimer: Abort | undefined;

  get name(): string {
    return "polling";
  }

  /** Makes one request, a POST if there is a body, else a GET. Calls `onEnd` later, never before it returns. */
  protected abstract request(body: string | undefined, onEnd: OnEnd): Abort;

  /** The address of the next request. */
  protected uri(stream?: Stream): string {
    const { timestampRequests = true } = this.opts;
    // the handshake announces features of this client: close reasons, and base64 if it can't receive bytes
    const skills = (!this.query["sid"] || this.query["carry"] != null) && {
      reasons: 1,
      ...(!this.supportsBinary && { b64: 1 }),
    };
    return this.requestUri_("http", timestampRequests, stream ? { stream: stream.prelude_ } : skills);
  }

  protected override doOpen(): void {
    this.#poll();
  }

  override fitting_(packets: readonly Packet[], limit: number): Packet[] {
    return takeFitting(packets, limit);
  }

  override pause(onPause: () => void): void {
    this.readyState = "pausing";
    this.#onPause = onPause;
    this.#proceed();
  }

  override resume(): void {
    this.readyState = "open";
    this.#proceed();
  }

  /** Polls again, or finishes a pause. */
  #proceed(): void {
    if (this.#abortPoll) return;
    if (this.readyState === "open") this.#poll();
    else if (this.readyState === "pausing" && this.writable) {
      this.readyState = "paused";
      this.#onPause!();
    }
  }

  #poll(): void {
    this.#stream = undefined;
    this.#abortPoll = this.#exchange(undefined, (text) => {
      this.#abortPoll = undefined;
      const phase = this.#stream?.phase_;
      this.#stream?.end_(text);
      if (phase === "complete") this.#onPolled();
      // the rest was cut off on the way
      else if (phase === "open") this.#onFailure(undefined, 200, { readyState: DONE, status: 200, responseText: text });
      else this.onData(text);
    });
    this.emitReserved("poll");
  }

  /** Returns what reads the answer to a GET as it comes, if it may go on. Servers that carry sessions know how. */
  protected stream_(body: string | undefined): Stream | undefined {
    const { hostname, port, stream = true } = this.opts;
    if (body || !stream || this.readyState !== "open" || !this.socket.carry_) return undefined;
    return (this.#stream = openStream(this, hostname + ":" + port, this.attempt_?.took));
  }

  onStreamed_(packet: string): void {
    if (this.readyState !== "closed") super.onData(packet);
  }

  onHeld_(): void {
    // the server ends the answer
    if (this.readyState !== "closed") this.#say("noop");
  }

  /** Sends a packet of its own, after the POST under way. */
  #say(type: PacketType): void {
    this.#queue.push({ type });
    if (!this.writable) return;
    this.writable = false;
    this.#post();
  }

  protected override onData(payload: string): void {
    const packets = decodePayload(payload, this.socket.binaryType);
    if (this.readyState === "closed") return this.#onLatePacket(packets[0]!);
    for (const packet of packets) {
      // a noop packet answers a session that returns
      if (this.readyState === "opening" && (packet.type === "open" || packet.type === "noop")) this.onOpen();
      if (packet.type === "error") packet.data = payload;
      this.onPacket(packet);
      if (packet.type === "close") return;
    }
    this.#onPolled();
  }

  #onPolled(): void {
    if (this.readyState === "closed") return;
    this.emitReserved("pollComplete");
    this.#proceed();
  }

  /** Closes a session that the server opened after this transport was closed. */
  #onLatePacket({ type, data }: Packet): void {
    if (type === "open") this.query["sid"] = /"sid":"([^"]+)/.exec(data as string)?.[1];
    else if (type !== "noop") return;
    this.#post();
  }

  protected override write(packets: Packet[]): void {
    this.writable = false;
    this.#queue = this.#queue.concat(packets);
    this.#post();
  }

  #post(): void {
    const batch = this.#queue.slice(0, this.#maxPackets);
    const stream = this.#stream;
    encodePayload(batch, (body) => {
      this.#abortPost = this.#exchange(body, (responseText) => {
        const [isOk, count] = /^\s*ok\s*(\d*)\s*$/i.exec(responseText) ?? [];
        // captive portals answer 200 too
        if (!isOk) return this.#onFailure(body, 200, { readyState: DONE, status: 200, responseText });
        // the count of an answer that has ended meanwhile is of no use
        if (stream === this.#stream) stream?.check_(+count!);
        this.#queue.splice(0, batch.length);
        if (this.#queue.length) this.#post();
        else if (this.readyState === "closed") this.#abort();
        else {
          this.writable = true;
          this.emitReserved("drain");
          this.#proceed();
        }
      });
    });
  }

  protected override doClose(): void {
    this.#stopCloseTimer = after(this, CLOSE_TIMEOUT, () => this.#abort());
    // while opening there is not a session to close yet
    this.#say("close");
  }

  override drop_(): void {
    super.drop_();
    this.readyState = "closed";
    this.#abort();
  }

  /** Aborts all requests. */
  #abort(): void {
    this.#stopCloseTimer?.();
    this.#stream?.leave_();
    this.#abortPoll?.();
    this.#abortPost?.();
  }

  #exchange(body: string | undefined, onText: (text: string) => void): Abort {
    const { requestTimeout } = this.opts;
    let stopTimer: Abort | undefined;
    try {
      const abort = this.request(body, (text, status, context) => {
        stopTimer?.();
        if (text !== undefined) onText(text);
        else this.#onFailure(body, status, context);
      });
      if (requestTimeout! > 0) stopTimer = after(this, requestTimeout!, abort);
      return abort;
    } catch (error) {
      // the platform can't make requests
      return after(this, 0, () => this.#onFailure(body, 0, noAnswer(error), "TRANSPORT_UNAVAILABLE"));
    }
  }

  #onFailure(body: string | undefined, status: unknown, context: unknown, code?: TransportErrorCode): void {
    const sent = Math.min(this.#queue.length, this.#maxPackets);
    const isTooLarge = body && status === PAYLOAD_TOO_LARGE;
    if (!body) this.#stream?.end_();
    if (isTooLarge && sent > 1) {
      // a refused body was not delivered in part, so its packets can go out in smaller ones
      this.#maxPackets = sent >> 1;
      this.#post();
    } else if (this.readyState !== "closed") {
      this.onError(body ? this.writeError_ : this.readError_, status, context, isTooLarge ? "PAYLOAD_TOO_LARGE" : code);
    }
    // without a server or a session, the close packet is pointless
    if (this.readyState === "closed" && (body || !this.query["sid"])) this.#abort();
  }
}
