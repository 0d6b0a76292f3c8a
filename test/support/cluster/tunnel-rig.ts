import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { LinkEnd } from "../../../packages/cluster/src/links/link.ts";
import { LinkStreams } from "../../../packages/cluster/src/exchange/streams.ts";
import {
  type TunnelOptions,
  type SocketPasser,
  TunnelRegistry,
} from "../../../packages/cluster/src/exchange/tunnel-registry.ts";
import type { TunnelSocket } from "../../../packages/cluster/src/exchange/tunnel-socket.ts";
import { UpgradeHandshake } from "../../../packages/server/src/engine/admission/stream-handshake.ts";
import { prepareRequest, type TransportRequest } from "../../../packages/server/src/engine/http/request.ts";
import type { RelayHost, RelayRefusal } from "../../../packages/server/src/engine/relay/relay.ts";
import { FakeClock } from "../../unit/support/fake-clock.ts";
import { MemoryLink, type Pace, settle } from "./memory-link.ts";

/** A handshake that has reached the engine of its owner. */
export interface Arrival {
  readonly req: IncomingMessage;
  readonly socket: TunnelSocket;
  readonly head: Buffer;
}

const CONGESTION = 4_000_000;

const TUNNELS: TunnelOptions = { maxTunnels: Infinity, upgrades: "auto" };

/** One of two nodes: its tunnels, and what its engine gets. */
export class TunnelNode {
  readonly clock = new FakeClock();
  readonly link: MemoryLink;
  readonly streams: LinkStreams;
  readonly tunnels: TunnelRegistry;
  readonly arrivals: Arrival[] = [];
  readonly released: [sid: string, stream: Duplex][] = [];
  readonly refused: RelayRefusal[] = [];
  /** Handshakes that the relay has taken, and that are refused or routed again. */
  readonly answered: string[] = [];
  /** How the link has ended. */
  end: LinkEnd | undefined;

  constructor(link: MemoryLink, options: TunnelOptions = TUNNELS, passer?: SocketPasser) {
    this.link = link;
    this.streams = new LinkStreams(
      link,
      { accept: (streams, frame) => this.tunnels.accept(streams, frame) },
      CONGESTION,
    );
    link.highWater = CONGESTION;
    link.observer = {
      onFrame: (_link, frame) => this.streams.onFrame(frame),
      onDrain: () => this.streams.onDrain(),
      onClose: (_link, end) => {
        this.end = end;
        this.streams.onClose(end);
      },
    };
    const used: Partial<RelayHost> = {
      clock: this.clock,
      handleUpgrade: (req, socket, head) => {
        prepareRequest(req);
        this.arrivals.push({ req, socket: socket as TunnelSocket, head });
      },
      handleHandshake: () => void this.answered.push("again"),
      refuseHandshake: (_req, _handshake, { name }) => void this.answered.push(name),
      releaseStream: (sid, stream) => void this.released.push([sid, stream]),
    };
    const count = (refusal: RelayRefusal): RelayRefusal => {
      this.refused.push(refusal);
      return refusal;
    };
    this.tunnels = new TunnelRegistry({ host: used as RelayHost, count }, options, passer);
  }

  /** Numbers of open tunnels, streams and timers. */
  get left(): { fronts: number; owned: number; streams: number; timers: number } {
    const { fronts, owned } = this.tunnels.stats;
    return { fronts, owned, streams: this.streams.size, timers: this.clock.pending };
  }
}

export const NOTHING_LEFT = { fronts: 0, owned: 0, streams: 0, timers: 0 };

/** A front and an owner. */
export class TunnelRig {
  readonly front: TunnelNode;
  readonly owner: TunnelNode;

  constructor(pace: Pace = "manual", options: TunnelOptions = TUNNELS, passer?: SocketPasser) {
    const [front, owner] = MemoryLink.pair(pace);
    this.front = new TunnelNode(front, options, passer);
    this.owner = new TunnelNode(owner);
  }

  /** Delivers all frames. */
  settle(): void {
    settle(this.front.link, this.owner.link);
  }

  /** Takes a handshake at the front. */
  open(req: IncomingMessage, stream: Duplex, head: Buffer = Buffer.alloc(0)): ReturnType<TunnelRegistry["open"]> {
    const handshake = new UpgradeHandshake(stream, head);
    return this.front.tunnels.open(prepareRequest(req), handshake, this.front.streams);
  }

  /** Takes a handshake at the front, and returns what arrives at the owner. */
  arrive(stream: Duplex, head?: Buffer): Arrival {
    this.open(upgradeRequest(stream), stream, head);
    this.settle();
    const arrival = this.owner.arrivals.at(-1);
    if (!arrival) throw new Error("no handshake has arrived");
    return arrival;
  }
}

/** A handshake as Node's parser makes it. */
export function upgradeRequest(
  stream: Duplex,
  url = "/socket.io/?EIO=4&transport=websocket&sid=AAAA0",
): TransportRequest {
  const rawHeaders = [
    "Host",
    "localhost",
    "Connection",
    "Upgrade",
    "Upgrade",
    "websocket",
    "Sec-WebSocket-Version",
    "13",
  ];
  const socket = Object.assign(stream, { remoteAddress: "192.0.2.7", remotePort: 50_000 });
  const fields = { method: "GET", url, httpVersion: "1.1", httpVersionMajor: 1, rawHeaders, headers: {}, socket };
  const req: object = fields;
  return req as TransportRequest;
}
