import { type Clock, createLog, type PendingCall } from "@portage/server/relay";
import type { WebSocketLink as Connection } from "@portage/websocket";
import { ClusterError, type LinkRefusalCode } from "../core/errors.ts";
import { makeLife, makeTag } from "../core/tag.ts";
import { type Directory, isCode } from "./directory.ts";
import { Door, type DoorHandler } from "./door.ts";
import type { Identity, LinkKeys } from "./handshake.ts";
import type { Link, LinkEnd, LinkObserver } from "./link.ts";
import { Peer, type PeerHost } from "./peer.ts";
import type { Frame } from "../core/frames.ts";
import type { PeerLink } from "./websocket-link.ts";

const log = createLog("portage:cluster");

/** How many tags are tried. Each is taken with a probability of one in a million, or fewer. */
const MAX_TAG_TRIES = 16;
/** Milliseconds that a node waits for links to the nodes it finds, before it serves without them. */
const JOIN_LIMIT = 1000;
/** Milliseconds for an attempt to connect. */
const DIAL_TIMEOUT = 1000;
/** Milliseconds between two looks into the directory. */
const LOOK_INTERVAL = 15_000;

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
  /** Called in each `heartbeatInterval` while the node has joined. */
  onBeat(): void;
}

export interface PoolSettings {
  readonly clock: Clock;
  readonly directory: Directory;
  /** Default: the secret in the directory. */
  readonly keys: LinkKeys | undefined;
  readonly heartbeatInterval: number;
  readonly heartbeatTimeout: number;
  readonly maxLinkBytes: number;
}

type PoolPhase = "new" | "starting" | "joined" | "closed";

/** The links of a node: finds the others, keeps one link to each, and notices when they end. For one start of the node. */
export class LinkPool implements PeerHost, DoorHandler {
  readonly #settings: PoolSettings;
  readonly #handler: PoolHandler;
  #self: Identity = { tag: "", life: makeLife() };
  readonly keys: LinkKeys;
  readonly #peers = new Map<string, Peer>();
  readonly #links = new Map<string, PeerLink>();
  /** The nodes that were found at the start and are not settled. */
  readonly #awaited = new Set<Peer>();
  #phase: PoolPhase = "new";
  #door: Door | undefined = undefined;
  #joinTimer: PendingCall | undefined = undefined;
  #beatTimer: PendingCall | undefined = undefined;
  #lookedAt = 0;

  constructor(settings: PoolSettings, handler: PoolHandler) {
    this.#settings = settings;
    this.#handler = handler;
    this.keys = settings.keys ?? (() => this.#sharedKeys());
  }

  /** Read for each handshake, at any time of the process's life: a failure ends the handshake, not the process. */
  #sharedKeys(): readonly Buffer[] {
    try {
      return [this.#settings.directory.secret()];
    } catch (error) {
      log("no secret: %s", (error as Error).message);
      return [];
    }
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

  /** Whether the node was found and is not known to have ended. */
  knows(tag: string): boolean {
    return this.#peers.has(tag);
  }

  /** Starts to join. Reports `onJoined` or `onFailed`. */
  start(): void {
    if (this.#phase !== "new") return;
    this.#phase = "starting";
    this.#claim(MAX_TAG_TRIES);
  }

  /** Leaves: the others know at once. */
  close(): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#joinTimer?.cancel();
    this.#beatTimer?.cancel();
    const { directory } = this.#settings;
    // First, so that newcomers do not find this node any more.
    if (this.#door !== undefined) directory.remove(this.#self.tag);
    this.#door?.close();
    for (const peer of this.#peers.values()) peer.leave();
    this.#peers.clear();
    if (this.#door !== undefined) directory.release();
    this.#door = undefined;
  }

  // ---- the start ---------------------------------------------------------------------------------------------------

  /** Listens under a new tag. */
  #claim(tries: number): void {
    if (tries === 0) return this.#fail(new ClusterError("CLUSTER_NO_TAG"));
    const { directory } = this.#settings;
    const self = { ...this.#self, tag: makeTag() };
    const door = new Door({ self, keys: this.keys }, this);
    try {
      directory.open();
    } catch (error) {
      return this.#fail(error as Error);
    }
    door.listen(directory.addressOf(self.tag), (error) => {
      if (this.#phase !== "starting") return door.close();
      // Another process has the tag, or has just removed the empty directory.
      if (isCode(error, "EADDRINUSE", "ENOENT")) return this.#claim(tries - 1);
      if (error !== undefined) return this.#fail(directory.failure(error));
      this.#publish(self, door, tries);
    });
  }

  #publish(self: Identity, door: Door, tries: number): void {
    try {
      if (!this.#settings.directory.publish(self.tag)) {
        door.close();
        return this.#claim(tries - 1);
      }
      if (this.#settings.keys === undefined) this.#settings.directory.secret();
    } catch (error) {
      door.close();
      return this.#fail(error as Error);
    }
    this.#self = self;
    this.#door = door;
    this.#beatTimer = this.#settings.clock.after(this.#settings.heartbeatInterval, () => this.#beat());
    this.#look();
    for (const peer of this.#peers.values()) if (peer.link === undefined) this.#awaited.add(peer);
    this.#joinTimer = this.#settings.clock.after(JOIN_LIMIT, () => this.#join());
    this.#settle();
  }

  #fail(error: Error): void {
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

  /** Dials the nodes in the directory that have no link. */
  #look(): void {
    this.#lookedAt = this.#settings.clock.now();
    for (const tag of this.#settings.directory.list()) if (tag !== this.#self.tag) this.#peer(tag).signal("found");
  }

  #peer(tag: string): Peer {
    let peer = this.#peers.get(tag);
    if (peer === undefined) this.#peers.set(tag, (peer = new Peer(tag, this)));
    return peer;
  }

  #beat(): void {
    const { clock, heartbeatInterval, directory } = this.#settings;
    this.#beatTimer = clock.after(heartbeatInterval, () => this.#beat());
    for (const link of this.#links.values()) link.beat();
    if (this.#phase === "joined") this.#handler.onBeat();
    if (clock.now() - this.#lookedAt < LOOK_INTERVAL) return;
    if (!directory.refresh(this.#self.tag)) this.#relisten();
    this.#look();
  }

  /** The socket was removed, perhaps with all old files of the temporary directory. */
  #relisten(): void {
    const { directory } = this.#settings;
    const { tag } = this.#self;
    // First, because its end removes the socket at this path.
    this.#door?.close();
    const door = new Door({ self: this.#self, keys: this.keys }, this);
    this.#door = door;
    try {
      directory.open();
      door.listen(directory.addressOf(tag), (error) => {
        if (error === undefined && this.#door === door) directory.refresh(tag);
      });
    } catch (error) {
      log("can't listen again: %s", (error as Error).message);
    }
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

  onDialled(node: Identity, connection: Connection): void {
    this.#peer(node.tag).offer(connection, node.life);
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

  addressOf(tag: string): string {
    return this.#settings.directory.addressOf(tag);
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
    if (how === "ended") this.#settings.directory.remove(peer.tag);
    this.#handler.onGone(peer.tag, how);
    this.#settle(peer);
  }
}
