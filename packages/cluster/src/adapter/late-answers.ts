import { type AnswerRecord, AnswerWindow } from "@portage/server/relay";
import type { Bus } from "./bus.ts";
import { encodeMessage } from "./messages.ts";
import type { Part } from "./parts.ts";

/** Answers that have arrived before their session; more drop the oldest. */
const MAX_EARLY = 100;
/** Sessions with listeners that have still to answer, given or taken; more drop the oldest. Some listeners never answer. */
const MAX_UNANSWERED = 10_000;

/** An answer whose session has not been taken yet. */
interface EarlyAnswer {
  readonly pid: string;
  readonly id: number;
  readonly answer: readonly Part[];
}

/**
 * The answers of listeners that still run when their session moves: the node that had it sends them to the one that has it
 * now. So a client that repeats an event there is answered, and no second listener runs.
 */
export class LateAnswers {
  readonly #nsp: string;
  readonly #bus: Bus;
  /** Windows that wait for answers of another node, by session. */
  readonly #waiting = new Map<string, { readonly from: string; readonly window: AnswerWindow }>();
  /** Windows of sessions that were given away, with listeners that have still to answer. */
  readonly #given = new Set<AnswerWindow>();
  #early: EarlyAnswer[] = [];

  constructor(nsp: string, bus: Bus) {
    this.#nsp = nsp;
    this.#bus = bus;
  }

  /** Number of sessions that wait for answers of other nodes, and of answers that wait for their sessions. */
  get pending(): number {
    return this.#waiting.size + this.#early.length;
  }

  /** Whether other nodes wait for answers of this one. */
  get areAwaited(): boolean {
    return this.#given.size > 0;
  }

  /** A session goes to another node. Returns what that has to know; answers that are still to come follow. */
  give(pid: string, to: string, window: AnswerWindow | undefined): AnswerRecord | undefined {
    if (window?.isRunning) this.#given.add(window);
    dropOldest(this.#given);
    window?.sendBy((id, answer) => {
      if (!window.isRunning) this.#given.delete(window);
      const head = { pid, id };
      this.#bus.send(to, encodeMessage({ kind: "ANSWERED", nsp: this.#nsp, head, parts: answer }));
    });
    return window?.record();
  }

  /** A session comes from another node, with what that knows. Undefined: its client does not repeat events. */
  take(pid: string, from: string, record: unknown): AnswerWindow | undefined {
    const mayAnswer = (): boolean => this.#waiting.get(pid)?.window === window && this.#bus.nodes().includes(from);
    const window = AnswerWindow.restore(record, mayAnswer);
    const early = this.#early.filter((each) => each.pid === pid);
    this.#early = this.#early.filter((each) => each.pid !== pid);
    for (const { id, answer } of early) window?.answer(id, answer);
    this.#waiting.delete(pid);
    if (window?.isWaiting) this.#waiting.set(pid, { from, window });
    dropOldest(this.#waiting);
    return window;
  }

  /** An answer has arrived. */
  receive({ pid, id }: { readonly pid: string; readonly id: number }, answer: readonly Part[]): void {
    const waiting = this.#waiting.get(pid);
    if (waiting === undefined) {
      // Its session has arrived just before, and is taken in a later turn.
      this.#early = [...this.#early, { pid, id, answer }].slice(-MAX_EARLY);
      return;
    }
    waiting.window.answer(id, answer);
    if (!waiting.window.isWaiting) this.#waiting.delete(pid);
  }

  /** A node will send no more answers. */
  lose(tag: string): void {
    for (const [pid, { from }] of this.#waiting) if (from === tag) this.#waiting.delete(pid);
  }
}

function dropOldest<Key>(entries: { readonly size: number; keys(): Iterable<Key>; delete(key: Key): unknown }): void {
  if (entries.size <= MAX_UNANSWERED) return;
  for (const oldest of entries.keys()) return void entries.delete(oldest);
}
