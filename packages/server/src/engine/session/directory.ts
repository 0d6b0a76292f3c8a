import type { HttpExchange } from "../http/request.ts";
import type { kOfferUpgrade } from "../keys.ts";
import type { Transport } from "../transports/transport.ts";
import type { Session } from "./session.ts";

/** A session, as far as requests that name it go. */
export interface FoundSession {
  readonly protocol: 3 | 4;
  readonly transport: { readonly name: string; onRequest(exchange: HttpExchange): void };
  /** Offers a better transport; it is closed when the session can't take it. */
  [kOfferUpgrade](candidate: Transport): void;
}

/**
 * Finds the session that a request names. The engine asks for each request, and more than once for the same one: while the
 * program takes its time the session may have ended.
 *
 * The default knows the sessions of its engine. One that knows those of other processes returns something that passes on
 * what it gets.
 */
export interface SessionDirectory {
  find(sid: string): FoundSession | undefined;
  /** A session is open. */
  add(session: Session): void;
  /** @returns false for one that is not there, or not any more */
  remove(session: Session): boolean;
}

/** The public list of an engine, as programs know it from engine.io. */
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
