import { EventEmitter } from "node:events";
import { Server, type ServerOptions } from "@portage/server";
import type { EnginePacket } from "@portage/parser/engine";
import { closeReason } from "../../../packages/server/src/engine/report/close-codes.ts";
import { ReceiveBudget } from "@portage/websocket";
import {
  kAdrift,
  kEngineClock,
  kReceiving,
  kTimingWheel,
  kReportSessionLimit,
  kRemoveSession,
  kReportUpgradeFailure,
  kSlowReader,
  kStats,
} from "../../../packages/server/src/engine/keys.ts";
import { TimingWheel } from "../../../packages/server/src/engine/timing-wheel.ts";
import type { SessionHost } from "../../../packages/server/src/engine/session/host.ts";
import { start } from "../../../packages/server/src/engine/session/start.ts";
import { Session } from "../../../packages/server/src/engine/session/session.ts";
import { resolveSlowReader, type SlowReaderOptions } from "../../../packages/server/src/engine/outgoing/slow-reader.ts";
import { count, EngineStats } from "../../../packages/server/src/engine/report/stats.ts";
import { Transport } from "../../../packages/server/src/engine/transports/transport.ts";
import type { ServerReport } from "../../../packages/server/src/socketio/host/server-tally.ts";
import { kTally } from "../../../packages/server/src/socketio/keys.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** A message of the peer or the server: text, or bytes. */
type Message = string | Buffer;

/** A WebSocket in memory: it records packets of the session, and the test decides whether it is writable. */
class MemoryTransport extends Transport {
  readonly name = "websocket";
  readonly sent: Message[] = [];
  override writable = true;

  override get bufferedBytes(): number {
    return 0;
  }

  override send(batch: readonly EnginePacket[]): void {
    for (const { type, data } of batch) if (type === "message") this.sent.push(data ?? "");
    this.drained();
  }

  override close(onClosed?: () => void): void {
    this.endedByOwner(onClosed);
  }

  override discard(): void {
    this.endedByOwner(undefined);
  }

  receive(data: Message): void {
    this.onPacket({ type: "message", data, options: undefined } as unknown as EnginePacket);
  }

  lose(): void {
    this.ended(closeReason("CONNECTION_CLOSED"));
  }
}

/** The engine's part in a test: it emits `connection`. */
class MemoryEngine extends EventEmitter {
  readonly clock = new FakeClock();
  readonly pingInterval = 25_000;
  readonly pingTimeout = 20_000;
  readonly heartbeat = new TimingWheel(this.clock, this.pingTimeout, this.pingInterval + this.pingTimeout);
  readonly upgradeTimeout = 10_000;
  readonly maxHttpBufferSize = 1e6;
  readonly initialPacket = undefined;
  readonly sessions = new Set<Session>();
  readonly stats = new EngineStats();
  slowReader = resolveSlowReader();
  readonly opts = {};
  readonly [kReceiving] = new ReceiveBudget(Infinity);
  readonly [kAdrift] = new Set();
  readonly [kEngineClock] = this.clock;
  readonly [kTimingWheel] = this.heartbeat;
  readonly [kStats] = this.stats;

  get [kSlowReader](): Required<SlowReaderOptions> {
    return this.slowReader;
  }

  [kReportSessionLimit] = (_session: unknown, code: never): void => count(this.stats.limits, code);
  upgrades = (): string[] => [];
  [kReportUpgradeFailure] = (): void => undefined;
  [kRemoveSession] = (session: Session): void => void this.sessions.delete(session);
  close(): void {
    for (const session of this.sessions) session.close(true);
  }
}

/** Runs all callbacks queued for the end of a tick, and settled promises. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Options of a peer. */
export interface PeerOptions {
  /** Revision of Engine.IO. Default: 4. */
  protocol?: 3 | 4;
  headers?: Record<string, string>;
  query?: Record<string, string>;
}

/** A client on the wire: it sends and receives messages of Socket.IO without a client library. */
export class Peer {
  readonly session: Session;
  readonly transport: MemoryTransport;
  readonly #heard: Message[] = [];

  constructor(engine: MemoryEngine, id: string, { protocol = 4, headers = {}, query = {} }: PeerOptions = {}) {
    const request = {
      headers: { host: "localhost", ...headers },
      url: "/socket.io/?EIO=4",
      _query: { EIO: String(protocol), ...query },
      socket: { remoteAddress: "10.0.0.1" },
    };
    this.transport = new MemoryTransport(request as never);
    this.session = new Session(id, engine as unknown as SessionHost, this.transport, request as never);
    engine.sessions.add(this.session);
    start(this.session);
  }

  /** Sends messages in one read, and waits for the server's reaction. */
  async say(...messages: Message[]): Promise<void> {
    for (const message of messages) this.transport.receive(message);
    await settle();
  }

  /** Returns the messages since the last call. */
  async hear(): Promise<Message[]> {
    await settle();
    this.#heard.push(...this.transport.sent.splice(0));
    return this.#heard.splice(0);
  }

  get isConnected(): boolean {
    return this.session.readyState === "open";
  }
}

/** A server on an engine in memory. */
export class Bench {
  readonly io: Server;
  readonly engine = new MemoryEngine();
  readonly clock = this.engine.clock;
  #peers = 0;

  constructor(options: Partial<ServerOptions> = {}) {
    this.io = new Server({ clock: this.clock, ...options });
    this.io.bind(this.engine);
  }

  /** Connects a peer, which joins no namespace by itself. */
  peer(options?: PeerOptions): Peer {
    const peer = new Peer(this.engine, `session-${this.#peers++}`, options);
    this.engine.emit("connection", peer.session);
    return peer;
  }

  /** Connects a peer that joins a namespace, and returns its socket. */
  async join(nsp = "/", options?: PeerOptions) {
    const peer = this.peer(options);
    await peer.say(nsp === "/" ? "0" : `0${nsp},`);
    const [answer = ""] = await peer.hear();
    const { sid } = JSON.parse(String(answer).slice(nsp === "/" ? 1 : nsp.length + 2)) as { sid: string };
    const socket = this.io.of(nsp).sockets.get(sid);
    if (socket === undefined) throw new Error(`not connected: ${String(answer)}`);
    return { peer, socket };
  }
}

/** The counters of the Socket.IO layer alone. */
export const tallyOf = ({ io }: Bench): ServerReport => io[kTally].report({} as never, io._nsps);
