import {
  type Clock,
  decodeValues,
  describeSocket,
  encodeValues,
  type PendingCall,
  SERVER_RESERVED_EVENTS,
} from "@portage/server/relay";
import type { Bus } from "./bus.ts";
import type { HandOver } from "./hand-over.ts";
import type { LateAnswers } from "./late-answers.ts";
import { type LocalSide, malformed, reportMessageError } from "./local-side.ts";
import { encodeMessage, fromWire, type Instruction, type OutgoingMessage } from "./messages.ts";

type MessageOf<Kind extends Instruction["kind"]> = Extract<Instruction, { readonly kind: Kind }>;

/** A broadcast of another node that clients of this node have still to acknowledge. */
interface AskedRequest {
  /** The id of the packet; undefined until it was sent. */
  id: number | undefined;
  clients: number | undefined;
  answers: number;
  timer: PendingCall | undefined;
}

interface ResponderHost {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly late: LateAnswers;
  /** Undefined: sessions of this node are not in its memory. */
  readonly handOver: HandOver | undefined;
}

/** Most messages over the log that are known again. */
const MAX_LOGGED = 10_000;

/** Does what other nodes ask of this one, and answers them. */
export class Responder {
  readonly #local: LocalSide;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #late: LateAnswers;
  readonly #handOver: HandOver | undefined;
  /** By the tag of the asking node and the number of its request. */
  readonly #asked = new Map<string, Map<number, AskedRequest>>();
  /** The ids of the last messages over the log. */
  readonly #logged = new Set<string>();

  constructor(local: LocalSide, { bus, clock, late, handOver }: ResponderHost) {
    this.#local = local;
    this.#bus = bus;
    this.#clock = clock;
    this.#late = late;
    this.#handOver = handOver;
  }

  /** Number of broadcasts of other nodes that clients have still to acknowledge. */
  get pending(): number {
    let count = 0;
    for (const { size } of this.#asked.values()) count += size;
    return count;
  }

  onMessage(from: string, message: Instruction): void {
    if ("once" in message.head && message.head.once !== undefined && this.#isRepeated(message.head.once)) return;
    switch (message.kind) {
      case "BROADCAST":
        return this.#local.runAfter(message.head.after, () => this.#onBroadcast(from, message));
      case "ASK":
        return this.#onAsk(from, message);
      case "JOIN":
        return this.#local.addSockets(fromWire(message.head.opts), message.head.targets);
      case "LEAVE":
        return this.#local.delSockets(fromWire(message.head.opts), message.head.targets);
      case "DISCONNECT":
        return this.#local.disconnectSockets(fromWire(message.head.opts), message.head.close);
      case "FETCH":
        return this.#local.runAfter(message.head.after, () => void this.#onFetch(from, message));
      case "EMIT":
        return this.#local.nsp._onServerSideEmit(eventOfParts(message));
      case "QUESTION":
        return this.#onQuestion(from, message);
      case "HELLO":
        return this.reportPosition(from);
      case "POSITION":
        return this.#handOver?.report(from, message.head.number);
      case "SEEK":
        return void this.#onSeek(from, message);
      case "ANSWERED":
        return this.#late.receive(message.head, message.parts);
      case "TAKE":
        return this.#onTake(from, message);
    }
  }

  #isRepeated(id: string): boolean {
    if (this.#logged.has(id)) return true;
    this.#logged.add(id);
    const [oldest = id] = this.#logged;
    if (this.#logged.size > MAX_LOGGED) this.#logged.delete(oldest);
    return false;
  }

  /** Sends a node the number of the last recoverable event of this node. */
  reportPosition(to: string): void {
    if (this.#handOver === undefined) return;
    this.#respond(to, { kind: "POSITION", request: 0, head: { number: this.#handOver.positions.own } });
  }

  #onBroadcast(from: string, { head, parts }: MessageOf<"BROADCAST">): void {
    const packet = this.#local.receive(parts);
    const opts = fromWire(head.opts);
    const { number } = head;
    if (this.#handOver === undefined || number === undefined) return this.#local.deliver(packet, opts);
    this.#local.deliver(packet, this.#handOver.receive(from, number, opts), { node: from, number });
  }

  async #onSeek(from: string, { request, head }: MessageOf<"SEEK">): Promise<void> {
    try {
      const given = await this.#handOver?.give(from, request, head);
      if (given === undefined) this.#respond(from, { kind: "ABSENT", request, head: {} });
      else this.#bus.send(from, given);
    } catch (error) {
      this.#fail(from, request, error);
    }
  }

  #onTake(from: string, { request, head }: MessageOf<"TAKE">): void {
    const record = this.#local.giveRecord(head.pid, head.term, from);
    if (record === undefined) this.#respond(from, { kind: "ABSENT", request, head: {} });
    else this.#respond(from, { kind: "RECORD", request, head: {}, parts: [record] });
  }

  /** Drops what the clients of this node have still to answer to a lost node. */
  forget(tag: string): void {
    const pending = this.#asked.get(tag);
    this.#asked.delete(tag);
    for (const ask of pending?.values() ?? []) this.#drop(ask);
  }

  close(): void {
    for (const tag of this.#asked.keys()) this.forget(tag);
  }

  // ---- broadcasts with acknowledgements ------------------------------------------------------------------------------

  #onAsk(from: string, { request, head, parts }: MessageOf<"ASK">): void {
    const packet = this.#local.receive(parts);
    const ask: AskedRequest = { id: undefined, clients: undefined, answers: 0, timer: undefined };
    this.#pendingOf(from).set(request, ask);
    const onAsked = (clients: number): void => {
      ask.clients = clients;
      this.#respond(from, { kind: "CLIENTS", request, head: { clients } });
      this.#endIfAnswered(from, request, ask);
    };
    const onAnswer = (answer: unknown): void => {
      ask.answers += 1;
      this.#respond(from, { kind: "ACK", request, head: {}, parts: encodeValues([answer]) });
      this.#endIfAnswered(from, request, ask);
    };
    ask.id = this.#local.ask(packet, fromWire(head.opts), onAsked, onAnswer);
    if (head.ms === null || this.#asked.get(from)?.get(request) !== ask) return;
    ask.timer = this.#clock.after(head.ms, () => this.#expire(from, request, ask));
  }

  #pendingOf(from: string): Map<number, AskedRequest> {
    let pending = this.#asked.get(from);
    if (pending === undefined) this.#asked.set(from, (pending = new Map()));
    return pending;
  }

  #endIfAnswered(from: string, request: number, ask: AskedRequest): void {
    if (ask.clients === undefined || ask.answers < ask.clients) return;
    ask.timer?.cancel();
    this.#remove(from, request);
  }

  #expire(from: string, request: number, ask: AskedRequest): void {
    this.#remove(from, request);
    this.#drop(ask);
  }

