import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Server as SocketIo } from "@portage/server";
import type { ServerOptions as EngineOptions } from "@portage/server/engine";
import type { RelayOptions } from "../../../packages/cluster/src/exchange/relay.ts";
import {
  type TunnelOptions,
  TunnelRegistry,
  type TunnelRelay,
} from "../../../packages/cluster/src/exchange/tunnel-registry.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../servers/certificate.ts";
import { link, TestNode } from "./engine-nodes.ts";
import type { MemoryLink } from "./memory-link.ts";

export type Front = "http" | "https" | "http2";

const SECURE = { cert: TEST_CERTIFICATE, key: TEST_KEY };

const SERVERS: Readonly<Record<Front, () => HttpServer>> = {
  http: () => createServer(),
  https: () => createTlsServer(SECURE),
  http2: () => {
    const server: object = createSecureServer({
      ...SECURE,
      allowHTTP1: true,
      settings: { enableConnectProtocol: true },
    });
    return server as HttpServer;
  },
};

export interface ElsewhereOptions {
  readonly front?: Front;
  readonly engine?: EngineOptions;
  readonly tunnels?: Partial<TunnelOptions>;
  /** The same for the owner alone. */
  readonly ownerTunnels?: Partial<TunnelOptions>;
}

/** Two nodes behind a balancer that sends requests to the first one, the owner, and WebSockets to the second one, the front. */
export class UpgradeElsewhere {
  readonly owner: TestNode;
  readonly front: TestNode;
  readonly tunnels: { owner: TunnelRegistry; front: TunnelRegistry };
  /** The ends of the owner and of the front. */
  readonly links: readonly [MemoryLink, MemoryLink];
  readonly balancer: HttpServer;
  readonly kind: Front;

  static async start(options: ElsewhereOptions = {}): Promise<UpgradeElsewhere> {
    const site = new UpgradeElsewhere(options);
    await Promise.all([site.owner.listen(), site.front.listen()]);
    await new Promise<void>((resolve) => site.balancer.listen(0, "127.0.0.1", resolve));
    return site;
  }

  private constructor({ front = "http", engine, tunnels, ownerTunnels }: ElsewhereOptions) {
    const made: TunnelRegistry[] = [];
    const options: Partial<RelayOptions> = {
      tunnels: (relay: TunnelRelay) => {
        const own = made.length === 0 ? ownerTunnels : undefined;
        const registry = new TunnelRegistry(relay, { maxTunnels: Infinity, upgrades: "auto", ...tunnels, ...own });
        made.push(registry);
        return registry;
      },
    };
    const settings = { allowEIO3: true, ...engine };
    this.owner = new TestNode("AAAA", settings, options);
    this.front = new TestNode("BBBB", settings, options);
    this.tunnels = { owner: made[0]!, front: made[1]! };
    this.links = link(this.owner, this.front);
    this.kind = front;
    this.balancer = SERVERS[front]();
    this.balancer.on("request", (req: IncomingMessage, res: ServerResponse) => {
      if (req.method !== "CONNECT") this.owner.engine.handleRequest(req, res);
    });
    this.balancer.on("upgrade", (req: IncomingMessage, stream, head: Buffer) => {
      const hasSession = req.url!.includes("sid=");
      (hasSession ? this.front : this.owner).engine.handleUpgrade(req, stream, head);
    });
    this.balancer.on("connect", (req: IncomingMessage, res: ServerResponse) =>
      this.front.engine.handleConnect(req, res),
    );
  }

  /** Adds Socket.IO to both nodes. Returns the owner's. */
  bind(): SocketIo {
    new SocketIo().bind(this.front.engine);
    const io = new SocketIo();
    io.bind(this.owner.engine);
    return io;
  }

  get port(): number {
    return (this.balancer.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.kind === "http" ? "http" : "https"}://127.0.0.1:${this.port}`;
  }

  /** Numbers of open tunnels. */
  get left(): { fronts: number; owned: number } {
    return { fronts: this.tunnels.front.stats.fronts, owned: this.tunnels.owner.stats.owned };
  }

  async close(): Promise<void> {
    await this.owner.close();
    await this.front.close();
    this.balancer.close();
    this.balancer.closeAllConnections?.();
  }
}
