import {
  AckTimeoutError,
  type Clock,
  MissingAnswersError,
  type OnCollected,
  type PendingCall,
} from "@portage/server/relay";

/*
 * The answers of clients to broadcasts of this node.
 *
 * Quantities: for each asked node, the number of its clients (unknown until it reports) and of their answers.
 * Invariant between calls: a collection in the table waits for a node, and its timer runs. A node is waited for until its
 * clients are known and all have answered, or it is lost. What would break it: counting answers of all nodes together; the
 * answers of one node would then stand for clients of a lost one.
 */

/** Receives the answers of clients of other nodes to one broadcast. */
export interface AnswerReceiver {
  onClients(clients: number): void;
  onAnswer(answer: unknown): void;
}

/** What the answers to a broadcast go to. */
interface AnyCollection {
  /** Sets the number of clients that a node has asked. */
  setClients(tag: string, clients: number): void;
  /** Adds the answer of a client. */
  addAnswer(tag: string, answer: unknown): void;
  /** The clients of a node can't answer any more. */
  lose(tag: string): void;
  /** Ends the collection. */
  expire(): void;
}

/** What is known of an asked node. */
interface NodeAnswers {
  clients: number | undefined;
  answers: number;
}

/** The answers to one broadcast. */
export class Collection implements AnyCollection {
  readonly #waiting: Map<string, NodeAnswers>;
  readonly #answers: unknown[] = [];
  readonly #missing: string[] = [];
  readonly #timer: PendingCall;
  readonly #onEnd: OnCollected;
  #state: "open" | "over" = "open";

  /** @param nodes the tags of the nodes with clients, this one included */
  constructor(nodes: readonly string[], clock: Clock, ms: number, onEnd: OnCollected) {
    this.#waiting = new Map(nodes.map((tag) => [tag, { clients: undefined, answers: 0 }]));
    this.#onEnd = onEnd;
    this.#timer = clock.after(ms, () => this.expire());
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  setClients(tag: string, clients: number): void {
    const node = this.#waiting.get(tag);
    if (node === undefined || node.clients !== undefined) return;
    node.clients = clients;
    this.#check(tag, node);
  }

  addAnswer(tag: string, answer: unknown): void {
    const node = this.#waiting.get(tag);
    if (node === undefined || this.isOver) return;
    node.answers += 1;
    this.#answers.push(answer);
    this.#check(tag, node);
  }

  lose(tag: string): void {
    if (!this.#waiting.delete(tag)) return;
    this.#missing.push(tag);
    this.#endIfComplete();
  }

  /** Ends the collection with the answers so far. */
  expire(): void {
    const missing = [...this.#missing, ...this.#waiting.keys()];
    this.#end(Object.assign(new AckTimeoutError(), { missing }));
  }

  #check(tag: string, { clients, answers }: NodeAnswers): void {
    if (clients === undefined || answers < clients) return;
    this.#waiting.delete(tag);
    this.#endIfComplete();
  }

  #endIfComplete(): void {
    if (this.#waiting.size > 0) return;
    const details = { answers: this.#answers, missing: this.#missing };
    this.#end(this.#missing.length === 0 ? null : new MissingAnswersError("CLUSTER_ANSWERS_MISSING", details));
  }

  #end(error: Error | null): void {
    if (this.isOver) return;
    this.#state = "over";
    this.#timer.cancel();
    this.#onEnd(error, this.#answers);
  }
}

/** Passes answers on without counting them, until the time is over. */
export class PassiveCollection implements AnyCollection {
  readonly #receiver: AnswerReceiver;
  readonly #timer: PendingCall;
  readonly #onEnd: () => void;

  constructor(receiver: AnswerReceiver, clock: Clock, ms: number, onEnd: () => void) {
    this.#receiver = receiver;
    this.#onEnd = onEnd;
    this.#timer = clock.after(ms, onEnd);
  }

  setClients(_tag: string, clients: number): void {
    this.#receiver.onClients(clients);
  }

  addAnswer(_tag: string, answer: unknown): void {
    this.#receiver.onAnswer(answer);
  }

  lose(_tag: string): void {}

  expire(): void {
    this.#timer.cancel();
    this.#onEnd();
  }
}

/** The open collections of this node, by the number of the request. */
export class Collections {
  readonly #open = new Map<number, AnyCollection>();

  get size(): number {
    return this.#open.size;
  }

  /** Adds a collection. The caller removes it when it ends. */
  add(request: number, collection: AnyCollection): void {
    this.#open.set(request, collection);
  }

  delete(request: number): void {
    this.#open.delete(request);
  }

  get(request: number): AnyCollection | undefined {
    return this.#open.get(request);
  }

  lose(tag: string): void {
    for (const collection of this.#open.values()) collection.lose(tag);
  }

  close(): void {
    for (const collection of this.#open.values()) collection.expire();
  }
}