  #remove(from: string, request: number): void {
    const pending = this.#asked.get(from);
    pending?.delete(request);
    if (pending?.size === 0) this.#asked.delete(from);
  }

  #drop({ id, timer }: AskedRequest): void {
    timer?.cancel();
    if (id !== undefined) this.#local.forgetAcks(id);
  }

  // ---- sockets and servers -------------------------------------------------------------------------------------------

  async #onFetch(from: string, { request, head }: MessageOf<"FETCH">): Promise<void> {
    try {
      const sockets = await this.#local.fetchSockets(fromWire(head.opts));
      this.#respond(from, { kind: "SOCKETS", request, head: {}, parts: encodeValues(sockets.map(describeSocket)) });
    } catch (error) {
      this.#fail(from, request, error);
    }
  }

  #onQuestion(from: string, message: MessageOf<"QUESTION">): void {
    const { request } = message;
    const event = eventOfParts(message);
    let state: "open" | "answered" = "open";
    const answer = (value: unknown): void => {
      if (state === "answered") return;
      state = "answered";
      try {
        this.#respond(from, { kind: "ANSWER", request, head: {}, parts: encodeValues([value]) });
      } catch (error) {
        this.#fail(from, request, error);
      }
    };
    this.#local.nsp._onServerSideEmit([...event, answer]);
  }

  #fail(from: string, request: number, error: unknown): void {
    reportMessageError(this.#local, error);
    this.#respond(from, { kind: "FAILED", request, head: {} });
  }

  /** Without a link to it, the node does not wait for the answer any more. */
  #respond(to: string, message: DistributiveOmit<OutgoingMessage, "nsp">): void {
    this.#bus.send(to, encodeMessage({ ...message, nsp: this.#local.nsp.name }));
  }
}

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;

/** Returns the event of a server, with its arguments. @throws SocketIoError `CLUSTER_MESSAGE_INVALID` */
function eventOfParts({ kind, parts }: Instruction): [string, ...unknown[]] {
  const event = decodeValues(parts);
  const name = event?.[0];
  const isName = typeof name === "string" || typeof name === "number";
  if (!isName || SERVER_RESERVED_EVENTS.has(name)) throw malformed(`its event is invalid (${kind})`);
  return event as [string, ...unknown[]];
}
