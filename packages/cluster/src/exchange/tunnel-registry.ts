/*
 * The tunnels of a node: WebSockets whose session another node has, and WebSockets of its sessions at other nodes.
 *
 *   client            front                             owner
 *   GET, Upgrade  ->  open      UPGRADE head, bytes ->  accept   the engine takes the handshake from a TunnelSocket
 *                 <-            <- DATA                          101, or a refusal, as bytes
 *                 <->           <- DATA ->
 *
 * Clients of HTTP/2 send CONNECT. For the owner that is an upgrade of HTTP/1.1, and the front translates the answer.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import {
  type Clock,
  createLog,
  type DrainPace,
  type RelayHost,
  type RelayRefusal,
  type RelayVerdict,
  type StreamHandshake,
  type TransportRequest,
} from "@portage/server/relay";
import { type Frame, MAX_DATA } from "../core/frames.ts";
import { decodeRequest, encodeRequest } from "../core/heads.ts";
import type { LinkStreams } from "./streams.ts";
import { type TunnelFrontDesk, FrontTunnel } from "./tunnel-front.ts";
import type { Tunnels } from "./tunnels.ts";
import { type TunnelOwnerDesk, type OwnerTunnel, TunnelSocket } from "./tunnel-socket.ts";
import { createForwardedRequest } from "./forwarded-request.ts";
import { forwardOverloaded } from "./refusals.ts";
import { upgradeHead } from "./upgrade-head.ts";

const log = createLog("portage:cluster");

export interface TunnelOptions {
  /** Most tunnels of this node, as front and as owner. */
  readonly maxTunnels: number;
  /** What happens to WebSockets of other nodes' sessions. */
  readonly upgrades: "auto" | "tunnel" | "refuse";
}

/** The relay, as its tunnels use it. */
export interface TunnelRelay {
  readonly host: RelayHost;
  /** Counts a refusal, and returns it. */
  count(refusal: RelayRefusal): RelayRefusal;
}

/** Passes sockets to other processes of this host, so that no bytes need be forwarded. */
export interface SocketPasser {
  /** Whether the socket can be passed: not over TLS or HTTP/2, and not without a primary that passes it on. */
  canHandOver(req: IncomingMessage, socket: unknown): socket is Socket;
  /**
   * Passes the socket to the process with the tag.
   *
   * @returns `missed`: the process can't take it, and the socket is as before. `lost`: nothing is known, and it was closed
   */
  handOver(tag: string, req: IncomingMessage, socket: Socket, head: Buffer): Promise<"taken" | "missed" | "lost">;
}

/** Counters, and current numbers. */
export interface TunnelStats {
  /** Open tunnels of clients that are connected here. */
  readonly fronts: number;
  /** Open tunnels of sessions that are here. */
  readonly owned: number;
  /** Tunnels that were opened here. */
  readonly opened: number;
  /** Sockets that were passed to other processes. */
  readonly passed: number;
}

/** A handshake, and where its session is. */
interface TunnelVisit {
  readonly req: TransportRequest;
  readonly handshake: StreamHandshake;
  readonly streams: LinkStreams;
}

/** The tunnels of a node. */
export class TunnelRegistry implements Tunnels, TunnelFrontDesk, TunnelOwnerDesk {
  readonly #relay: TunnelRelay;
  readonly #options: TunnelOptions;
  readonly #passer: SocketPasser | undefined;
  readonly #fronts = new Set<FrontTunnel>();
  readonly #owned = new Set<OwnerTunnel>();
  readonly #counts = { opened: 0, passed: 0 };
  #state: "serving" | "leaving" = "serving";
  /** Called when no tunnel is left. */
  #leavers: (() => void)[] = [];

  constructor(relay: TunnelRelay, options: TunnelOptions, passer?: SocketPasser) {
    this.#relay = relay;
    this.#options = options;
    this.#passer = passer;
  }

  get clock(): Clock {
    return this.#relay.host.clock;
  }

  get size(): number {
    return this.#fronts.size + this.#owned.size;
  }

