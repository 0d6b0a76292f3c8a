import type { Clock, PendingCall } from "@portage/server/relay";
import type { WebSocketLink as Connection } from "@portage/websocket";
import type { LinkRefusalCode } from "../core/errors.ts";
import type { Frame } from "../core/frames.ts";
import { type LinkAction, type LinkSignal, type LinkState, stepLink } from "../core/link-state.ts";
import { Dial, type DialFailure, type DialHandler } from "./dial.ts";
import type { Identity, LinkKeys } from "./handshake.ts";
import type { LinkEnd, LinkKind, LinkObserver } from "./link.ts";
import type { Route } from "./route.ts";
import { FIRST_ROUTE_AGAIN, RouteChoice } from "./route-choice.ts";
import { type LinkEvents, PeerLink } from "./websocket-link.ts";

/** Delay of the first attempt after a failure, in milliseconds; it doubles with each. */
const FIRST_REST = 50;
const LONGEST_REST = 5000;
/** A link that was open for as long, in milliseconds, starts the delays anew. */
const STABLE_AFTER = 5000;
/** Delay of an attempt after one that was reset, in milliseconds. */
const RETRY_DELAY = 5;
/** Milliseconds until a link over Redis that was busy is looked at again. */
const IDLE_AGAIN = 1000;
/** Time in which a broken link is found to be the end of its process, in milliseconds. */
const OVERDUE = 250;

/** What a peer needs of the pool. */
export interface PeerHost extends Omit<LinkObserver, "onOpen"> {
  readonly self: Identity;
  readonly keys: LinkKeys;
  readonly clock: Clock;
  readonly maxLinkBytes: number;
  readonly maxMissed: number;
  readonly dialTimeout: number;
  /** Whether nothing is under way on a link that its end would break off. */
  isIdle(link: PeerLink): boolean;
  /** See `Registry`. */
  readonly knowsEnds: boolean;
  /** The ways to a node, the best one first. */
  routesTo(tag: string): readonly Route[];
  onOpen(link: PeerLink): void;
  /** The link can't send any more. Its close is reported later. */
  onEnd(link: PeerLink): void;
  /** The first attempt is over without a link. */
  onSettled(peer: Peer): void;
  onRefused(code: LinkRefusalCode, tag: string): void;
  onGone(peer: Peer, how: "left" | "ended"): void;
}

/** A connection that may become a link. */
interface Offer {
  readonly connection: Connection;
  readonly life: string;
  readonly kind: LinkKind;
}

/** Another node, and the link to it. See `core/link-state.ts`. */
export class Peer implements DialHandler, LinkEvents {
  readonly tag: string;
  readonly #host: PeerHost;
  #state: LinkState = "resting";
  /** Which start of the process the last link was to. */
  life: string | undefined = undefined;
  #link: PeerLink | undefined = undefined;
  /** A link that has ended and is not reported yet. */
  #ended: PeerLink | undefined = undefined;
  /** The connection that the signal under way brings. */
  #offer: Offer | undefined = undefined;
  #dial: Dial | undefined = undefined;
  #timer: PendingCall | undefined = undefined;
  #overdue: PendingCall | undefined = undefined;
  #failures = 0;
  readonly #choice = new RouteChoice();

