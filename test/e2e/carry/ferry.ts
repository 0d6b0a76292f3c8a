import { io as plain, type ManagerOptions, type Socket as ClientSocket, type SocketOptions } from "@portage/client";
import { Server, type ServerOptions, type Socket } from "@portage/server";
import { type Line, Road, type Rules } from "../../walls/line.ts";
import { Host } from "../../support/servers/host.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

/** What breaks a connection, once: what it returns is for the line on which it is asked. */
export type Accident = (line: Line, isFirst: () => boolean) => Rules;

export interface FerryOptions {
  readonly server?: Partial<ServerOptions>;
  readonly client?: Partial<ManagerOptions & SocketOptions>;
  readonly namespace?: string;
  /** `io()` of another entry. Default: of the main one. */
  readonly connect?: (url: string, options: FerryOptions["client"]) => ClientSocket;
}

/** A server and a client of ours, with a relay between them that a test breaks. */
export class Ferry {
  readonly io: Server;
  readonly client: ClientSocket;
  /** What the client reported: disconnects, errors, and its carries. */
  readonly events: string[] = [];
  socket!: Socket;
  readonly #host: Host;
  readonly #road: Road;
  readonly #lines = new Set<Line>();
  #accident: Accident | undefined;

  static async launch(options: FerryOptions = {}): Promise<Ferry> {
    const host = new Host();
    const io = new Server(host.http, options.server);
    await host.listen();
    let ferry: Ferry | undefined;
    const road = new Road(host.port, (line) => ferry?.begin(line) ?? {});
    ferry = new Ferry({ host, io, road, url: await road.listen() }, options);
    return ferry;
  }

  private constructor(
    { host, io, road, url }: { host: Host; io: Server; road: Road; url: string },
    { client = {}, connect = plain, namespace = "" }: FerryOptions,
  ) {
    this.io = io;
    this.#host = host;
    this.#road = road;
    this.client = connect(url + namespace, {
      forceNew: true,
      reconnectionDelay: 10,
      randomizationFactor: 0,
      ...client,
    });
    this.client.on("disconnect", (reason) => this.events.push(`disconnect ${reason}`));
    this.client.on("connect_error", ({ message }) => this.events.push(`connect_error ${message}`));
    this.client.io.engine.on("carried", (from, to) => this.events.push(`${from} to ${to}`));
  }

  /** Both ends are connected. */
  async connected(): Promise<this> {
    const { nsp } = this.client as unknown as { nsp: string };
    [[this.socket]] = await Promise.all([
      nextEvent<[Socket]>(this.io.of(nsp), "connection"),
      nextEvent(this.client as never, "connect"),
    ]);
    this.socket.on("disconnect", (reason) => this.events.push(`server: ${reason}`));
    return this;
  }

  begin(line: Line): Rules {
    this.#lines.add(line);
    const rules = (): Rules => this.#accident?.(line, () => this.#take()) ?? {};
    return {
      request: (head) => (rules().request ? rules().request?.(head) : head.bytes),
      up: (piece) => (rules().up ? rules().up?.(piece) : piece.bytes),
      down: (piece) => (rules().down ? rules().down?.(piece) : piece.bytes),
    };
  }

  #take(): boolean {
    const isThere = this.#accident !== undefined;
    this.#accident = undefined;
    return isThere;
  }

  /** Sets what breaks next. */
  expect(accident: Accident): void {
    this.#accident = accident;
  }

  /** Whether it has broken. */
  get hasBroken(): boolean {
    return this.#accident === undefined;
  }

  /** Cuts all connections. */
  cut(how: "end" | "reset" = "reset"): void {
    for (const line of this.#lines) line.cut(how);
    this.#lines.clear();
  }

  /** From now on each connection breaks with its first request. */
  block(): void {
    this.cut();
    this.#accident = (line) => ({ request: () => line.cut("reset") as undefined });
  }

  /** Lets everything pass again. */
  open(): void {
    this.#accident = undefined;
  }

  /** Until the server has noticed. */
  async adrift(): Promise<void> {
    while (this.io.stats().sessions.adrift === 0) await turn();
  }

  async upgraded(): Promise<void> {
    const { engine } = this.client.io;
    if (engine.transport.name !== "websocket") await nextEvent(engine as never, "upgrade");
    while (this.socket.conn.transport.name !== "websocket") await turn();
  }

  async carried(): Promise<void> {
    if (this.socket.conn.carried === 0) await within(nextEvent(this.socket.conn as never, "carried"), "the return");
  }

  async stop(): Promise<void> {
    this.client.disconnect();
    await this.#road.stop();
    await this.io.close();
    await this.#host.drained();
  }
}
