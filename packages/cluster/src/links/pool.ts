import { type Clock, createLog, type PendingCall } from "@portage/server/relay";
import type { WebSocketLink as Connection } from "@portage/websocket";
import type { LinkRefusalCode } from "../core/errors.ts";
import { makeLife } from "../core/tag.ts";
import type { Identity, LinkKeys } from "./handshake.ts";
import type { Link, LinkEnd, LinkKind, LinkObserver } from "./link.ts";
import { Peer, type PeerHost } from "./peer.ts";
import type { Registry, RegistryHost } from "./registry.ts";
import type { Route } from "./route.ts";
import type { Frame } from "../core/frames.ts";
import type { PeerLink } from "./websocket-link.ts";

const log = createLog("portage:cluster");

/** Milliseconds that a node waits for links to the nodes it finds, before it serves without them. */
const JOIN_LIMIT = 1000;
/** Milliseconds for an attempt to connect. */
const DIAL_TIMEOUT = 1000;
/** Receives what happens to the nodes. */
export interface PoolHandler extends LinkObserver {
  /** All nodes that were found have a link, or did not answer. */
  onJoined(): void;
  /** A node has ended, or has said that it leaves. The close of its link follows. */
  onGone(tag: string, how: "left" | "ended"): void;
  /** Two nodes do not accept each other. */
  onRefused(code: LinkRefusalCode, tag: string | undefined): void;
  /** The node can't join, and has stopped. */
  onFailed(error: Error): void;
  /** Whether nothing is under way on a link that its end would break off. */
  isIdle(link: Link): boolean;
  /** Called in each `heartbeatInterval` while the node has joined. */
  onBeat(): void;
}

export interface PoolSettings {
  readonly clock: Clock;
  readonly registry: Registry;
  /** Default: the secret in the registry. */
  readonly keys: LinkKeys | undefined;
  readonly heartbeatInterval: number;
  readonly heartbeatTimeout: number;
  readonly maxLinkBytes: number;
}

type PoolPhase = "new" | "starting" | "joined" | "closed";

/** The links of a node: finds the others, keeps one link to each, and notices when they end. For one start of the node. */
export class LinkPool implements PeerHost, RegistryHost {
  readonly #settings: PoolSettings;
  readonly #handler: PoolHandler;
  #self: Identity = { tag: "", life: makeLife() };
  readonly keys: LinkKeys;
  readonly #peers = new Map<string, Peer>();
  readonly #links = new Map<string, PeerLink>();
  /** The nodes that were found at the start and are not settled. */
  readonly #awaited = new Set<Peer>();
  #phase: PoolPhase = "new";
  #joinTimer: PendingCall | undefined = undefined;
  #beatTimer: PendingCall | undefined = undefined;

  constructor(settings: PoolSettings, handler: PoolHandler) {
    this.#settings = settings;
    this.#handler = handler;
    this.keys = settings.keys ?? settings.registry.keys;
  }

  // ---- for users ---------------------------------------------------------------------------------------------------

  /** This node. Its tag is final once it has joined. */
  get self(): Identity {
    return this.#self;
  }

  get isJoined(): boolean {
    return this.#phase === "joined";
  }

  get(tag: string): PeerLink | undefined {
    return this.#links.get(tag);
  }

  all(): Iterable<PeerLink> {
    return this.#links.values();
  }

