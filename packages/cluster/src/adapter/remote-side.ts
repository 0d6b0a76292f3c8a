import type { BroadcastOptions } from "@portage/server/adapter";
import {
  type AdapterNamespace,
  type Clock,
  decodeValues,
  encodeValues,
  type EncodedPacket,
  kEngineClock,
  MissingAnswersError,
  type OnCollected,
  type PacketOrigin,
  type RestoredSession,
  serverClock,
} from "@portage/server/relay";
import type { LinkEnd } from "../links/link.ts";
import type { RecordOwner } from "../recovery/store.ts";
import type { Bus, BusMember } from "./bus.ts";
import { type AnswerReceiver, Collection, Collections, PassiveCollection } from "./collections.ts";
import { givenSession, HandOver } from "./hand-over.ts";
import { LateAnswers } from "./late-answers.ts";
import { type LocalSide, malformed, reportMessageError } from "./local-side.ts";
import {
  addressOf,
  type AnswerMessage,
  decodeMessage,
  encodeFailure,
  encodeMessage,
  isAnswer,
  isCommand,
  mayBeAnswer,
  type MessageAddress,
  mustAnswer,
  type OutgoingMessage,
  toWire,
} from "./messages.ts";
import type { Part } from "./parts.ts";
import { Requests } from "./requests.ts";
import { Responder } from "./responder.ts";

/** Time that the other nodes have to give a session, in milliseconds. */
const SEEK_TIME = 1000;

/** Time that the last owner of a session has to give its record, in milliseconds. Its event loop may be blocked for a while. */
const TAKE_TIME = 2000;

/** Most pending requests with which the nodes are asked for one more session: clients can cause these. */
const MAX_REQUESTS = 1000;

/** A broadcast that asks for acknowledgements. */
interface Question {
  readonly packet: EncodedPacket;
  readonly opts: BroadcastOptions;
  /** Time to answer, in milliseconds. */
  readonly ms: number;
}

/** The other nodes, as the adapter of one namespace sees them. */
export class RemoteSide implements BusMember {
  readonly nsp: AdapterNamespace;
  readonly #local: LocalSide;
  readonly #bus: Bus;
  readonly #clock: Clock;
  /** The answers of listeners whose session has moved. */
  readonly late: LateAnswers;
  readonly #responder: Responder;
  readonly #requests: Requests;
  readonly #collections = new Collections();
  readonly #handOver: HandOver | undefined;

  constructor(bus: Bus, local: LocalSide) {
    this.nsp = local.nsp;
    this.#local = local;
    this.#bus = bus;
    this.#clock = local.nsp.server[kEngineClock] ?? serverClock;
    this.late = new LateAnswers(local.nsp.name, bus);
    this.#handOver = local.sessions && new HandOver(local.sessions, bus, this.late);
    this.#responder = new Responder(local, { bus, clock: this.#clock, late: this.late, handOver: this.#handOver });
    this.#requests = new Requests(this.#clock);
  }

  /** The tag of this node. */
  get tag(): string {
    return this.#bus.tag;
  }

  /** Number of the other nodes. */
  get nodeCount(): number {
    return this.#bus.nodes().length;
  }

  /** Number of requests and broadcasts, of this node and of others, that still lack answers. */
  get pending(): number {
    return this.#requests.size + this.#collections.size + this.#responder.pending;
  }

