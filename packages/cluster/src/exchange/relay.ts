/*
 * The relay of one engine: requests whose session another node has are forwarded, and those that other nodes forward are
 * handled.
 * Knows: the engine by `RelayHost`, nodes by `Peers` and their links, Node's requests and responses.
 * Must not know: how links are made, packets, and what a session is.
 *
 *   where the session is        what becomes of the request
 *   here, or nowhere            the engine handles it: an unknown id costs no message
 *   at a node with a link       forwarded: front.ts has the client, owner.ts the session
 *   at a node without a link    it waits for a link for a second, then OWNER_UNREACHABLE
 *   at a node that has ended    OWNER_LOST
 *   this node has not joined    it waits for two seconds, then SERVER_STARTING: no id is given out before
 *
 * A balancer repeats the poll of a front that was killed, maybe before the link to that front closes here. So a request that
 * would overlap a forwarded one waits until the front of that one has answered a ping, or is known to be gone. The repeated poll
 * may even arrive before the first one, which is still in the link: a forwarded poll that would overlap any other waits until its
 * own front has answered.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type DrainPace,
  type ExchangeReport,
  isGone,
  randomId,
  type RelayHost,
  type RelayRefusal,
  type RelayVerdict,
  runNextTick,
  type SessionRelay,
  type StreamHandshake,
  type TransportRequest,
} from "@portage/server/relay";
import type { Frame } from "../core/frames.ts";
import { type AnswerHead, type Decoded, decodeRequest } from "../core/heads.ts";
import { TAG_LENGTH } from "../core/tag.ts";
import type { Link, LinkEnd, LinkObserver, Peers } from "../links/link.ts";
import { isForwarded } from "./forwarded-request.ts";
import { type AnswerLoss, type FrontDesk, FrontExchange } from "./front.ts";
import { isUnknownSid, JunkGuard, LONGEST_SID } from "./junk.ts";
import { Settling } from "./settling.ts";
import { type OwnerDesk, OwnerExchange } from "./owner.ts";
import { askPeer, PendingAtOwner } from "./pending.ts";
import { forwardOverloaded, ownerLost, ownerUnreachable, SERVER_STARTING } from "./refusals.ts";
import { LinkStreams, type StreamTaker } from "./streams.ts";
import type { Tunnels } from "./tunnels.ts";
import { clientAddress, isPlainPoll, tagOfRequest, type Visit } from "./visit.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** Most milliseconds for this node to join while requests wait. */
const START_TIMEOUT = 2000;
/** Most milliseconds for a link to open while requests wait for it. */
const LINK_TIMEOUT = 1000;
/** Bodies wait while a link has queued this share of `maxLinkBytes`, and requests are refused above the next one. */
const CONGESTED = 0.5;
const OVERLOADED = 0.75;

export interface RelayOptions {
  /** Most exchanges that this node forwards at a time. */
  readonly maxPendingExchanges: number;
  readonly maxUnknownIds: number;
  /** Most bytes in the queue of a link. */
  readonly maxLinkBytes: number;
  /** Forwards WebSocket handshakes; without it they are refused. */
  readonly tunnels?: (relay: ClusterRelay) => Tunnels;
}

export class ClusterRelay implements SessionRelay, LinkObserver, StreamTaker, FrontDesk, OwnerDesk {
  readonly host: RelayHost;
  readonly #peers: Peers;
  readonly #options: RelayOptions;
  readonly #streams = new Map<Link, LinkStreams>();
  readonly #waiting: WaitingRoom;
  readonly #pendingAtOwner = new PendingAtOwner();
  /** Requests whose forerunner's front was asked. */
  readonly #asked = new WeakSet<IncomingMessage>();
  readonly #junk: JunkGuard;
  readonly #tunnels: Tunnels | undefined;
  readonly #counts = { forwarded: 0, received: 0, pending: 0, owned: 0, unknownTags: 0, unknownSids: 0, repeated: 0 };
  readonly #refused: Record<string, number> = {};
  readonly #settling: Settling;
  #state: "serving" | "leaving" | "settling" = "serving";

