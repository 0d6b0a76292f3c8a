import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server as Engine, type ServerOptions } from "@portage/server/engine";
import { serverClock } from "@portage/server/relay";
import { ClusterRelay, type RelayOptions } from "../../../packages/cluster/src/exchange/relay.ts";
import type { Link, LinkEnd, Peers, Standing } from "../../../packages/cluster/src/links/link.ts";
import { MemoryLink, type Pace } from "./memory-link.ts";

const OPTIONS: RelayOptions = { maxPendingExchanges: 10_000, maxUnknownIds: 500, maxLinkBytes: 8e6 };

/** What a node of a test knows of the others. */
export class TestPeers implements Peers {
  tag: string;
  readonly links = new Map<string, MemoryLink>();
  /** Standings of nodes without a link. */
  readonly standings = new Map<string, Standing>();
  readonly #joins: (() => void)[] = [];
  readonly #failures: ((why: unknown) => void)[] = [];

  constructor(tag: string) {
    this.tag = tag;
  }

  get(tag: string): Link | undefined {
    return this.links.get(tag);
  }

  all(): Iterable<Link> {
    return this.links.values();
  }

  standing(tag: string): Standing {
    if (this.tag === "") return "starting";
    return this.links.has(tag) ? "open" : (this.standings.get(tag) ?? "unknown");
  }

  whenJoined(): Promise<void> {
    if (this.tag !== "") return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#joins.push(resolve);
      this.#failures.push(reject);
    });
  }

  join(tag: string): void {
    this.tag = tag;
    for (const resolve of this.#joins) resolve();
  }

  failToJoin(): void {
    for (const reject of this.#failures) reject(new Error("not joined"));
  }
}

/** A process of a cluster, without a process: an engine with its HTTP server and its relay. */
export class TestNode {
  readonly peers: TestPeers;
  readonly engine: Engine;
  readonly server: HttpServer;
  relay!: ClusterRelay;

  constructor(tag: string, options: ServerOptions = {}, relayOptions: Partial<RelayOptions> = {}) {
    this.peers = new TestPeers(tag);
    this.server = createServer();
    const connect = (host: ConstructorParameters<typeof ClusterRelay>[1]): ClusterRelay =>
      (this.relay = new ClusterRelay(this.peers, host, { ...OPTIONS, ...relayOptions }));
    this.engine = new Engine({ ...options, cluster: { connect } });
    this.engine.attach(this.server, { path: "/socket.io" });
  }

  get tag(): string {
    return this.peers.tag;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  listen(): Promise<this> {
    return new Promise((resolve) => this.server.listen(0, "127.0.0.1", () => resolve(this)));
  }

  /** Takes a link. */
  add(link: MemoryLink): void {
    this.peers.links.set(link.tag, link);
    link.observer = {
      onFrame: (_, frame) => this.relay.onFrame(link, frame),
      onDrain: () => this.relay.onDrain(link),
      onClose: (_, end) => this.#remove(link, end),
    };
    this.relay.onOpen(link);
  }

  #remove(link: MemoryLink, end: LinkEnd): void {
    if (this.peers.links.get(link.tag) === link) this.peers.links.delete(link.tag);
    this.peers.standings.set(link.tag, end === "gone" ? { lostAt: serverClock.now() } : "unreachable");
    this.relay.onClose(link, end);
  }

  async close(): Promise<void> {
    this.engine.close();
    for (const link of this.peers.links.values()) link.close("left", "gone");
    await new Promise((resolve) => {
      this.server.close(resolve);
      this.server.closeAllConnections();
    });
  }
}

/** Links two nodes. Returns both ends, that of the first node first. */
export function link(a: TestNode, b: TestNode, pace: Pace = "turn"): [MemoryLink, MemoryLink] {
  const ends = MemoryLink.pair(pace, [a.tag, b.tag]);
  a.add(ends[0]);
  b.add(ends[1]);
  return ends;
}

/** Nodes that listen, with links between all of them. */
export async function startNodes(
  tags: readonly string[],
  options: ServerOptions = {},
  relayOptions: Partial<RelayOptions> = {},
): Promise<TestNode[]> {
  const nodes = await Promise.all(tags.map((tag) => new TestNode(tag, options, relayOptions).listen()));
  for (const [i, node] of nodes.entries()) for (const other of nodes.slice(i + 1)) link(node, other);
  return nodes;
}