  open(): void {
    this.#bus.join(this.nsp.name, this);
    if (this.#handOver !== undefined) this.publish({ kind: "HELLO", nsp: this.nsp.name, head: {} });
    for (const tag of this.#bus.nodes()) this.#responder.reportPosition(tag);
  }

  onOpen(tag: string): void {
    this.#responder.reportPosition(tag);
  }

  close(): void {
    this.#bus.leave(this.nsp.name, this);
    this.#requests.close();
    this.#collections.close();
    this.#responder.close();
  }

  // ---- to other nodes ------------------------------------------------------------------------------------------------

  /** Sends a message to all nodes. A failure is reported: the sockets of this node have got what they should. */
  publish(message: OutgoingMessage): void {
    try {
      if (this.nodeCount > 0) this.#bus.publish(encodeMessage(message));
    } catch (error) {
      reportMessageError(this.#local, error);
    }
  }

  /** Sends an encoded message to all nodes. */
  publishEncoded(message: Buffer): void {
    try {
      this.#bus.publish([message]);
    } catch (error) {
      reportMessageError(this.#local, error);
    }
  }

  /** Obeys a command of another node that has come over the log. */
  obey(from: string, command: Buffer): void {
    const address = addressOf(command);
    if (address === undefined || !isCommand(address)) reportMessageError(this.#local, malformed("it is not a command"));
    else this.onMessage(from, address, command);
  }

  /** Asks all nodes for answers. */
  #ask(message: OutgoingMessage & { readonly request: number }, ms: number, answers: unknown[]): Promise<unknown[]> {
    const asked = this.#bus.nodes();
    return new Promise((resolve, reject) => {
      const onEnd = (error: Error | null, all: unknown[]): void => (error === null ? resolve(all) : reject(error));
      this.#requests.add(message.request, { asked, answers, ms, onEnd });
      try {
        if (asked.length > 0) this.#bus.publish(encodeMessage(message));
      } catch (error) {
        reject(error);
        for (const tag of asked) this.#requests.fail(message.request, tag);
      }
    });
  }

  /** Returns details of the matching sockets of all nodes, after `local`, the sockets of this one. */
  fetchSockets(opts: BroadcastOptions, local: unknown[]): Promise<unknown[]> {
    const request = this.#bus.nextRequest();
    const ms = opts.flags?.timeout || this.#bus.requestTimeout;
    const head = { opts: toWire(opts), after: this.#local.reached() };
    return this.#ask({ kind: "FETCH", nsp: this.nsp.name, request, head }, ms, local);
  }

  /** Numbers a recoverable event of this node. */
  number(): PacketOrigin | undefined {
    return this.#handOver?.number();
  }

  /** Asks the other nodes for a session. Null: none has it, or it can't be restored exactly. */
  async seek(pid: string, offset: string): Promise<RestoredSession | null> {
    const asked = this.#bus.nodes();
    if (this.#handOver === undefined || asked.length === 0 || this.#requests.size >= MAX_REQUESTS) return null;
    const request = this.#bus.nextRequest();
    const [message] = await new Promise<unknown[]>((resolve) => {
      const onEnd = (_error: unknown, answers: unknown[]): void => resolve(answers);
      const ms = Math.min(SEEK_TIME, this.#bus.requestTimeout);
      this.#requests.add(request, { asked, answers: [], ms, onEnd, enough: 1 });
      this.publish({ kind: "SEEK", nsp: this.nsp.name, request, head: { pid, offset } });
    });
    if (message === undefined) return null;
    const { head, parts } = message as Extract<AnswerMessage, { readonly kind: "GIVEN" }>;
    const given = givenSession(pid, head, parts);
    return given === undefined ? null : this.#handOver.take(given);
  }

  /** Asks the last owner of a session for its record. Undefined: it has none, or does not answer in time. */
  async askRecord({ tag, term }: RecordOwner, pid: string): Promise<Buffer | undefined> {
    const request = this.#bus.nextRequest();
    const [record] = await new Promise<unknown[]>((resolve) => {
      const onEnd = (_error: unknown, answers: unknown[]): void => resolve(answers);
      this.#requests.add(request, { asked: [tag], answers: [], ms: TAKE_TIME, onEnd });
      const message = encodeMessage({ kind: "TAKE", nsp: this.nsp.name, request, head: { pid, term } });
      if (!this.#bus.send(tag, message)) this.#requests.fail(request, tag);
    });
    return Buffer.isBuffer(record) ? record : undefined;
  }

  /** Sends an event to the other servers. */
  emit(event: readonly unknown[]): void {
    if (this.nodeCount === 0) return;
    this.publish({ kind: "EMIT", nsp: this.nsp.name, head: {}, parts: encodeValues(event) });
  }

  /** Sends an event to the other servers, and passes on their answers. */
  question(event: readonly unknown[], onEnd: (error: Error | null, answers: readonly unknown[]) => void): void {
    const request = this.#bus.nextRequest();
    const message = { kind: "QUESTION", nsp: this.nsp.name, request, head: {}, parts: encodeValues(event) } as const;
    this.#ask(message, this.#bus.requestTimeout, [])
      .then(
        (answers) => onEnd(null, answers),
        (error: unknown) => onEnd(error as Error, error instanceof MissingAnswersError ? error.answers : []),
      )
      // The callback of the program has failed.
      .catch((error: unknown) => reportMessageError(this.#local, error));
  }

  // ---- broadcasts with acknowledgements ------------------------------------------------------------------------------

  /** Sends a packet to the clients of all nodes, and collects their answers. Returns the id of the packet, NaN if it is sent later. */
  collect(question: Question, onCollected: OnCollected): number {
    const isLocal = question.opts.flags?.local === true;
    const self = this.#bus.tag;
    const request = this.#bus.nextRequest();
    const nodes = [self, ...(isLocal ? [] : this.#bus.nodes())];
    const collection = new Collection(nodes, this.#clock, question.ms, (error, answers) => {
      this.#collections.delete(request);
      // Never inside the call that sends.
      void Promise.resolve().then(() => onCollected(error, answers));
    });
    this.#collections.add(request, collection);
    const onAsked = (clients: number): void =>
      // Asking very many clients may take longer than the time limit.
      collection.isOver ? this.#local.forgetAcks(id) : collection.setClients(self, clients);
    const onAnswer = (answer: unknown): void => collection.addAnswer(self, answer);
    let id = NaN;
    const askOwn = (): void => void (id = this.#local.ask(question.packet, question.opts, onAsked, onAnswer));
    if (isLocal) askOwn();
    else this.#publishQuestion(question, request, askOwn);
    return id;
  }

  /**
   * Sends a packet to the clients of the other nodes, and passes on what comes back until the time is over. `askOwn`: asks the
   * clients of this node.
   */
  ask(question: Question, receiver: AnswerReceiver, askOwn: () => void): void {
    const request = this.#bus.nextRequest();
    const onEnd = (): void => this.#collections.delete(request);
    this.#collections.add(request, new PassiveCollection(receiver, this.#clock, question.ms, onEnd));
    this.#publishQuestion(question, request, askOwn);
  }

  #publishQuestion({ packet, opts, ms }: Question, request: number, askOwn: () => void): void {
    const head = { opts: toWire(opts), ms: Number.isFinite(ms) ? ms : null };
    this.#local.publishQuestion({ kind: "ASK", nsp: this.nsp.name, request, head, parts: packet.parts }, askOwn);
  }

  // ---- from other nodes ----------------------------------------------------------------------------------------------

  onMessage(from: string, address: MessageAddress, bytes: Buffer): void {
    try {
      const message = decodeMessage(address, bytes);
      if (typeof message === "string") throw malformed(message);
      if (isAnswer(message)) this.#onAnswer(from, message);
      else this.#responder.onMessage(from, message);
    } catch (error) {
      reportMessageError(this.#local, error);
      if (mayBeAnswer(address)) this.#fail(from, address.request);
      else if (mustAnswer(address)) this.#bus.send(from, encodeFailure(address));
    }
  }

  #onAnswer(from: string, message: AnswerMessage): void {
    const { kind, request, parts } = message;
    switch (kind) {
      case "CLIENTS":
        return this.#collections.get(request)?.setClients(from, message.head.clients);
      case "ACK":
        return this.#collections.get(request)?.addAnswer(from, valuesOf(parts, kind)[0]);
      case "SOCKETS":
        return this.#requests.answer(request, from, detailsOf(parts));
      case "ANSWER":
        return this.#requests.answer(request, from, valuesOf(parts, kind));
      case "ABSENT":
        this.#collections.get(request)?.setClients(from, 0);
        return this.#requests.answer(request, from, []);
      case "FAILED":
        return this.#fail(from, request);
      case "GIVEN":
        return this.#requests.answer(request, from, [message]);
      case "RECORD":
        return this.#requests.answer(request, from, parts);
    }
  }

  #fail(from: string, request: number): void {
    this.#requests.fail(request, from);
    this.#collections.get(request)?.lose(from);
  }

  onLost(tag: string, end: LinkEnd): void {
    this.late.lose(tag);
    this.#handOver?.lose(tag);
    this.#responder.forget(tag);
    this.#collections.lose(tag);
    // The sockets of a node that is gone are gone as well: no answer is missing.
    this.#requests.lose(tag, end !== "gone");
  }
}

function valuesOf(parts: readonly Part[], kind: string): unknown[] {
  const values = decodeValues(parts);
  if (values === undefined) throw malformed(`its values are incomplete (${kind})`);
  return values;
}

/** Returns the details of sockets. */
function detailsOf(parts: readonly Part[]): unknown[] {
  const details = valuesOf(parts, "SOCKETS");
  if (!details.every(isDetails)) throw malformed("its sockets are invalid (SOCKETS)");
  return details;
}

function isDetails(value: unknown): boolean {
  const { id, rooms, handshake } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return typeof id === "string" && Array.isArray(rooms) && typeof handshake === "object" && handshake !== null;
}
