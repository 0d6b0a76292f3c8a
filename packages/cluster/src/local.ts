import type { ServerResponse } from "node:http";
import { Server as NetServer } from "node:net";
import type { Adapter } from "@portage/server/adapter";
import {
  type Cluster,
  type ClusterNode as NodeDescription,
  type ClusterReport,
  type DrainPace,
  Emitter,
  type RelayHost,
  type RelayVerdict,
  runNextTick,
  type SessionRelay,
  type StreamHandshake,
  type TransportRequest,
} from "@portage/server/relay";
import { type BusPeers, LinkBus } from "./adapter/bus.ts";
import { createBusAdapter } from "./adapter/create.ts";
import { ClusterError } from "./core/errors.ts";
import { ClusterRelay } from "./exchange/relay.ts";
import { TunnelRegistry } from "./exchange/tunnel-registry.ts";
import { LocalNode, type NodeHandler } from "./node.ts";
import {
  directoryOf,
  keysOf,
  type LocalClusterOptions,
  namedDirectory,
  type ResolvedClusterOptions,
  resolveClusterOptions,
} from "./options.ts";
import { SharedHost } from "./shared-host.ts";
import { type Leavable, leavables } from "./workers/leaving.ts";
import { processHandOver } from "./workers/process-hand-over.ts";
import { enterProcess } from "./workers/presence.ts";

class LocalCluster extends Emitter implements Cluster {
  readonly #options: ResolvedClusterOptions;
  #keys: readonly Buffer[] | undefined;
  #running: SharedNode | undefined = undefined;
  /** Servers that use the cluster: `runWorkers()` ends those that start() does not return. */
  readonly #servers = new Set<Leavable>();
  /** The adapters outlive a node: a server that closes may be attached again. */
  readonly #bus: LinkBus;

  constructor(options: LocalClusterOptions | undefined) {
    super();
    this.#options = resolveClusterOptions(options);
    this.#keys = this.#options.keys;
    const { requestTimeout, maxLinkBytes, maxMessageBytes } = this.#options;
    this.#bus = new LinkBus(this.#peers(), { requestTimeout, maxLinkBytes, maxMessageBytes });
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
    return createBusAdapter(nsp, this.#bus);
  }

  connect(engine: RelayHost): SessionRelay {
    const running = this.#running;
    if (running === undefined) return new NodeRelay(this.#start(engine), engine);
    // Two servers with the same namespaces would receive each other's broadcasts.
    if (this.#servers.size > 1) throw new ClusterError("CLUSTER_IN_USE");
    running.host.add(engine);
    return new NodeRelay(running, engine);
  }

  #start(engine: RelayHost): SharedNode {
    const host = new SharedHost(engine);
    const options = { ...this.#options, keys: this.#keys };
    const { maxPendingExchanges, maxUnknownIds, maxLinkBytes, maxTunnels, upgrades } = options;
    const tunnels = (relay: ClusterRelay): TunnelRegistry =>
      new TunnelRegistry(relay, { maxTunnels, upgrades }, processHandOver());
    const node = new LocalNode(
      { options, host, handler: this.#handler() },
      {
        relay: (peers) => new ClusterRelay(peers, host, { maxPendingExchanges, maxUnknownIds, maxLinkBytes, tunnels }),
        bus: this.#bus,
      },
    );
    const running = {
      node,
      host,
      onClose: () => {
        leaveProcess();
        if (this.#running === running) this.#running = undefined;
      },
    };
    this.#running = running;
    const directory = namedDirectory(options);
    if (directory !== undefined) node.start(directory);
    const leaveProcess = enterProcess(node, host, this.#servers);
    return running;
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
  #handler(): NodeHandler {
    const emit = (name: string, argument: unknown): void =>
      runNextTick(() => void this.emit(name, argument), undefined);
    return {
      onNode: (event) => emit("node", event),
      onLost: (event) => emit("lost", event),
      onRefused: (code, tag, message) => emit("refused", { code, tag, message }),
      onFailed: (error) => {
        this.#running = undefined;
        this.emit("error", error);
      },
    };
  }
}

/** A node, with the engines that use it. */
interface SharedNode {
  readonly node: LocalNode;
  readonly host: SharedHost;
  onClose(): void;
}

/** The relay of a node for one of its engines, until that closes. */
class NodeRelay implements SessionRelay {
  readonly #node: LocalNode;
  readonly #running: SharedNode;
  readonly #engine: RelayHost;

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
    this.#startFor(req);
    this.#running.host.record(req, this.#engine);
    return this.#node.relay.route(req, res);
  }

  routeHandshake(req: TransportRequest, handshake: StreamHandshake): RelayVerdict {
    this.#startFor(req);
    this.#running.host.record(req, this.#engine);
    return this.#node.relay.routeHandshake(req, handshake);
  }

  listening(server: NetServer): void {
    const address = server.address();
    if (address !== null) this.#node.start(directoryOf(typeof address === "string" ? address : address.port));
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
    this.#node.relay.close();
    this.#node.close();
    this.#running.onClose();
  }

  /** An engine that is not attached to an HTTP server does not hear that it listens. */
  #startFor({ socket }: TransportRequest): void {
    if (this.#node.hasStarted) return;
    const { server } = socket as { server?: unknown };
    if (server instanceof NetServer) this.listening(server);
    else if (socket.localPort !== undefined) this.#node.start(directoryOf(socket.localPort));
  }
}

/**
 * Joins this process with the others of the host that serve the same clients: the option `cluster` of a server. Workers of
 * node:cluster and pm2 find each other by their primary and port, other processes by the option `name` or `directory`.
 *
 * @throws ClusterError `OPTION_INVALID`
 * @example
 * // in each worker of node:cluster, or with `pm2 start app.js -i max`
 * const io = new Server(3000, { cluster: localCluster() });
 */
export function localCluster(options?: LocalClusterOptions): Cluster {
  return new LocalCluster(options);
}

/** The server of a namespace. */
const serversOf = (nsp: unknown): readonly Leavable[] => leavables((nsp as { server?: unknown } | undefined)?.server);
