import type { Clock } from "@portage/server/relay";
import type { DoorHandler } from "./door.ts";
import type { Identity, LinkKeys } from "./handshake.ts";
import type { LinkKind } from "./link.ts";
import type { Route } from "./route.ts";

/**
 * Where the nodes of a cluster find each other. It is for one start of a node.
 *
 * `join` and `leave` are called once. The registry reports `onClaimed` or `onFailed` first, and nothing after `leave`.
 */
export interface Registry {
  /** The kind of the first route to any node. */
  readonly kind: LinkKind;
  /** Whether a node has ended for certain if its first route leads to no process, although no link to it was open. */
  readonly knowsEnds: boolean;
  /** The secret that all nodes share, if the program has set none. */
  readonly keys: LinkKeys;
  /** Claims a tag for this node, and listens. */
  join(life: string, host: RegistryHost): void;
  /** Returns the ways to a node, the best one first. Empty: it has no record. */
  routesTo(tag: string): readonly Route[];
  /** Called in each `heartbeatInterval`. */
  beat(): void;
  /**
   * Returns the tags of the other nodes; none if it has just been read. A request names a node that is not known: this process
   * may have been stopped while that node joined. Absent: the registry can't be read in an instant.
   */
  look?(): Iterable<string>;
  /** The process of a node has ended: its record may go. */
  bury(tag: string): void;
  leave(): void;
}

/** What a registry needs of the node, and what it reports. */
export interface RegistryHost extends DoorHandler {
  readonly clock: Clock;
  /** The keys that a door asks for. */
  readonly keys: LinkKeys;
  /** Whether a node was found that has no link. */
  readonly lacksLinks: boolean;
  /** This node has its tag. `others`: the tags of the nodes that came before. */
  onClaimed(self: Identity, others: Iterable<string>): void;
  /** The node can't join. */
  onFailed(error: Error): void;
  /** The registry was read. Nodes without a record that have no link either are lost. */
  onListed(others: Iterable<string>): void;
  /** Another node has the tag of this one: all links close, and the registry claims another tag next. */
  onTagLost(): void;
}
