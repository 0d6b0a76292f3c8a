import { decodePayload, encodePayload, type Packet } from "@portage/parser/engine";
import { takeFitting } from "../write-buffer.ts";
import { after } from "../platform/timers.ts";
import { Transport, type TransportErrorCode } from "./transport.ts";

/** Ends a request, or does nothing when it has ended. */
export type Abort = () => void;

/**
 * Takes how a request ended: with the text of a 200; or undefined, the HTTP status (0: no answer) and what is
 * known of the answer.
 */
export type OnEnd = (text: string | undefined, status?: unknown, context?: unknown) => void;

/** State of an XMLHttpRequest that has ended. */
export const DONE = 4;

/** The context of a request without an answer, as XMLHttpRequest would show it. */
export const noAnswer = (error: unknown): object => ({ readyState: DONE, status: 0, responseText: "", error });

/** Milliseconds that a transport may take to say goodbye. */
const CLOSE_TIMEOUT = 10_000;
const PAYLOAD_TOO_LARGE = 413;

/** HTTP long-polling: one GET waits for packets, one POST at a time carries them. A subclass makes the requests. */
export abstract class Polling extends Transport {
  /** Messages of errors: programs match on them. */
  protected readError_ = "xhr poll error";
  protected writeError_ = "xhr post error";
  #abortPoll: Abort | undefined;
  #abortPost: Abort | undefined;
  /** Packets that were written and not delivered yet. */
  #queue: Packet[] = [];
  /** Most packets in one request. Less than all once something on the way has refused a body for its size. */
  #maxPackets = Infinity;
  #onPause: (() => void) | undefined;
  #stopCloseTimer: Abort | undefined;

  get name(): string {
    return "polling";
  }

  /** Makes one request, a GET or with a body a POST, and reports its end later, never before it returns. */
  protected abstract request(body: string | undefined, onEnd: OnEnd): Abort;

  /** The address of the next request. */
  protected uri(): string {
    const { timestampRequests = true } = this.opts;
    // the handshake says what this client knows: bytes or not, and reasons in close packets
    const skills = !this.query["sid"] && { reasons: 1, ...(!this.supportsBinary && { b64: 1 }) };
    return this.requestUri_("http", timestampRequests, skills);
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

  /** Polls again, or is at rest. */
  #proceed(): void {
    if (this.#abortPoll) return;
    if (this.readyState === "open") this.#poll();
    else if (this.readyState === "pausing" && this.writable) {
      this.readyState = "paused";
      this.#onPause!();
    }
  }

  #poll(): void {
    this.#abortPoll = this.#exchange(undefined, (text) => {
      this.#abortPoll = undefined;
      this.onData(text);
    });
    this.emitReserved("poll");
  }

  protected override onData(payload: string): void {
    const packets = decodePayload(payload, this.socket.binaryType);
    if (this.readyState === "closed") return this.#onLatePacket(packets[0]!);
    for (const packet of packets) {
      if (this.readyState === "opening" && packet.type === "open") this.onOpen();
      this.onPacket(packet);
      if (packet.type === "close") return;
    }
    if (this.readyState === ("closed" as string)) return;
    this.emitReserved("pollComplete");
    this.#proceed();
  }

  /** The transport was closed before the server had opened the session: that must not stay behind. */
  #onLatePacket({ type, data }: Packet): void {
    if (type !== "open") return;
    this.query["sid"] = /"sid":"([^"]+)/.exec(data as string)?.[1];
    this.#post();
  }

  protected override write(packets: Packet[]): void {
    this.writable = false;
    this.#queue = this.#queue.concat(packets);
    this.#post();
  }

  #post(): void {
    const batch = this.#queue.slice(0, this.#maxPackets);
    encodePayload(batch, (body) => {
      this.#abortPost = this.#exchange(body, (responseText) => {
        // a captive portal answers 200 too
        if (!/^\s*ok\s*$/i.test(responseText)) {
          return this.#onFailure(body, 200, { readyState: DONE, status: 200, responseText });
        }
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
    this.#queue.push({ type: "close" });
    // while a POST is under way its successor takes the packet along; while opening there is no session to close yet
    if (this.writable) this.#post();
  }

  /** Nothing more is of interest. */
  #abort(): void {
    this.#stopCloseTimer?.();
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
      // the platform has nothing to make requests with
      return after(this, 0, () => this.#onFailure(body, 0, noAnswer(error), "TRANSPORT_UNAVAILABLE"));
    }
  }

  #onFailure(body: string | undefined, status: unknown, context: unknown, code?: TransportErrorCode): void {
    const sent = Math.min(this.#queue.length, this.#maxPackets);
    const isTooLarge = body && status === PAYLOAD_TOO_LARGE;
    if (isTooLarge && sent > 1) {
      // a refused body has not been delivered in part: smaller ones may pass
      this.#maxPackets = sent >> 1;
      this.#post();
    } else if (this.readyState !== "closed") {
      this.onError(body ? this.writeError_ : this.readError_, status, context, isTooLarge ? "PAYLOAD_TOO_LARGE" : code);
    }
    // a server that is not there, or knows no session, needs no goodbye
    if (this.readyState === "closed" && (body || !this.query["sid"])) this.#abort();
  }
}
