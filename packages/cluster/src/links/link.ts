/*
 * Links: one connection for each pair of nodes, which carries all that they have to say to each other.
 * Knows: WebSockets of @portage/websocket, where nodes are found, and how they prove that they belong together.
 * Must not know: what the frames mean.
 *
 * A link delivers every frame once and in order, until it closes. What was under way then is lost: its users end or forget
 * what depended on it. A link that opens later, to the same node, is a new link.
 */
import type { Frame } from "../core/frames.ts";

/** How a node is reached. */
export type LinkKind = "unix" | "tcp" | "bus";

/** Why a link has closed. */
export type LinkEnd =
  /** the process of the peer has ended, or closed its node */
  | "gone"
  /** the peer is silent, see `heartbeatTimeout` */
  | "silent"
  /** the connection broke, and the peer may be alive */
  | "cut"
  /** the peer broke the rules of frames, or the queue exceeds `maxLinkBytes` */
  | "failed"
  /** this node leaves */
  | "left";

/** A link to another node, as its users see it. */
export interface Link {
  /** The tag of the peer. */
  readonly tag: string;
  readonly kind: LinkKind;
  /** Bytes that are queued because the peer does not read fast enough. */
  readonly queuedBytes: number;
  /** Sends a frame made by `encodeFrame`, and takes ownership of it. Frames of one turn leave in one write. */
  send(frame: Buffer): void;
  /** Resolves with true once the peer has answered a ping; false once the link has closed. */
  probe(): Promise<boolean>;
  /** Ends the link because the peer broke the rules; `why` is for the log. */
  fail(why: string): void;
}

/** Receives what happens on the links of a node. */
export interface LinkObserver {
  onOpen(link: Link): void;
  onFrame(link: Link, frame: Frame): void;
  /** The queue of the link has become short again after it exceeded half of `maxLinkBytes`. */
  onDrain(link: Link): void;
  /** Called once for each link that has opened. */
  onClose(link: Link, end: LinkEnd): void;
}

/**
 * What this node knows about a tag: `open`, there is a link to it; `unknown`, it was never heard of; `starting`, this node has
 * not joined yet; `unreachable`, its link is cut or silent; or when it was lost, by the clock of the node.
 */
export type Standing = "open" | "unknown" | "starting" | "unreachable" | { readonly lostAt: number };

/** The other nodes, as the relay and the adapters see them. */
export interface Peers {
  /** The tag of this node. Empty until it has joined. */
  readonly tag: string;
  /** Returns the open link to a node. */
  get(tag: string): Link | undefined;
  /** Returns all open links. */
  all(): Iterable<Link>;
  standing(tag: string): Standing;
  /** Resolves when this node has joined. Rejects after two seconds, or when it closes before. */
  whenJoined(): Promise<void>;
}
