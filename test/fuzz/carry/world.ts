import { EnginePacket, type EnginePacketType } from "@portage/parser/engine";
import { vi } from "vitest";
import type { Carry as ClientCarry } from "../../../packages/client/src/engine/carry.ts";
import type { TransportCtor } from "../../../packages/client/src/engine/options.ts";
import { Socket } from "../../../packages/client/src/engine/socket.ts";
import type { Carry, CarryQuery } from "../../../packages/server/src/engine/carry/carry.ts";
import { kCarry, kOfferUpgrade, kTakeBack } from "../../../packages/server/src/engine/keys.ts";
import type { Session } from "../../../packages/server/src/engine/session/session.ts";
import type { Random } from "../../support/random.ts";
import { openSession } from "../../unit/engine/fake-host.ts";
import { ClientEnd, type Kind, Line, type Network, ServerEnd } from "./ends.ts";

/** Longer than any run: nothing ends for its time. */
const WINDOW = 1e12;

const HANDSHAKE = { sid: "the-session", upgrades: ["websocket"], pingInterval: WINDOW, pingTimeout: WINDOW };

/** Numbers that one side sends and the other receives. */
class Numbers {
  sent = 0;
  received = 0;

  /** What came in place of the next one. */
  fault: string | undefined;

  take(data: unknown): void {
    if (data !== String(this.received)) this.fault ??= `${String(data)} came in place of ${this.received}`;
    this.received++;
  }
}

let worlds = 0;

/** A client's session and a server's, and the lines between them. */
export class World implements Network {
  readonly up = new Numbers();
  readonly down = new Numbers();
  readonly #random: Random;
  readonly #session: Session;
  readonly #socket: Socket;
  readonly #received: string[];
  /** Lines with something on them, oldest first. */
  #lines: Line[] = [];
  #end: string | undefined;
  /** Milliseconds in which questions have to wait for their answer. */
  #patience = 0;
  /** Deaths that the client has noticed or will notice since both sides were at rest. */
  deaths = 0;

