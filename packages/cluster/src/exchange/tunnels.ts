import type { DrainPace, RelayVerdict, StreamHandshake, TransportRequest } from "@portage/server/relay";
import type { Frame } from "../core/frames.ts";
import type { LinkStreams } from "./streams.ts";

/** WebSockets whose session another node has. Each is one stream of a link, with a `StreamEnd` at both nodes. */
export interface Tunnels {
  /** Tunnels that are open, as front and as owner. */
  readonly size: number;
  /** Decides about a handshake that arrived here, for a session of the node at the other end of the link. */
  open(req: TransportRequest, handshake: StreamHandshake, streams: LinkStreams): RelayVerdict;
  /** Takes an UPGRADE, the first frame of a stream that the peer has opened. */
  accept(streams: LinkStreams, frame: Frame): void;
  /** This node leaves: asks owners to move the clients. Resolves when all have gone; cuts the rest at the deadline. */
  leave(pace: DrainPace): Promise<void>;
  /** This node does not leave after all: ends a `leave`. */
  resume(): void;
  /** Decides about a handshake that another node has forwarded. */
  routeForwarded(): RelayVerdict;
}
