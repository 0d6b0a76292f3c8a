import type { IncomingMessage } from "node:http";
import { decodePacketV4, PacketReader, writeCloseText } from "@portage/parser/engine";
import type { PendingCall } from "../../base/clock.ts";
import type { TransportRequest } from "../http/request.ts";
import { kContext, kOfferUpgrade, kReportRefusal } from "../keys.ts";
import { ERROR_CODES, type Refusal, type RefusalName, REFUSALS, refusalName } from "../report/refusals.ts";
import type { TransportContext } from "../transports/context.ts";
import { streamKind } from "../transports/registry.ts";
import type { Transport } from "../transports/transport.ts";
import {
  closeSession,
  type OpenedStream,
  WebTransportLink,
  type WebTransportSession,
} from "../transports/webtransport-link.ts";
import type { JoinedSession, RequestOpening } from "./opening.ts";
import { FINAL, isFinalReturn, statusOf } from "./refusal-answer.ts";
import { requestFor, type SessionClient, takeParameters } from "./webtransport-request.ts";

export type { SessionClient, WebTransportSession };

/** Most bytes of the first packet. */
const MAX_FIRST = 4096;

/** Most sessions that have not sent their first packet yet. Of more, the oldest is refused. */
const MAX_SILENT = 1000;

/** The part of the engine that sessions of WebTransport use. */
export interface WebTransportHost {
  readonly opts: {
    readonly transports: readonly string[];
    readonly maxHttpBufferSize: number;
    readonly upgradeTimeout: number;
    readonly allowRequest?: unknown;
    readonly cors?: unknown;
    readonly maxConnectionsPerUser?: number;
  };
  readonly [kContext]: TransportContext;
  [kReportRefusal](req: IncomingMessage, refusal: Refusal): void;
}

const refusedSession = (name: RefusalName, context: Record<string, unknown> = {}): Refusal => ({
  code: REFUSALS[name].code,
  context: { name, ...context },
});

/** A session of WebTransport, until it carries a session of the engine or is refused. */
export class WebTransportOpening implements RequestOpening {
  readonly req: TransportRequest;
  readonly #host: WebTransportHost;
  readonly #session: WebTransportSession;
  #phase: "waiting" | "accepted" | "gone" = "waiting";
  #stream: OpenedStream | undefined;

  constructor(host: WebTransportHost, session: WebTransportSession, source: SessionClient) {
    this.#host = host;
    this.#session = session;
    this.req = requestFor(session, source);
    const leave = (): void => this.#leave();
    session.closed.then(leave, leave);
  }

  #leave(): void {
    if (this.#phase === "waiting") this.#phase = "gone";
  }

  isGone(): boolean {
    return this.#phase === "gone";
  }

  /** Reads the first packet of the first stream. Returns why the session is refused; undefined if it may go on, or is gone. */
  async readFirst(): Promise<Refusal | undefined> {
    const { value: stream } = await this.#session.incomingBidirectionalStreams.getReader().read();
    if (stream === undefined) return this.#leave() as undefined;
    const packets = new PacketReader(MAX_FIRST);
    const input = stream.readable.getReader();
    this.#stream = { input, output: stream.writable.getWriter(), packets };
    try {
      let first = packets.next();
      while (first === undefined) {
        const { done, value } = await input.read();
        if (this.isGone()) return undefined;
        if (done) return refusedSession("WEBTRANSPORT_HANDSHAKE");
        packets.push(value!);
        first = packets.next();
      }
      packets.limit = this.#host.opts.maxHttpBufferSize;
      return takeParameters(this.req, decodePacketV4(first)) ? undefined : refusedSession("WEBTRANSPORT_HANDSHAKE");
    } catch (error) {
      return refusedSession("WEBTRANSPORT_HANDSHAKE", { error });
    }
  }