  constructor(tag: string, host: PeerHost) {
    this.tag = tag;
    this.#host = host;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The open link. */
  get link(): PeerLink | undefined {
    return this.#link;
  }

  /** Whether a link that the peer has dialled would be used. */
  admits(): boolean {
    const [, actions] = stepLink(this.#state, this.#offerSignal());
    return actions.includes("adopt");
  }

  /** The peer has dialled. Call {@link admits} first. */
  offer(offer: Offer): void {
    this.#offer = offer;
    this.signal(this.#offerSignal());
  }

  /** The peer has dialled, and does not get a link. */
  turnAway(): void {
    this.signal(this.#offerSignal());
  }

  #offerSignal(): LinkSignal {
    return this.tag < this.#host.self.tag ? "preferred" : "offered";
  }

  signal(signal: LinkSignal): void {
    const [next, actions] = stepLink(this.#state, signal);
    this.#state = next;
    for (const action of actions) this.#actions[action]();
    this.#offer?.connection.terminate();
    this.#offer = undefined;
  }

  /** This node leaves. `end`: how it reports the link. */
  leave(end: "left" | "cut" = "left"): void {
    this.#state = "gone";
    this.#cancel();
    const link = this.#link;
    link?.leave();
    if (link !== undefined) this.#host.onEnd(link);
    this.#ended ??= link;
    this.#link = undefined;
    this.#report(end);
  }

  onFrame(link: PeerLink, frame: Frame): void {
    this.#host.onFrame(link, frame);
  }

  onDrain(link: PeerLink): void {
    this.#host.onDrain(link);
  }

  onEnd(link: PeerLink, end: LinkEnd): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#ended = link;
    this.#host.onEnd(link);
    if (this.#host.clock.now() - link.openedAt > STABLE_AFTER) this.#failures = 0;
    this.signal(SIGNAL_OF_END[end]);
  }

  onAnswered(): void {
    this.signal("answered");
  }

  onConnected(node: Identity, connection: Connection, kind: LinkKind): void {
    this.#dial = undefined;
    this.#choice.succeed();
    this.#offer = { connection, life: node.life, kind };
    this.signal("connected");
  }

  onDialFailed(failure: DialFailure): void {
    this.#dial = undefined;
    if (failure === "absent" || failure === "failed") this.#choice.fail();
    if (failure === "absent" && !this.#hasEnded()) return this.signal("failed");
    if (failure === "absent" || failure === "busy" || failure === "failed") return this.signal(failure);
    this.#host.onRefused(failure, this.tag);
    this.signal("refused");
  }

  /** Whether the process of the peer has ended, given that none listens where it should: its address may never have led to it. */
  #hasEnded(): boolean {
    return this.#host.knowsEnds || this.#state === "checking";
  }

  readonly #actions: Readonly<Record<LinkAction, () => void>> = {
    dial: () => this.#startDial(),
    settle: () => this.#host.onSettled(this),
    retry: () => this.#startTimer(RETRY_DELAY),
    rest: () => this.#startTimer(Math.min(LONGEST_REST, FIRST_REST * 2 ** this.#failures++)),
    restLong: () => this.#startTimer(LONGEST_REST),
    abort: () => this.#cancel(),
    watch: () => (this.#overdue = this.#host.clock.after(OVERDUE, () => this.signal("overdue"))),
    adopt: () => this.#adopt(),
    refuse: () => undefined,
    probe: () => void this.#link?.probe(),
    reportCut: () => this.#report("cut"),
    reportGone: () => this.#report("gone"),
    reportSilent: () => this.#report("silent"),
    reportFailed: () => this.#report("failed"),
    bury: () => this.#bury("ended"),
    part: () => this.#bury("left"),
  };

  #startDial(): void {
    const { self, keys, clock, dialTimeout: timeout } = this.#host;
    const { tag } = this;
    this.#timer?.cancel();
    const route = this.#choice.choose(this.#host.routesTo(tag), clock.now());
    if (route === undefined) return this.signal("failed");
    this.#dial = new Dial({ route, tag, self, keys, clock, timeout }, this);
  }

  #startTimer(delay: number): void {
    this.#timer?.cancel();
    this.#timer = this.#host.clock.after(delay, () => this.signal("due"));
  }

  #cancel(): void {
    this.#dial?.abort();
    this.#dial = undefined;
    this.#timer?.cancel();
    this.#overdue?.cancel();
  }

  #adopt(): void {
    const { connection, life, kind } = this.#offer!;
    this.#cancel();
    this.#offer = undefined;
    this.life = life;
    const { clock, maxLinkBytes: maxBytes, maxMissed } = this.#host;
    const link = new PeerLink(connection, { tag: this.tag, kind, clock, maxBytes, maxMissed }, this);
    this.#link = link;
    this.#host.onOpen(link);
    link.open();
    if (kind === "bus") this.#seekBetter(link, FIRST_ROUTE_AGAIN);
  }

  /** Replaces a link over Redis once there is a direct way, at a time when nothing is under way on it. */
  #seekBetter(link: PeerLink, delay: number): void {
    const { clock, dialTimeout: timeout, self, keys } = this.#host;
    const again = (): void => {
      if (this.#link === link) this.#seekBetter(link, FIRST_ROUTE_AGAIN);
    };
    this.#timer = clock.after(delay, () => {
      const [route] = this.#host.routesTo(this.tag);
      if (this.#link !== link) return;
      if (route === undefined || route.kind === "bus") return again();
      if (!this.#host.isIdle(link)) return this.#seekBetter(link, IDLE_AGAIN);
      const onAnswered = (): void => {
        if (this.#link !== link || !this.#host.isIdle(link)) return again();
        this.#choice.succeed("first");
        link.replace();
      };
      this.#dial = new Dial(
        { route, tag: this.tag, self, keys, clock, timeout, purpose: "look" },
        { onAnswered, onConnected: () => undefined, onDialFailed: again },
      );
    });
  }

  #report(end: LinkEnd): void {
    const link = this.#ended;
    this.#ended = undefined;
    this.#overdue?.cancel();
    if (link !== undefined) this.#host.onClose(link, end);
  }

  #bury(how: "left" | "ended"): void {
    this.#cancel();
    this.#host.onGone(this, how);
  }
}

/** The signals for the ends of a link. */
const SIGNAL_OF_END: Readonly<Record<LinkEnd, LinkSignal>> = {
  gone: "left",
  silent: "silent",
  cut: "cut",
  failed: "broken",
  left: "left",
};
