/*
 * The GET half of long-polling: one poll, from its arrival to the end of its response.
 *
 *   client               server
 *   GET          ->      waiting    `Polling.writable` is true
 *                        answering  a batch was sent, and its body may be compressed first
 *                <- 200  over       the body belongs to Node; the next GET may arrive
 *
 * Between calls, a transport has at most one poll that is not over, and takes one batch for it. A poll that ends without
 * its response is reported once, as `POLL_ABORTED`, or as `POLL_LOST` if the connection broke inside the response; one that
 * is forgotten while it waits, because the process that had received it is gone, is reported as such.
 *
 * Two pending polls would break this, because packets could leave in either order: the second GET ends the transport. A batch
 * lost with its poll ends it too, because the protocol does not acknowledge packets. The session ends with its transport,
 * unless it is carried.
 */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { EnginePacket, RawData } from "@portage/parser/engine";
import { compressBody, type HttpCompression, compressionThreshold } from "../http/compression.ts";
import { wasForgotten } from "../http/forgotten.ts";
import { brokeOff, isGone } from "../http/http2.ts";
import type { HttpExchange, TransportRequest } from "../http/request.ts";
import { kAnswerPoll, kContext } from "../keys.ts";
import type { TransportContext } from "./context.ts";

/** How a poll fails: the client dropped it, or the connection broke inside the response. */
export type PollLoss = "POLL_ABORTED" | "POLL_LOST";

/** The transport that a poll belongs to. */
export interface PollOwner {
  readonly [kContext]: TransportContext;
  /** Sends the response. The poll is over, and the next one may arrive. */
  [kAnswerPoll](poll: Poll, headers: OutgoingHttpHeaders, body: RawData): void;
  /**
   * Called if the poll fails. A client that drops several polls at once causes several calls. A poll is forgotten if it is gone
   * while it waits, although its client may be there.
   */
  pollClosed(poll: Poll, loss: PollLoss | "forgotten"): void;
}

/** Leads the shared listener from a response to its poll, without a closure per poll. */
const POLL = Symbol("Poll");
type PollResponse = ServerResponse & { [POLL]?: Poll };

function onPollClose(this: PollResponse): void {
  this[POLL]?.responseClosed();
}

/**
 * One poll.
 *
 * - `waiting`: pending, without packets
 * - `answering`: it has its packets, which may still be compressing; they are lost if the client drops the poll now
 * - `over`: the response was handed to Node, or the client is gone
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

  /** Answers with a payload, compressed if `httpCompression` allows it. Call it once. */
  answer(contentType: string, body: RawData, batch: readonly EnginePacket[]): void {
    this.#state = "answering";
    const headers: OutgoingHttpHeaders = { "Content-Type": contentType };
    const { httpCompression } = this.#owner[kContext];
    if (!httpCompression || !mayCompress(batch) || Buffer.byteLength(body) < compressionThreshold(httpCompression)) {
      return this.#finish(headers, body);
    }
    this.#compress(headers, body, httpCompression);
  }

  /** Ends the connection without an answer, and reports nothing. */
  cut(): void {
    this.#state = "over";
    this.res.destroy();
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
    // The client may be gone before Node reports it. The packets are lost either way.
    if (isGone(this.res)) this.#owner.pollClosed(this, "POLL_ABORTED");
    else this.#owner[kAnswerPoll](this, headers, body);
  }

  /**
   * Reports a lost poll when its response closes. The packets are lost if the connection broke before the whole response
   * left the process. A later break means nothing, because proxies reset connections after reading the response.
   */
  responseClosed(): void {
    if (this.#state !== "over") {
      const isForgotten = this.#state === "waiting" && wasForgotten(this.res.req);
      this.#state = "over";
      this.#owner.pollClosed(this, isForgotten ? "forgotten" : "POLL_ABORTED");
    } else if (brokeOff(this.res)) {
      this.#owner.pollClosed(this, "POLL_LOST");
    }
  }
}

/** Clients that reject payloads of more than 16 packets: python-engineio, over requests and over aiohttp. */
const CAPPED_CLIENT = /^python-|\baiohttp\//i;
const PACKET_CAP = 16;

/** Returns how many packets the answer to a poll may have. */
export function mostPackets(
  { headers }: TransportRequest,
  { maxPollPackets }: Pick<TransportContext, "maxPollPackets">,
): number {
  return maxPollPackets ?? (CAPPED_CLIENT.test(headers["user-agent"] ?? "") ? PACKET_CAP : Infinity);
}

function mayCompress(batch: readonly EnginePacket[]): boolean {
  for (const packet of batch) if (packet.options.compress) return true;
  return false;
}
