import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { EnginePacket, RawData } from "@portage/parser/engine";
import { compressBody, type HttpCompression, compressionThreshold } from "../http/compression.ts";
import { brokeOff, isGone } from "../http/http2.ts";
import type { HttpExchange } from "../http/request.ts";
import { kAnswerPoll, kContext } from "../keys.ts";
import type { TransportContext } from "./context.ts";

/** How packets for the peer are lost: the client dropped its poll, or the connection broke inside the answer. */
export type PollLoss = "POLL_ABORTED" | "POLL_LOST";

/** The transport that a poll belongs to. */
export interface PollOwner {
  readonly [kContext]: TransportContext;
  /** The answer is made: the poll is over, and another one may come. */
  [kAnswerPoll](poll: Poll, headers: OutgoingHttpHeaders, body: RawData): void;
  /** The poll was over before its time; a client that drops several at once is reported several times. */
  pollClosed(poll: Poll, loss: PollLoss): void;
}

/** Where the shared listener finds the poll of a response: a poll that waits needs no closure. */
const POLL = Symbol("Poll");
type PollResponse = ServerResponse & { [POLL]?: Poll };

function onPollClose(this: PollResponse): void {
  this[POLL]?.responseClosed();
}

/**
 * The GET half of long-polling: one GET, from its arrival to the end of its answer. A transport without one polls not at all
 * (`none`); one with one waits, or answers.
 *
 * - `waiting`: for packets
 * - `answering`: it has got them, and they are being compressed: a client that drops it now has lost them
 * - `over`: the answer is with Node, or the client has gone
 */
export class Poll {
  readonly res: ServerResponse;
  readonly #owner: PollOwner;
  #state: "waiting" | "answering" | "over" = "waiting";

  constructor(owner: PollOwner, { res }: HttpExchange) {
    this.#owner = owner;
    this.res = res;
    (res as PollResponse)[POLL] = this;
    res.on("close", onPollClose);
  }

  /** Answers with a payload, which is compressed where that is wanted. Once. */
  answer(contentType: string, body: RawData, batch: readonly EnginePacket[]): void {
    this.#state = "answering";
    const headers: OutgoingHttpHeaders = { "Content-Type": contentType };
    const { httpCompression } = this.#owner[kContext];
    if (!httpCompression || !mayCompress(batch) || Buffer.byteLength(body) < compressionThreshold(httpCompression)) {
      return this.#finish(headers, body);
    }
    this.#compress(headers, body, httpCompression);
  }

  #compress(headers: OutgoingHttpHeaders, body: RawData, options: boolean | Partial<HttpCompression>): void {
    compressBody(body, this.res.req.headers["accept-encoding"], options, (encoding, compressed) => {
      if (encoding !== undefined) headers["Content-Encoding"] = encoding;
      this.#finish(headers, compressed);
    });
  }

  #finish(headers: OutgoingHttpHeaders, body: RawData): void {
    if (this.#state === "over") return;
    this.#state = "over";
    // Node has not reported yet that the client is gone: its packets are lost all the same.
    if (isGone(this.res)) this.#owner.pollClosed(this, "POLL_ABORTED");
    else this.#owner[kAnswerPoll](this, headers, body);
  }

  /**
   * The response is closed. When its connection broke before all of the answer had left the process, the packets have not
   * arrived. A connection that breaks later says nothing: proxies reset theirs when they have read the answer.
   */
  responseClosed(): void {
    if (this.#state !== "over") {
      this.#state = "over";
      this.#owner.pollClosed(this, "POLL_ABORTED");
    } else if (brokeOff(this.res)) {
      this.#owner.pollClosed(this, "POLL_LOST");
    }
  }
}

function mayCompress(batch: readonly EnginePacket[]): boolean {
  for (const packet of batch) if (packet.options.compress) return true;
  return false;
}
