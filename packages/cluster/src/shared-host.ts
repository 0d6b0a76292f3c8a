import type { IncomingMessage } from "node:http";
import { prepareRequest, type RelayHost } from "@portage/server/relay";

/**
 * The engines of one node, as its relay sees them: a server that is attached to two HTTP servers has two. A request goes back
 * to the engine that has received it, and one of another node to the engine that has its session. Guests take part in nothing
 * else: see `isGuest`.
 */
export class SharedHost implements RelayHost {
  /** Never empty: the last engine that leaves ends the node, and stays. */
  #engines: readonly RelayHost[];
  /** Where requests came from; filled while there are several engines. */
  readonly #origins = new WeakMap<IncomingMessage, RelayHost>();
  readonly #guests: ReadonlySet<RelayHost>;
  readonly #draining = new Set<RelayHost>();
  readonly clock: RelayHost["clock"];

  /** @param guests may change at any time */
  constructor(first: RelayHost, guests: ReadonlySet<RelayHost> = new Set()) {
    this.#engines = [first];
    this.#guests = guests;
    this.clock = first.clock;
  }

  add(engine: RelayHost): void {
    this.#engines = [...this.#engines, engine];
  }

  /** Removes an engine. Returns false if it is the last one. */
  remove(engine: RelayHost): boolean {
    const rest = this.#engines.filter((each) => each !== engine);
    if (rest.length === 0) return false;
    this.#engines = rest;
    return true;
  }

  /** An engine drains. Returns whether all do. */
  drain(engine: RelayHost): boolean {
    this.#draining.add(engine);
    return this.isDraining;
  }

  /** An engine opens sessions again. Returns whether all have drained. */
  resume(engine: RelayHost): boolean {
    const didDrain = this.isDraining;
    this.#draining.delete(engine);
    return didDrain && !this.isDraining;
  }

  /** Whether all engines drain. */
  get isDraining(): boolean {
    return this.#engines.every((each) => this.#draining.has(each));
  }

  /** Notes which engine has received a request. */
  record(req: IncomingMessage, engine: RelayHost): void {
    if (this.#engines.length + this.#guests.size > 1) this.#origins.set(req, engine);
  }

  #ownerOf(sid: string | undefined): RelayHost {
    const [first] = this.#engines as readonly [RelayHost];
    if (!sid || (this.#engines.length === 1 && this.#guests.size === 0)) return first;
    return this.#engines.find((engine) => engine.has(sid)) ?? this.#guestWith(sid) ?? first;
  }

  #guestWith(sid: string): RelayHost | undefined {
    for (const guest of this.#guests) if (guest.has(sid)) return guest;
    return undefined;
  }

  #engineOf(req: IncomingMessage): RelayHost {
    return this.#origins.get(req) ?? this.#ownerOf(prepareRequest(req)._query["sid"]);
  }

  has(sid: string): boolean {
    return this.#engines.some((engine) => engine.has(sid)) || this.#guestWith(sid) !== undefined;
  }

  hasPoll(sid: string): boolean {
    return this.#ownerOf(sid).hasPoll(sid);
  }

  count(): number {
    return this.#engines.reduce((sum, engine) => sum + engine.count(), 0);
  }

  handleRequest(...[req, res]: Parameters<RelayHost["handleRequest"]>): void {
    this.#engineOf(req).handleRequest(req, res);
  }

  handleUpgrade(...[req, stream, head]: Parameters<RelayHost["handleUpgrade"]>): void {
    this.#engineOf(req).handleUpgrade(req, stream, head);
  }

  releaseStream(...[sid, stream]: Parameters<RelayHost["releaseStream"]>): void {
    this.#ownerOf(sid).releaseStream(sid, stream);
  }

  handleHandshake(...[req, handshake]: Parameters<RelayHost["handleHandshake"]>): void {
    this.#engineOf(req).handleHandshake(req, handshake);
  }

  answerEmpty(...[req, res]: Parameters<RelayHost["answerEmpty"]>): void {
    this.#engineOf(req).answerEmpty(req, res);
  }

  answerPoll(sid: string): void {
    this.#ownerOf(sid).answerPoll(sid);
  }

  refuse(...[req, res, refusal]: Parameters<RelayHost["refuse"]>): void {
    this.#engineOf(req).refuse(req, res, refusal);
  }

  refuseHandshake(...[req, handshake, refusal]: Parameters<RelayHost["refuseHandshake"]>): void {
    this.#engineOf(req).refuseHandshake(req, handshake, refusal);
  }
}