  constructor(peers: Peers, host: RelayHost, options: RelayOptions) {
    this.host = host;
    this.#peers = peers;
    this.#options = options;
    this.#waiting = new WaitingRoom(host.clock);
    this.#settling = new Settling(host.clock, () => this.#counts.pending + this.#counts.owned === 0);
    this.#junk = new JunkGuard(host.clock, options.maxUnknownIds);
    this.#tunnels = options.tunnels?.(this);
    for (const link of peers.all()) this.onOpen(link);
  }

  get isLeaving(): boolean {
    return this.#state !== "serving";
  }

  get stats(): ExchangeReport {
    return {
      ...this.#counts,
      waiting: this.#waiting.size,
      tunnels: this.#tunnels?.size ?? 0,
      refused: { ...this.#refused },
    };
  }

  // ---- the engine --------------------------------------------------------------------------------------------------

  makeId(): string {
    const { tag } = this.#peers;
    return tag + randomId().slice(tag.length);
  }

  isOwnId(id: string): boolean {
    return id.length > TAG_LENGTH && id.startsWith(this.#peers.tag);
  }

  route(req: TransportRequest, res: ServerResponse): RelayVerdict {
    if (req.method === "OPTIONS" || isForwarded(req)) return "local";
    const { sid } = req._query;
    if (sid && this.host.has(sid)) return this.#isTakenForNow(req, () => this.host.handleRequest(req, res));
    const place = this.#place(sid);
    if (place === "local") return "local";
    if (place instanceof LinkStreams) {
      if (this.#state !== "settling" || !isPlainPoll(req)) return this.#forward(place, req, res);
      this.host.answerEmpty(req, res);
      return "taken";
    }
    return this.#waitOrRefuse(place, {
      req,
      isGone: () => isGone(res),
      again: () => this.host.handleRequest(req, res),
      refuse: (refusal) => this.host.refuse(req, res, refusal),
    });
  }

  routeHandshake(req: TransportRequest, handshake: StreamHandshake): RelayVerdict {
    if (isForwarded(req)) return this.#tunnels?.routeForwarded() ?? "local";
    const { sid } = req._query;
    if (sid && this.host.has(sid)) return "local";
    const place = this.#place(sid);
    if (place === "local") return "local";
    if (place instanceof LinkStreams)
      return this.#tunnels?.open(req, handshake, place) ?? ownerUnreachable(tagOfRequest(req));
    return this.#waitOrRefuse(place, {
      req,
      isGone: () => handshake.isGone(),
      again: () => this.host.handleHandshake(req, handshake),
      refuse: (refusal) => this.host.refuseHandshake(req, handshake, refusal),
    });
  }

  /** It waits for nothing, and is not forwarded: its client has other transports, or tries again. */
  routePassedIn(req: TransportRequest): "local" | RelayRefusal {
    const { sid } = req._query;
    const place = sid && this.host.has(sid) ? "local" : this.#place(sid);
    if (place === "local") return place;
    if (place instanceof LinkStreams) return this.count({ name: "UPGRADES_REFUSED" });
    if (typeof place === "object") return this.count(place);
    return this.count(this.#refusalWithoutLink(place === "starting" ? "" : tagOfRequest(req)));
  }

  /** The node listens to it: there is nothing to do for requests. */
  listening(): void {}

  /** Asks owners to answer the polls that are held here, so that their clients poll elsewhere. */
  draining(pace: DrainPace): Promise<void> {
    this.#state = "leaving";
    this.#releasePolls();
    return this.#tunnels?.leave(pace) ?? Promise.resolve();
  }

  /** The engine opens sessions again. */
  resume(): void {
    this.#state = "serving";
    this.#tunnels?.resume();
  }

  /** Answers polls by itself from now on, so that no answer of an owner is under way when the links close. */
  settle(): Promise<void> {
    this.#state = "settling";
    this.#releasePolls();
    return this.#settling.whenIdle();
  }

  #releasePolls(): void {
    for (const streams of this.#streams.values()) for (const end of streams.endsOf(FrontExchange)) end.release();
  }

  /** The links close next: what owners would still answer could be lost, so that they are not asked. */
  close(): void {
    this.#state = "leaving";
  }

  // ---- places ------------------------------------------------------------------------------------------------------

  /** Finds where a session is: here, at another node, or nowhere that this node can reach now. */
  #place(sid: string | undefined): "local" | LinkStreams | "starting" | "unreachable" | RelayRefusal {
    const { tag: own } = this.#peers;
    if (own === "") return "starting";
    if (!sid) return "local";
    const tag = sid.slice(0, TAG_LENGTH);
    if (tag === own || sid.length > LONGEST_SID) return "local";
    const link = this.#peers.get(tag);
    const streams = link && this.#streams.get(link);
    if (streams) return streams;
    const standing = this.#peers.standing(tag);
    if (typeof standing === "object") return ownerLost(tag, this.host.clock.now() - standing.lostAt);
    if (standing === "starting") return "starting";
    if (standing !== "unknown") return "unreachable";
    this.#counts.unknownTags += 1;
    return "local";
  }

  #waitOrRefuse(place: "starting" | "unreachable" | RelayRefusal, visit: Visit): RelayVerdict {
    if (typeof place === "object") return this.count(place);
    if (this.#waiting.size >= this.#options.maxPendingExchanges)
      return this.count(forwardOverloaded("maxPendingExchanges"));
    const tag = place === "starting" ? "" : tagOfRequest(visit.req);
    this.#waiting.add(tag, tag === "" ? START_TIMEOUT : LINK_TIMEOUT, {
      retry: () => visit.isGone() || visit.again(),
      expire: () => visit.isGone() || visit.refuse(this.count(this.#refusalWithoutLink(tag))),
    });
    if (tag === "")
      this.#peers.whenJoined().then(
        () => this.#waiting.settle("", "retry"),
        () => this.#waiting.settle("", "expire"),
      );
    return "taken";
  }

  #refusalWithoutLink(tag: string): RelayRefusal {
    if (tag === "") return SERVER_STARTING;
    const standing = this.#peers.standing(tag);
    if (typeof standing !== "object") return ownerUnreachable(tag);
    return ownerLost(tag, this.host.clock.now() - standing.lostAt);
  }

  /** Counts a refusal. */
  count(refusal: RelayRefusal): RelayRefusal {
    this.#refused[refusal.name] = (this.#refused[refusal.name] ?? 0) + 1;
    return refusal;
  }

  // ---- as front ----------------------------------------------------------------------------------------------------

  #forward(streams: LinkStreams, req: TransportRequest, res: ServerResponse): RelayVerdict {
    const { maxPendingExchanges, maxLinkBytes } = this.#options;
    if (this.#counts.pending >= maxPendingExchanges) return this.count(forwardOverloaded("maxPendingExchanges"));
    if (streams.link.queuedBytes > maxLinkBytes * OVERLOADED) return this.count(forwardOverloaded("maxLinkBytes"));
    if (!this.#junk.admits(clientAddress(req), req._query["sid"] ?? ""))
      return this.count(forwardOverloaded("maxUnknownIds"));
    this.#counts.pending += 1;
    this.#counts.forwarded += 1;
    new FrontExchange(streams, { req, res }, this).start();
    return "taken";
  }

  onFrontOver(): void {
    this.#counts.pending -= 1;
    this.#settling.check();
  }

  recordAnswer({ req }: FrontExchange, answer: Decoded<AnswerHead>): void {
    const sid = req._query["sid"] ?? "";
    if (!isUnknownSid(answer)) return this.#junk.recordKnown(sid);
    this.#counts.unknownSids += 1;
    this.#junk.recordUnknown(clientAddress(req), sid);
  }

  replace(exchange: FrontExchange, why: AnswerLoss): void {
    const { req, res } = exchange;
    if (isGone(res)) return;
    if (why === "destroyed") return void res.destroy();
    const tag = tagOfRequest(req);
    if (why === "overloaded") return this.#refuse(exchange, forwardOverloaded("owner"));
    if (why === "gone") return this.#refuse(exchange, ownerLost(tag, 0));
    // The owner forgets what it has not answered: a poll may be sent again, here or by the client.
    if (exchange.isRepeatable && why === "left") return this.host.answerEmpty(req, res);
    if (exchange.isRepeatable) return this.host.handleRequest(req, res);
    this.#refuse(exchange, this.#refusalWithoutLink(tag));
  }

  #refuse({ req, res }: FrontExchange, refusal: RelayRefusal): void {
    this.host.refuse(req, res, this.count(refusal));
  }

  // ---- as owner ----------------------------------------------------------------------------------------------------

  accept(streams: LinkStreams, frame: Frame): void {
    if (frame.type === "UPGRADE" && this.#tunnels) return this.#tunnels.accept(streams, frame);
    const request = decodeRequest(frame.body);
    if (!request) return streams.link.fail(`a malformed ${frame.type}`);
    // Each front has the same limit, so that only a broken one exceeds this.
    const most = this.#options.maxPendingExchanges * this.#streams.size;
    if (frame.type === "UPGRADE" || this.#counts.owned >= most) return streams.refuse(frame.stream, "overloaded");
    this.#counts.received += 1;
    this.#counts.owned += 1;
    const exchange = new OwnerExchange(streams, frame.stream, { ...request, desk: this });
    if (this.#wouldOverlap(exchange.req)) this.#askFrontOf(exchange);
    else this.#handleInTurn(exchange);
  }

  #wouldOverlap(req: TransportRequest): boolean {
    const earlier = this.#pendingAtOwner.find(req);
    if (earlier !== undefined && earlier.phase !== "answered") return true;
    return req.method === "GET" && this.host.hasPoll(req._query["sid"] ?? "");
  }

  /** Lets a forwarded request that would overlap another one wait until its front has answered. */
  #askFrontOf(exchange: OwnerExchange): void {
    askPeer(this.host.clock, exchange.streams.link, (isThere) => {
      if (isThere) this.#handleInTurn(exchange);
      else exchange.abandon();
    });
  }

  #handleInTurn(exchange: OwnerExchange): void {
    const verdict = this.#isTakenForNow(exchange.req, () => this.#handle(exchange));
    if (verdict === "local") this.#handle(exchange);
  }

  #handle(exchange: OwnerExchange): void {
    if (exchange.phase === "over") return;
    this.#pendingAtOwner.add(exchange);
    this.host.handleRequest(exchange.req, exchange.res);
  }

  onAnswered(exchange: OwnerExchange): void {
    // The next poll waits until it is clear whether the packets of this one have arrived.
    if (exchange.req.method !== "GET") this.#pendingAtOwner.remove(exchange);
  }

  onOwnerOver(exchange: OwnerExchange): void {
    this.#pendingAtOwner.end(exchange);
    this.#counts.owned -= 1;
    this.#settling.check();
  }

  release({ req }: OwnerExchange): void {
    if (req.method === "GET") this.host.answerPoll(req._query["sid"] ?? "");
  }

  /**
   * Lets a request that would overlap a forwarded one wait until it is clear whether the front of that one is alive. A poll after
   * one whose answer may be lost waits as well: its client would miss packets, and see later ones.
   */
  #isTakenForNow(req: TransportRequest, handle: () => void): "local" | "taken" {
    if (this.#pendingAtOwner.size === 0 || this.#asked.has(req)) return "local";
    const earlier = this.#pendingAtOwner.find(req);
    if (!earlier) return "local";
    this.#asked.add(req);
    if (earlier.phase === "answered") this.#pendingAtOwner.follow(earlier, handle);
    else this.#askFrontOfEarlier(earlier, handle);
    return "taken";
  }

  #askFrontOfEarlier(earlier: OwnerExchange, handle: () => void): void {
    askPeer(this.host.clock, earlier.streams.link, (isThere) => {
      if (!isThere) {
        this.#counts.repeated += 1;
        earlier.abandon();
      }
      // The engine learns in a tick of its own that the earlier one has closed.
      runNextTick(handle, undefined);
    });
  }

  // ---- links -------------------------------------------------------------------------------------------------------

  onOpen(link: Link): void {
    this.#streams.set(link, new LinkStreams(link, this, this.#options.maxLinkBytes * CONGESTED));
    this.#waiting.settle(link.tag, "retry");
  }

  onFrame(link: Link, frame: Frame): void {
    this.#streams.get(link)?.onFrame(frame);
  }

  /** Whether no stream is open on the link. */
  isIdle(link: Link): boolean {
    return (this.#streams.get(link)?.size ?? 0) === 0;
  }

  onDrain(link: Link): void {
    this.#streams.get(link)?.onDrain();
  }

  onClose(link: Link, end: LinkEnd): void {
    const streams = this.#streams.get(link);
    this.#streams.delete(link);
    streams?.onClose(end);
  }
}
