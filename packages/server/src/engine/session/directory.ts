import type { HttpExchange } from "../http/request.ts";
import type { Carry, CarryQuery } from "../carry/carry.ts";
import type { kCarry, kOfferUpgrade, kTakeBack } from "../keys.ts";
import type { Transport } from "../transports/transport.ts";
import type { Session } from "./session.ts";

/** The part of a session that requests with its id use. */
export interface FoundSession {
  readonly protocol: 3 | 4;
  readonly transport: { readonly name: string; onRequest(exchange: HttpExchange): void };
  /** Offers a better transport. The session closes it if it can't upgrade. */
  [kOfferUpgrade](candidate: Transport): void;
  /** What decides whether the client may return after the death of its transport. */
  readonly [kCarry]?: Pick<Carry, "refusalOf" | "recordStamp"> | undefined;
  /** Goes on over the transport with which the client has returned. */
  [kTakeBack](transport: Transport, query: CarryQuery): void;
}

/**
 * Finds the session with the id in a request. The engine may ask twice for one request, because the session can end
 * while middlewares run.
 *
 * The default lists the sessions of its own engine. A directory that spans processes returns a proxy that forwards requests.
 */
export interface SessionDirectory {
  find(sid: string): FoundSession | undefined;
  /** Adds an open session. */
  add(session: Session): void;
  /** @returns false if the session is not listed */
  remove(session: Session): boolean;
}

/** The public list of sessions, with engine.io's names. */
interface SessionList {
  readonly clients: Record<string, Session>;
  clientsCount: number;
}

/** The sessions of one engine. */
export class LocalSessions implements SessionDirectory {
  readonly #engine: SessionList;

  constructor(engine: SessionList) {
    this.#engine = engine;
  }

  find(sid: string): Session | undefined {
    return this.#engine.clients[sid];
  }

  add(session: Session): void {
    this.#engine.clients[session.id] = session;
    this.#engine.clientsCount += 1;
  }

  remove(session: Session): boolean {
    const { clients } = this.#engine;
    if (clients[session.id] !== session) return false;
    delete clients[session.id];
    this.#engine.clientsCount -= 1;
    return true;
  }
}