  get stats(): TunnelStats {
    return { fronts: this.#fronts.size, owned: this.#owned.size, ...this.#counts };
  }

  // ---- as a front --------------------------------------------------------------------------------------------------

  /** Forwards a handshake to the node at the other end of a link. */
  open(req: TransportRequest, handshake: StreamHandshake, streams: LinkStreams): RelayVerdict {
    const { upgrades } = this.#options;
    if (this.#state === "leaving") return this.#relay.count({ name: "SERVER_DRAINING" });
    if (upgrades === "refuse") return this.#relay.count({ name: "UPGRADES_REFUSED" });
    if (upgrades === "auto" && this.#passer?.canHandOver(req, handshake.stream))
      return this.#pass(this.#passer, { req, handshake, streams });
    return this.#tunnel({ req, handshake, streams });
  }

  #pass(passer: SocketPasser, visit: TunnelVisit): "taken" {
    const { req, handshake, streams } = visit;
    const { stream, head } = handshake.takeOver();
    passer
      .handOver(streams.link.tag, req, stream as Socket, head)
      .then((end) => {
        if (end === "taken") this.#counts.passed += 1;
        else if (end === "missed" && !stream.destroyed) this.#onMissed(visit);
      })
      .catch((error: unknown) => {
        log("a socket was not passed: %s", error);
        stream.destroy();
      });
    return "taken";
  }

  #onMissed(visit: TunnelVisit): void {
    const { req, handshake, streams } = visit;
    // The node is about to be lost, or its link is: the relay looks again.
    if (!streams.isOpen) return this.#relay.host.handleHandshake(req, handshake);
    const verdict = this.#tunnel(visit);
    if (typeof verdict === "object") this.#relay.host.refuseHandshake(req, handshake, verdict);
  }

  #tunnel({ req, handshake, streams }: TunnelVisit): "taken" | RelayRefusal {
    if (this.size >= this.#options.maxTunnels) return this.#relay.count(forwardOverloaded("maxTunnels"));
    const request = encodeRequest(upgradeHead(req));
    if (request === undefined) return this.#relay.count({ name: "BAD_REQUEST" });
    const taken = handshake.takeOver();
    if (taken.stream.destroyed) return "taken";
    const tunnel = new FrontTunnel(this, streams, taken);
    this.#fronts.add(tunnel);
    this.#counts.opened += 1;
    tunnel.start(request, taken.head);
    return "taken";
  }

  leave(pace: DrainPace): Promise<void> {
    this.#state = "leaving";
    pace.each([...this.#fronts], (tunnel) => tunnel.release());
    if (this.#fronts.size === 0) return Promise.resolve();
    const timer = this.clock.after(pace.deadline, () => {
      for (const tunnel of this.#fronts) tunnel.abandon();
    });
    return new Promise((resolve) => {
      this.#leavers.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  resume(): void {
    this.#state = "serving";
    this.#endLeave();
  }

  // ---- as an owner -------------------------------------------------------------------------------------------------

  /** Takes an UPGRADE frame. */
  accept(streams: LinkStreams, frame: Frame): void {
    const decoded = decodeRequest(frame.body);
    if (!decoded || decoded.first.length > MAX_DATA) return streams.link.fail("a malformed UPGRADE");
    const { head, first } = decoded;
    const socket = new TunnelSocket({ streams, number: frame.stream, peer: head.peer, desk: this });
    const { tunnel } = socket;
    tunnel.takeHead(first);
    this.#owned.add(tunnel);
    const req = createForwardedRequest(head, socket);
    // A handshake has no body.
    req.complete = true;
    this.#relay.host.handleUpgrade(req, socket, first);
    tunnel.sid = (req as Partial<TransportRequest>)._query?.["sid"] ?? "";
  }

  /** The tunnel of the handshake is counted already. */
  routeForwarded(): RelayVerdict {
    if (this.size <= this.#options.maxTunnels) return "local";
    return this.#relay.count(forwardOverloaded("maxTunnels"));
  }

  onRelease({ sid, socket }: OwnerTunnel): void {
    this.#relay.host.releaseStream(sid, socket);
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  onFrontOver(end: FrontTunnel): void {
    this.#fronts.delete(end);
    if (this.#fronts.size === 0) this.#endLeave();
  }

  #endLeave(): void {
    for (const leave of this.#leavers.splice(0)) leave();
  }

  onOwnerOver(end: OwnerTunnel): void {
    this.#owned.delete(end);
  }
}
