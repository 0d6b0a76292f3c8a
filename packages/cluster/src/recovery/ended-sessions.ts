import type { AnswerWindow } from "@portage/server/relay";

/** Sessions with listeners that have still to answer; more drop the oldest. Some listeners never answer. */
const MAX_ENDED = 10_000;

/** A session whose socket has ended while listeners had still to answer. */
export interface EndedSession {
  readonly term: string;
  /** See the store. */
  readonly epoch: string | undefined;
  readonly answers: AnswerWindow;
  /** Returns its record as of now. Undefined: it can't be encoded. */
  readonly encode: () => Buffer | undefined;
  /** When it can't be resumed any more, by the clock. */
  readonly until: number;
}

/** Writes the record of a session that has an answer more. */
export type WriteRecord = (pid: string, session: EndedSession) => void;

/**
 * The sessions of a node whose sockets have ended while listeners had still to answer. Until its client returns, each answer is
 * written to its record.
 */
export class EndedSessions {
  readonly #write: WriteRecord;
  readonly #sessions = new Map<string, EndedSession>();

  constructor(write: WriteRecord) {
    this.#write = write;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** A socket has ended. */
  add(pid: string, session: EndedSession): void {
    const { answers } = session;
    this.#sessions.delete(pid);
    if (!hasOpen(answers)) return;
    this.#sessions.set(pid, session);
    const [oldest = pid] = this.#sessions.keys();
    if (this.#sessions.size > MAX_ENDED) this.#sessions.delete(oldest);
    answers.sendBy(() => {
      if (this.#sessions.get(pid) !== session) return;
      if (!hasOpen(answers)) this.#sessions.delete(pid);
      this.#write(pid, session);
    });
  }

  /** The client of a session has returned, here or elsewhere. Undefined: nothing is open of that term. */
  take(pid: string, term: string): EndedSession | undefined {
    const session = this.#sessions.get(pid);
    if (session?.term !== term) return undefined;
    this.#sessions.delete(pid);
    return session;
  }

  /** Forgets the sessions that can't be resumed any more. */
  expire(now: number): void {
    for (const [pid, { until }] of this.#sessions) if (until <= now) this.#sessions.delete(pid);
  }
}

const hasOpen = (answers: AnswerWindow): boolean => answers.isRunning || answers.isWaiting;
