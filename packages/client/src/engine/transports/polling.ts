import { decodePayload, encodePayload, type Packet } from "@portage/parser/engine";
import { Transport } from "../transport.ts";

/** Ends a request; nothing more is reported of it that matters. */
export type Abort = () => void;

/** Takes what went wrong: the HTTP status, 0 or an Error when there was no answer, and what is known of the answer. */
export type OnFailure = (status: unknown, context?: unknown) => void;

/** Milliseconds that a transport may take to say goodbye. */
const CLOSE_TIMEOUT = 10_000;
const PAYLOAD_TOO_LARGE = 413;

/** HTTP long-polling: one GET waits for packets, one POST at a time carries them. A subclass makes the requests. */
export abstract class Polling extends Transport {
  /** Messages of errors: programs match on them. */
  protected readError = "xhr poll error";
  protected writeError = "xhr post error";
  /** The requests under way, by method. */
  readonly #requests = new Map<string, Abort>();
  /** Packets that were written and not delivered yet. */
  #queue: Packet[] = [];
  /** Most packets in one request. Less than all once something on the way has refused a body for its size. */
  #maxPackets = Infinity;
  #onPause: (() => void) | undefined;
  #closeTimer: unknown;

  get name(): string {
    return "polling";
  }

  /** Makes one request, a GET or with a body a POST, and reports later, never before it returns. */
  protected abstract request(body: string | undefined, onText: (text: string) => void, onFailure: OnFailure): Abort;

  /** The address of the next request. */
  protected uri(): string {
    const { timestampRequests } = this.opts;
    return this.createRequestUri("http", timestampRequests !== false, !this.supportsBinary && !this.query["sid"]);
  }

  protected override doOpen(): void {
    this.#poll();
  }

  override pause(onPause: () => void): void {
    this.readyState = "pausing";
    this.#onPause = onPause;
    this.#settle();
  }

  override resume(): void {
    if (this.readyState === "pausing" || this.readyState === "paused") {
      this.readyState = "open";
      if (!this.#requests.has("GET")) this.#poll();
    }
  }

  #settle(): void {
    if (this.readyState === "pausing" && this.writable && !this.#requests.has("GET")) {
      this.readyState = "paused";
      this.#onPause!();
    }
  }

  #poll(): void {
    this.#exchange("GET", undefined, (text) => this.onData(text));
    this.emitReserved("poll");
  }

  protected override onData(payload: string): void {
    const packets = decodePayload(payload, this.socket.binaryType);
    if (this.readyState === "closed") return this.#onLateData(packets[0]!);
    try {
      for (const packet of packets) {
        if (this.readyState === "opening" && packet.type === "open") this.onOpen();
        if (packet.type === "close") return this.onClose({ description: "transport closed by the server" });
        this.onPacket(packet);
      }
    } finally {
      // even if a listener has thrown
      this.#onPollEnd();
    }
  }

  /** The transport was closed before the server had opened the session: it must not stay behind. */
  #onLateData({ type, data }: Packet): void {
    if (type === "open") {
      this.query["sid"] = /"sid":"([^"]+)/.exec(data as string)?.[1];
      this.#post();
    }
  }

  #onPollEnd(): void {
    if (this.readyState === "closed") return;
    this.emitReserved("pollComplete");
    this.#settle();
    if (this.readyState === "open" && !this.#requests.has("GET")) this.#poll();
  }

  protected override write(packets: Packet[]): void {
    this.writable = false;
    this.#queue.push(...packets);
    this.#post();
  }

  #post(): void {
    const batch = this.#queue.slice(0, this.#maxPackets);
    encodePayload(batch, (body) => this.#exchange("POST", body, () => this.#onDelivered(batch.length)));
  }

  #onDelivered(count: number): void {
    this.#queue.splice(0, count);
    if (this.#queue.length > 0) this.#post();
    else if (this.readyState === "closed") this.#abort();
    else {
      this.writable = true;
      this.emitReserved("drain");
      this.#settle();
    }
  }

  protected override doClose(): void {
    this.#closeTimer = this.setTimeoutFn(() => this.#abort(), CLOSE_TIMEOUT);
    this.#queue.push({ type: "close" });
    // while a POST is under way its successor takes the packet along; while opening there is no session to close yet
    if (this.writable) this.#post();
  }

  #abort(): void {
    this.clearTimeoutFn(this.#closeTimer as number);
    for (const abort of this.#requests.values()) abort();
  }

  #exchange(method: string, body: string | undefined, onText: (text: string) => void): void {
    const { requestTimeout } = this.opts;
    let timer: unknown;
    const end = (): void => {
      this.clearTimeoutFn(timer as number);
      this.#requests.delete(method);
    };
    const onFailure: OnFailure = (status, context) => {
      end();
      this.#onFailure(body, status, context);
    };
    const abort = this.request(
      body,
      (text) => {
        end();
        onText(text);
      },
      onFailure,
    );
    this.#requests.set(method, abort);
    if (requestTimeout) timer = this.setTimeoutFn(abort, requestTimeout);
  }

  #onFailure(body: string | undefined, status: unknown, context: unknown): void {
    const sent = Math.min(this.#queue.length, this.#maxPackets);
    if (this.readyState === "closed") this.#abort();
    else if (body && status === PAYLOAD_TOO_LARGE && sent > 1) {
      // a refused body has not been delivered in part: smaller ones may pass
      this.#maxPackets = sent >> 1;
      this.#post();
    } else this.onError(body ? this.writeError : this.readError, status, context);
  }
}