  accept(): Transport | undefined {
    if (this.#phase !== "waiting" || !this.#stream) return undefined;
    this.#phase = "accepted";
    const context = this.#host[kContext];
    const link = new WebTransportLink(this.#session, this.#stream, context);
    return streamKind("webtransport").make(this.req, context, link);
  }

  begin(transport: Transport): void {
    transport.open();
  }

  join(session: JoinedSession): void {
    const candidate = this.accept();
    if (!candidate) return;
    session[kOfferUpgrade](candidate);
    candidate.open();
  }

  refuse(refusal: Refusal): void {
    if (this.#phase !== "waiting") return;
    this.#phase = "gone";
    this.#host[kReportRefusal](this.req, refusal);
    const { retryAfter } = refusal;
    const closeCode = isFinalReturn(this.req, refusal) ? FINAL : statusOf(refusal);
    closeSession(this.#session, closeCode, writeCloseText({ code: refusalName(refusal), retryAfter }));
  }
}

/** How the engine goes on with a session whose first packet has been read. */
interface OnwardSteps {
  /** Whether middlewares of the program are in use. */
  hasMiddlewares(): boolean;
  /** Checks the limits, and passes the session on. */
  admit(opening: WebTransportOpening): void;
}

/** Receives sessions of WebTransport that the program passes to the engine. */
export class WebTransportDoor {
  readonly #host: WebTransportHost;
  readonly #steps: OnwardSteps;
  /** Sessions that have not sent their first packet yet, with their timers; the oldest first. */
  readonly #waiting: Map<WebTransportOpening, PendingCall> = new Map();

  constructor(host: WebTransportHost, steps: OnwardSteps) {
    this.#host = host;
    this.#steps = steps;
  }

  /** Resolves when the session is admitted, refused, or gone. Never rejects. */
  async take(session: WebTransportSession, source: SessionClient): Promise<void> {
    const opening = new WebTransportOpening(this.#host, session, source);
    if (!this.#host.opts.transports.includes("webtransport"))
      return opening.refuse({ code: ERROR_CODES.UNKNOWN_TRANSPORT, context: { transport: "webtransport" } });
    if (this.#steps.hasMiddlewares()) return opening.refuse(refusedSession("WEBTRANSPORT_WITHOUT_REQUEST"));
    this.#wait(opening);
    // The platform rejects reads of a session that has ended, which `isGone` shows.
    const refusal = await opening
      .readFirst()
      .catch((error: unknown) => refusedSession("WEBTRANSPORT_HANDSHAKE", { error }));
    this.#waiting.get(opening)?.cancel();
    this.#waiting.delete(opening);
    if (opening.isGone()) return;
    if (refusal) return opening.refuse(refusal);
    if (!opening.req._query["sid"] && this.#judgesRequests())
      opening.refuse(refusedSession("WEBTRANSPORT_WITHOUT_REQUEST"));
    else this.#steps.admit(opening);
  }

  /** Whether an option decides on requests of new sessions. A session of WebTransport has none to show. */
  #judgesRequests(): boolean {
    const { allowRequest, cors, maxConnectionsPerUser } = this.#host.opts;
    return Boolean(allowRequest) || Boolean(cors) || maxConnectionsPerUser !== undefined;
  }

  #wait(opening: WebTransportOpening): void {
    const { upgradeTimeout } = this.#host.opts;
    const [oldest] = this.#waiting.size >= MAX_SILENT ? this.#waiting.keys() : [];
    if (oldest !== undefined) this.#giveUp(oldest, { limit: MAX_SILENT });
    const timer = this.#host[kContext].clock.after(upgradeTimeout, () =>
      this.#giveUp(opening, { limit: upgradeTimeout }),
    );
    this.#waiting.set(opening, timer);
  }

  #giveUp(opening: WebTransportOpening, context: Record<string, unknown>): void {
    this.#waiting.get(opening)?.cancel();
    this.#waiting.delete(opening);
    opening.refuse(refusedSession("WEBTRANSPORT_SILENT", context));
  }
}