  /** Whether the node was found and is not known to have ended. Looks for a node that was not found. */
  knows(tag: string): boolean {
    if (this.#peers.has(tag)) return true;
    const { registry } = this.#settings;
    for (const other of registry.look?.() ?? []) if (!this.#peers.has(other)) this.#peer(other).signal("found");
    return this.#peers.has(tag);
  }

  /** How a node is reached, or would be. */
  kindOf(tag: string): LinkKind {
    return this.#links.get(tag)?.kind ?? this.#settings.registry.kind;
  }

  /** Starts to join. Reports `onJoined` or `onFailed`. */
  start(): void {
    if (this.#phase !== "new") return;
    this.#phase = "starting";
    this.#settings.registry.join(this.#self.life, this);
  }

  /** Leaves: the others know at once. */
  close(): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#joinTimer?.cancel();
    this.#beatTimer?.cancel();
    // First, so that newcomers do not find this node any more.
    this.#settings.registry.leave();
    for (const peer of this.#peers.values()) peer.leave();
    this.#peers.clear();
  }

  // ---- the start ---------------------------------------------------------------------------------------------------

  onClaimed(self: Identity, others: Iterable<string>): void {
    const { clock, heartbeatInterval } = this.#settings;
    this.#self = self;
    this.#beatTimer = clock.after(heartbeatInterval, () => this.#beat());
    this.onListed(others);
    for (const peer of this.#peers.values()) if (peer.link === undefined) this.#awaited.add(peer);
    this.#joinTimer = clock.after(JOIN_LIMIT, () => this.#join());
    this.#settle();
  }

  onFailed(error: Error): void {
    this.close();
    this.#handler.onFailed(error);
  }

  #settle(peer?: Peer): void {
    if (peer !== undefined) this.#awaited.delete(peer);
    if (this.#awaited.size === 0) this.#join();
  }

  #join(): void {
    if (this.#phase !== "starting") return;
    this.#phase = "joined";
    this.#joinTimer?.cancel();
    this.#awaited.clear();
    log("joined as %s, with %d links", this.#self.tag, this.#links.size);
    this.#handler.onJoined();
  }

  onListed(others: Iterable<string>): void {
    for (const tag of others) this.#peer(tag).signal("found");
    for (const peer of this.#peers.values()) if (this.routesTo(peer.tag).length === 0) peer.signal("unlisted");
  }

  get lacksLinks(): boolean {
    return this.#peers.size > this.#links.size;
  }

  onTagLost(): void {
    this.#phase = "starting";
    this.#beatTimer?.cancel();
    for (const peer of this.#peers.values()) peer.leave("cut");
    this.#peers.clear();
  }

  #peer(tag: string): Peer {
    let peer = this.#peers.get(tag);
    if (peer === undefined) this.#peers.set(tag, (peer = new Peer(tag, this)));
    return peer;
  }

  #beat(): void {
    const { clock, heartbeatInterval, registry } = this.#settings;
    this.#beatTimer = clock.after(heartbeatInterval, () => this.#beat());
    registry.beat();
    for (const link of this.#links.values()) link.beat();
    if (this.#phase === "joined") this.#handler.onBeat();
  }

  // ---- the door ----------------------------------------------------------------------------------------------------

  admits(node: Identity): boolean {
    if (this.#phase === "closed" || node.tag === this.#self.tag) return false;
    const peer = this.#peer(node.tag);
    if (peer.life !== undefined && peer.life !== node.life) peer.signal("replaced");
    if (peer.state === "gone" || peer.admits()) return true;
    peer.turnAway();
    return false;
  }

  onDialled(node: Identity, connection: Connection, kind: LinkKind): void {
    this.#peer(node.tag).offer({ connection, life: node.life, kind });
  }

  onStranger(code: LinkRefusalCode, tag: string | undefined): void {
    this.#handler.onRefused(code, tag);
  }

  // ---- the peers ---------------------------------------------------------------------------------------------------

  get clock(): Clock {
    return this.#settings.clock;
  }

  get maxLinkBytes(): number {
    return this.#settings.maxLinkBytes;
  }

  get maxMissed(): number {
    const { heartbeatTimeout, heartbeatInterval } = this.#settings;
    return Math.max(1, Math.ceil(heartbeatTimeout / heartbeatInterval));
  }

  get dialTimeout(): number {
    return DIAL_TIMEOUT;
  }

  isIdle(link: PeerLink): boolean {
    return this.#handler.isIdle(link);
  }

  get knowsEnds(): boolean {
    return this.#settings.registry.knowsEnds;
  }

  routesTo(tag: string): readonly Route[] {
    return this.#settings.registry.routesTo(tag);
  }

  onOpen(link: PeerLink): void {
    log("link to %s is open", link.tag);
    this.#links.set(link.tag, link);
    this.#handler.onOpen(link);
    this.#settle(this.#peers.get(link.tag));
  }

  onFrame(link: Link, frame: Frame): void {
    this.#handler.onFrame(link, frame);
  }

  onDrain(link: Link): void {
    this.#handler.onDrain(link);
  }

  onEnd(link: PeerLink): void {
    if (this.#links.get(link.tag) === link) this.#links.delete(link.tag);
  }

  onClose(link: Link, end: LinkEnd): void {
    log("link to %s has ended: %s", link.tag, end);
    this.#handler.onClose(link, end);
  }

  onSettled(peer: Peer): void {
    this.#settle(peer);
  }

  onRefused(code: LinkRefusalCode, tag: string): void {
    this.#handler.onRefused(code, tag);
  }

  onGone(peer: Peer, how: "left" | "ended"): void {
    log("%s is gone: %s", peer.tag, how);
    if (this.#peers.get(peer.tag) === peer) this.#peers.delete(peer.tag);
    if (how === "ended") this.#settings.registry.bury(peer.tag);
    this.#handler.onGone(peer.tag, how);
    this.#settle(peer);
  }
}
