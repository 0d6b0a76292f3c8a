import type { Packet } from "../../../../packages/parser/src/engine.ts";
import type { TransportCtor } from "../../../../packages/client/src/engine/options.ts";
import { Transport, TransportError } from "../../../../packages/client/src/engine/transports/transport.ts";

/** One connection, seen from the server. */
export class FakeConnection {
  /** Messages of the client, oldest first. */
  readonly sent: unknown[] = [];
  /** All packets of the client, by the write that they came with. */
  readonly writes: Packet[][] = [];
  readonly #transport: FakeTransport;

  constructor(transport: FakeTransport) {
    this.#transport = transport;
  }

  /** The engine's handshake. */
  open(more: object = {}): void {
    const data = JSON.stringify({ sid: "engine", upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, ...more });
    this.#transport.take({ type: "open", data });
  }

  /** Takes a client that returns, of whose messages the server has received `count`. */
  welcome(count: number): void {
    this.#transport.take({ type: "noop", data: String(count) });
  }

  /** The parameters of the client's requests. */
  get query(): Record<string, unknown> {
    return this.#transport.query;
  }

  /** Sends what says which trace the next message belongs to. */
  announce(traceparent: string): void {
    this.#transport.take({ type: "noop", data: traceparent });
  }

  /** Sends messages. */
  send(...messages: unknown[]): void {
    for (const data of messages) this.#transport.take({ type: "message", data });
  }

  ping(): void {
    this.#transport.take({ type: "ping" });
  }

  /** Lets the client into a namespace. */
  accept(sid = "socket", nsp = "", more: object = {}): void {
    this.send(`0${nsp}${JSON.stringify({ sid, ...more })}`);
  }

  /** Loses the connection. */
  drop(context?: object): void {
    this.#transport.lose(context);
  }

  /** Makes the connection fail. */
  fail(context?: object): void {
    this.#transport.break(context);
  }

  set writable(writable: boolean) {
    this.#transport.writable = writable;
  }
}

abstract class FakeTransport extends Transport {
  override get name(): string {
    return "fake";
  }
  take(packet: Packet): void {
    if (this.readyState !== "open") this.onOpen();
    this.onPacket(packet);
  }
  lose(context?: object): void {
    this.onClose({ description: "lost", context });
  }
  break(context?: object): void {
    this.emitReserved("error", new TransportError("fake error", 0, context));
  }
}

/** The connections of one client, oldest first. */
export class FakeNetwork {
  readonly connections: FakeConnection[] = [];

  /** The connection made last. */
  get last(): FakeConnection {
    return this.connections.at(-1) as FakeConnection;
  }

  /** For the option `transports`. */
  get transports(): TransportCtor[] {
    const { connections } = this;
    class ListedTransport extends FakeTransport {
      readonly #connection = new FakeConnection(this);
      doOpen(): void {
        connections.push(this.#connection);
      }
      doClose(): void {}
      write(packets: Packet[]): void {
        this.#connection.writes.push(packets);
        for (const { type, data } of packets) if (type === "message") this.#connection.sent.push(data);
        this.emitReserved("drain");
      }
    }
    return [ListedTransport];
  }
}

/** Lets packets that were received reach their listeners. */
export const delivered = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
