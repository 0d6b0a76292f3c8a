import type { ServerResponse } from "node:http";
import { Server as NetServer } from "node:net";
import type { Adapter } from "@portage/server/adapter";
import {
  type Clock,
  type Cluster,
  type ClusterEvents,
  type ClusterNode as NodeDescription,
  type ClusterReport,
  type DrainPace,
  Emitter,
  type RelayHost,
  type RelayRefusal,
  type RelayVerdict,
  runNextTick,
  type SessionRelay,
  type StreamHandshake,
  type TransportRequest,
} from "@portage/server/relay";
import { type Bus, type BusPeers, LinkBus } from "./adapter/bus.ts";
import { createBusAdapter } from "./adapter/create.ts";
import { ClusterError } from "./core/errors.ts";
import { TAG_LENGTH } from "./core/tag.ts";
import { ownerUnreachable } from "./exchange/refusals.ts";
import { ClusterRelay } from "./exchange/relay.ts";
import { GuestRelay } from "./guest-relay.ts";
import { Questions } from "./questions.ts";
import { TunnelRegistry } from "./exchange/tunnel-registry.ts";
import { LocalNode, type NodeHandler } from "./node.ts";
import type { Registry } from "./links/registry.ts";
import { keysOf, type ResolvedClusterOptions } from "./options.ts";
import { SharedHost } from "./shared-host.ts";
import { type Leavable, leavables } from "./workers/leaving.ts";
import { processHandOver } from "./workers/process-hand-over.ts";
import { enterProcess } from "./workers/presence.ts";

/** A node that starts. */
export interface NodeStart {
  readonly clock: Clock;
  /** The port or path that its server listens on. Undefined: not known yet. */
  readonly address: number | string | undefined;
  /** Whether the program has set no secret, so that the one of the registry counts. */
  readonly needsSecret: boolean;
  /** Emits an event of the cluster. */
  emit<Name extends keyof ClusterEvents>(name: Name, ...args: Parameters<ClusterEvents[Name]>): void;
}

/** How the processes of one kind of cluster find each other. */
export interface Meeting {
  /** Returns the registry for an attempt of a node to join. Undefined: it depends on the address. */
  registryFor(node: NodeStart): Registry | undefined;
  /** Creates the adapter of a namespace. Default: one on the bus alone. */
  createAdapter?(nsp: unknown, bus: Bus): Adapter;
  /** A node that has started listens on an address as well. */
  onOtherAddress?(address: NodeStart["address"]): void;
}

/** The option `cluster` of a server: one node at a time, which all engines of the server share. */
export class ServerCluster extends Emitter implements Cluster {
  readonly #options: ResolvedClusterOptions;
  readonly #meeting: Meeting;
  #keys: readonly Buffer[] | undefined;
  #running: SharedNode | undefined = undefined;
  /** Servers that use the cluster. `runWorkers()` ends each that `start()` has not returned. */
  readonly #servers = new Set<Leavable>();
  /** The adapters outlive a node: a server that closes may be attached again. */
  readonly #bus: LinkBus;
  /** Engines beside the server. They outlive a node, too. */
  readonly #guests = new Set<RelayHost>();
  readonly questions: Questions;