  constructor(random: Random, kinds: readonly Kind[]) {
    this.#random = random;
    const { session, received } = openSession({ transport: "polling", carry: { window: WINDOW } });
    this.#session = session;
    this.#received = received;
    this.#socket = new Socket(`http://world-${worlds++}.example`, {
      transportImplementations: kinds.map((kind) => this.#endOf(kind)),
    });
    this.#socket.on("message", (data) => this.down.take(data));
    this.#socket.on("close", (reason) => (this.#end = `the client's session has ended: ${reason}`));
    const first = this.#current;
    const carry = { key: (session[kCarry] as Carry).key, window: WINDOW };
    first.opens();
    first.receive({ type: "open", data: JSON.stringify({ ...HANDSHAKE, carry }) });
    first.breaks();
    this.settle();
  }

  get #current(): ClientEnd {
    return this.#socket.transport as ClientEnd;
  }

  get #isSteady(): boolean {
    return (this.#socket.carry_ as ClientCarry).phase_ === "steady";
  }

  get #book(): Carry {
    return this.#session[kCarry] as Carry;
  }

  #endOf(kind: Kind): TransportCtor {
    // oxlint-disable-next-line typescript/no-this-alias -- of the class below
    const network = this;
    return class extends ClientEnd {
      readonly network = network;
      get name(): Kind {
        return kind;
      }
    };
  }

  launch(client: ClientEnd): Line {
    const line = new Line(client);
    this.#lines.push(line);
    return line;
  }

  // ---- steps -------------------------------------------------------------------------------------------------------

  /** One thing happens. */
  step(most: number): void {
    const random = this.#random;
    const line = random.pick(this.#lines);
    switch (random.below(11)) {
      case 0:
      case 1:
        return this.sayUp();
      case 2:
      case 3:
        return this.sayDown(random.below(2) === 0);
      case 4:
      case 5:
        return this.#deliverUp(line, 1 + random.below(3));
      case 6:
      case 7:
        return this.#deliverDown(line, 1 + random.below(3));
      case 8:
        return this.#continue(line);
      case 9:
        return this.#arrive(line);
      case 10:
        if (random.below(3) > 0) return this.#wait(random.pick([0, 1, 300]));
        return this.deaths < most ? this.#cut(random.pick(["both", "client", "server"] as const)) : undefined;
    }
  }

  #wait(ms: number): void {
    this.#patience -= ms;
    if (this.#patience > 0) vi.advanceTimersByTime(ms);
  }

  sayUp(): void {
    this.#socket.send(String(this.up.sent++));
  }

  sayDown(isFlushed: boolean): void {
    this.#session.send(String(this.down.sent++));
    if (isFlushed) this.#session.flush();
  }

  /** The request that opens a line reaches the server. */
  #arrive(line: Line): void {
    const { client } = line;
    if (line.server || line.isCut) return;
    const { carry, key, turn } = client.query;
    if (key === undefined) return this.#offer(line);
    const query = { carry: String(carry), key, turn: String(turn) } as CarryQuery;
    const refusal = this.#book.refusalOf(query);
    if (refusal) {
      if (client.isInUse) throw new Error(`the return was refused: ${refusal}`);
      line.isCut = true;
      return;
    }
    const server = (line.server = new ServerEnd(line, this.#random.below(2) === 0));
    this.#session[kTakeBack](server, query);
    if (client.name === "polling") server.polls();
  }

  /** The WebSocket of an upgrade reaches the server. */
  #offer(line: Line): void {
    const { client, turn } = line;
    if (this.#book.refusalOf({ turn })) {
      line.isCut = true;
      if (client.isInUse) client.breaks();
      return;
    }
    line.server = new ServerEnd(line, false);
    this.#session[kOfferUpgrade](line.server);
    if (client.isInUse) client.opens();
  }

  /** Packets of the client reach the server, which may have left their line. */
  #deliverUp(line: Line, most: number): void {
    const { client, server, up } = line;
    if (!server) return;
    for (let left = most; left > 0 && up.length > 0; left--) {
      const { type, data } = up.shift()!;
      const packet = new EnginePacket(type as EnginePacketType, data as string);
      if (client.name === "websocket") server.onPacket(packet);
      else {
        // a POST is admitted once, then its transport delivers all of it
        line.reader ??= this.#book.refusalOf({ turn: line.turn }) ? server : this.#session.transport;
        if (line.reader.readyState === "open") line.reader.onPacket(packet);
        if (up.length === 0) line.reader = undefined;
      }
    }
    while (this.#received.length > 0) this.up.take(this.#received.shift());
  }

  #deliverDown(line: Line, most: number): void {
    if (line.isCut) return;
    for (let left = most; left > 0 && line.down.length > 0; left--) line.deliverDown();
  }

  /** The platform takes more of the client, and the client polls again. */
  #continue({ client, server, up, down, isCut }: Line): void {
    if (isCut || !server) return;
    if (client.isInUse && client.state === "open" && !client.writable && (client.name === "websocket" || !up.length))
      client.drain();
    if (client.isPausing && !server.writable && !down.length && !up.length && client.writable) client.paused();
    if (client.isPausing) return;
    if (client.name === "polling" && client.isInUse && !server.writable && !down.length && server.readyState === "open")
      server.polls();
  }

  /** The line in use breaks, and one end or both notice. What is on it may still arrive where its end is not noticed. */
  #cut(who: "both" | "client" | "server"): void {
    const candidate = this.#lines.at(-1)!.client;
    const client = this.#isSteady && this.#random.below(3) > 0 ? this.#current : candidate;
    if (!client.isInUse) return;
    const { line } = client;
    this.deaths++;
    if (who !== "client") {
      if (line.server) line.server.breaks();
      else line.isCut = true;
    }
    if (who !== "server") {
      client.breaks();
      line.isCut = who === "both";
    }
  }

  // ---- rest --------------------------------------------------------------------------------------------------------

  /** Lets both sides come to rest: everything that was sent has to be there then. */
  settle(): void {
    this.sayUp();
    this.sayDown(true);
    const newestFirst = this.#random.below(2) === 0;
    for (let left = 200; left > 0; left--) {
      // what was left behind comes before or after what follows it
      const lines = [...this.#lines];
      if (newestFirst) lines.reverse();
      for (const line of lines) {
        this.#arrive(line);
        this.#deliverUp(line, Infinity);
        this.#deliverDown(line, Infinity);
        this.#continue(line);
      }
      this.#session.flush();
      // a half-open line: the client finds out at last
      for (const { client, server, isCut } of this.#lines) {
        if (client.isInUse && (isCut || server?.readyState === "closed")) client.breaks();
      }
      vi.advanceTimersByTime(100);
      this.#lines = this.#lines.filter(({ client }) => client.isInUse);
      const fault = this.#end ?? this.up.fault ?? this.down.fault;
      if (fault) throw new Error(fault);
      if (this.#isAtRest) {
        this.deaths = 0;
        this.#patience = 1500;
        return;
      }
    }
    const { up, down } = this;
    throw new Error(`not at rest: ${up.received} of ${up.sent} up, ${down.received} of ${down.sent} down`);
  }

  get #isAtRest(): boolean {
    const { up, down } = this;
    return up.received === up.sent && down.received === down.sent && this.#isSteady;
  }
}