  constructor(options: ResolvedClusterOptions, meeting: Meeting) {
    super();
    this.#options = options;
    this.#meeting = meeting;
    this.#keys = options.keys;
    const { requestTimeout, maxLinkBytes, maxMessageBytes } = options;
    this.#bus = new LinkBus(this.#peers(), { requestTimeout, maxLinkBytes, maxMessageBytes });
    this.questions = new Questions(this.#peers(), this.#bus);
  }

  get tag(): string {
    return this.#running?.node.tag ?? "";
  }

  nodes(): readonly NodeDescription[] {
    return this.#running?.node.nodes() ?? [];
  }

  report(): ClusterReport | undefined {
    return this.#running?.node.report();
  }

  useSecrets(secrets: string | readonly string[]): void {
    this.#keys ??= keysOf("clusterSecret", secrets);
  }

  createAdapter(nsp: unknown): Adapter {
    for (const server of serversOf(nsp)) this.#servers.add(server);
    return this.#meeting.createAdapter?.(nsp, this.#bus) ?? createBusAdapter(nsp, this.#bus);
  }

  connect(engine: RelayHost): SessionRelay {
    if (engine.isGuest === true) return new GuestRelay(engine, this.#guests, () => this.#joined());
    const running = this.#running;
    if (running === undefined) return new NodeRelay(this.#start(engine), engine);
    // Two servers with the same namespaces would receive each other's broadcasts.
    if (this.#servers.size > 1) throw new ClusterError("CLUSTER_IN_USE");
    running.host.add(engine);
    return new NodeRelay(running, engine);
  }

  #joined(): { readonly relay: ClusterRelay; readonly host: SharedHost } | undefined {
    const running = this.#running;
    if (running === undefined || running.node.tag === "") return undefined;
    return { relay: running.node.relay, host: running.host };
  }

  #start(engine: RelayHost): SharedNode {
    const { clock } = engine;
    const host = new SharedHost(engine, this.#guests);
    const options = { ...this.#options, keys: this.#keys };
    const { maxPendingExchanges, maxUnknownIds, maxLinkBytes, maxTunnels, upgrades } = options;
    const tunnels = (relay: ClusterRelay): TunnelRegistry =>
      new TunnelRegistry(relay, { maxTunnels, upgrades }, processHandOver());
    const node = new LocalNode(
      { options, host, handler: this.#handler() },
      {
        relay: (peers) => new ClusterRelay(peers, host, { maxPendingExchanges, maxUnknownIds, maxLinkBytes, tunnels }),
        bus: this.questions,
      },
    );
    const running = {
      node,
      host,
      startAt: (address: number | string | undefined) => {
        const needsSecret = options.keys === undefined;
        if (node.hasStarted) this.#meeting.onOtherAddress?.(address);
        else node.start(() => this.#meeting.registryFor({ clock, address, needsSecret, emit: this.#emitLater }));
      },
      onClose: () => {
        leaveProcess();
        if (this.#running === running) this.#running = undefined;
      },
    };
    this.#running = running;
    const leaveProcess = enterProcess(node, host, this.#servers);
    running.startAt(undefined);
    return running;
  }

  /** Forgets the node, which could not join. */
  #drop(): void {
    const running = this.#running;
    running?.node.close();
    running?.onClose();
  }

  /** The links of the current node, for the bus. */
  #peers(): BusPeers {
    const currentTag = (): string => this.tag;
    return {
      get tag() {
        return currentTag();
      },
      get: (tag) => this.#running?.node.get(tag),
      all: () => this.#running?.node.all() ?? [],
    };
  }

  /** Events reach the program after the current code, which changes the state that it may read. */
  readonly #emitLater: NodeStart["emit"] = (name, ...args) =>
    runNextTick(() => void this.emit(name, ...args), undefined);

  #handler(): NodeHandler {
    const emit = this.#emitLater;
    return {
      onNode: (event) => emit("node", event),
      onLost: (event) => emit("lost", event),
      onRefused: (code, tag, message) => emit("refused", { code, tag, message }),
      onFailed: (error) => {
        // Without a listener, it is thrown: the server is not attached.
        if (this.listenerCount("error") === 0) this.#drop();
        this.emit("error", error);
      },
    };
  }
}

/** A node, with the engines that use it. */
interface SharedNode {
  readonly node: LocalNode;
  readonly host: SharedHost;
  /** Joins the others, unless it has. `address`: see `Meeting`. */
  startAt(address: number | string | undefined): void;
  onClose(): void;
}

/** The relay of a node for one of its engines, until that closes. */
class NodeRelay implements SessionRelay {
  readonly #node: LocalNode;
  readonly #running: SharedNode;
  readonly #engine: RelayHost;
  /** The tag of the node when it closed. */
  #closedTag: string | undefined = undefined;

  constructor(running: SharedNode, engine: RelayHost) {
    this.#node = running.node;
    this.#running = running;
    this.#engine = engine;
  }

  makeId(): string {
    return this.#node.relay.makeId();
  }

  isOwnId(id: string): boolean {
    return this.#node.relay.isOwnId(id);
  }

  route(req: TransportRequest, res: ServerResponse): RelayVerdict {
    if (this.#closedTag !== undefined) return this.#verdictAfterClose(this.#closedTag, req);
    this.#startFor(req);
    this.#running.host.record(req, this.#engine);
    return this.#node.relay.route(req, res);
  }

  routeHandshake(req: TransportRequest, handshake: StreamHandshake): RelayVerdict {
    if (this.#closedTag !== undefined) return this.#verdictAfterClose(this.#closedTag, req);
    this.#startFor(req);
    this.#running.host.record(req, this.#engine);
    return this.#node.relay.routeHandshake(req, handshake);
  }

  routePassedIn(req: TransportRequest): "local" | RelayRefusal {
    if (this.#closedTag !== undefined) return this.#verdictAfterClose(this.#closedTag, req);
    return this.#node.relay.routePassedIn(req);
  }

  listening(server: NetServer): void {
    if (this.#running.host.resume(this.#engine)) {
      this.#node.resume();
      this.#node.relay.resume();
    }
    const address = server.address();
    if (address !== null) this.#running.startAt(typeof address === "string" ? address : address.port);
  }

  draining(pace: DrainPace): Promise<void> {
    if (!this.#running.host.drain(this.#engine)) return Promise.resolve();
    this.#node.drain();
    return this.#node.relay.draining(pace);
  }

  settle(): Promise<void> {
    return this.#running.host.isDraining ? this.#node.relay.settle() : Promise.resolve();
  }

  close(): void {
    if (this.#running.host.remove(this.#engine)) return;
    this.#closedTag ??= this.#node.tag;
    this.#node.relay.close();
    this.#node.close();
    this.#running.onClose();
  }

  /** Refuses requests for sessions of others: a balancer may send them to another node. */
  #verdictAfterClose(own: string, { _query: { sid } }: TransportRequest): "local" | RelayRefusal {
    if (!sid || (own !== "" && sid.startsWith(own))) return "local";
    return this.#node.relay.count(ownerUnreachable(sid.slice(0, TAG_LENGTH)));
  }

  /** An engine that is not attached to an HTTP server does not hear that it listens. */
  #startFor({ socket }: TransportRequest): void {
    if (this.#node.hasStarted) return;
    const { server } = socket as { server?: unknown };
    if (server instanceof NetServer) this.listening(server);
    else if (socket.localPort !== undefined) this.#running.startAt(socket.localPort);
  }
}

/** The server of a namespace. */
const serversOf = (nsp: unknown): readonly Leavable[] => leavables((nsp as { server?: unknown } | undefined)?.server);
