import type { RawData } from "../packets/codec.ts";

/**
 * The events of a session that its client may repeat, oldest first: the id of each, and its encoded answer. Without an
 * answer, its listener still runs.
 */
export type AnswerRecord = readonly (readonly [id: number, ...answer: RawData[]])[];

/**
 * Sends an encoded answer to the client, or to the process that has its session now. Without parts, the listener has failed,
 * and the client may repeat the event.
 */
export type SendAnswer = (id: number, answer: readonly RawData[]) => void;

/**
 * - `queued`: middlewares run, or the listeners are about to
 * - `running`: the listeners have got it, and have not answered
 * - `elsewhere`: the same, in the process that had the session before
 * - parts: it was answered
 */
type Progress = "queued" | "running" | "elsewhere" | readonly RawData[];

/** Events that a session remembers. The client repeats the last one; the others are volatile ones with an answer. */
const MAX_EVENTS = 100;
/** Characters and bytes of answers that a session remembers, besides the last answer. */
const MAX_SIZE = 16_384;

/**
 * The events of a session and their answers, for clients that repeat an event under the same id until it is answered. The
 * listeners get each event once; a repeated one is answered again, or when its listener answers.
 *
 * A listener that throws or rejects before it has answered has not handled the event: the next try reaches it again.
 *
 * Invariant between calls: an event that the listeners have got is here, unless they have failed, or {@link MAX_EVENTS}
 * later ones have come.
 */
export class AnswerWindow {
  readonly #events = new Map<number, Progress>();
  /** The id by event, and by the function that answers it. */
  readonly #ids = new WeakMap<object, number>();
  /** Whether the process that had the session before may still answer. */
  readonly #mayAnswer: () => boolean;
  #send: SendAnswer | undefined;
  #size = 0;

  constructor(mayAnswer: () => boolean = () => false) {
    this.#mayAnswer = mayAnswer;
  }

  /**
   * Restores a window.
   *
   * @param record from another process, so it is checked
   * @param mayAnswer whether that process still runs the listeners that have not answered
   * @returns undefined if the record is malformed
   */
  static restore(record: unknown, mayAnswer?: () => boolean): AnswerWindow | undefined {
    if (!isAnswerRecord(record)) return undefined;
    const window = new AnswerWindow(mayAnswer);
    for (const [id, ...answer] of record) window.#put(id, answer.length === 0 ? "elsewhere" : answer);
    return window;
  }

  /** Whether a listener of this process has still to answer. */
  get isRunning(): boolean {
    for (const progress of this.#events.values()) if (progress === "running") return true;
    return false;
  }

  /** Whether a listener of another process has still to answer. */
  get isWaiting(): boolean {
    for (const progress of this.#events.values()) if (progress === "elsewhere") return true;
    return false;
  }

  /** Sets what sends answers from now on. */
  sendBy(send: SendAnswer): void {
    this.#send = send;
  }

  /** An event has arrived. Returns whether it is new; if not, it is answered again, or will be. */
  accept(id: number, event: object): boolean {
    const progress = this.#events.get(id);
    const isKnown = progress !== undefined && (progress !== "elsewhere" || this.#mayAnswer());
    if (!isKnown) {
      this.#put(id, "queued");
      this.#ids.set(event, id);
    } else if (typeof progress !== "string") this.#send?.(id, progress);
    return !isKnown;
  }

  /** The listeners get an event now. */
  begin(event: readonly unknown[]): void {
    const id = this.#ids.get(event);
    if (id === undefined) return;
    if (this.#events.get(id) === "queued") this.#events.set(id, "running");
    // A middleware may have wrapped the function.
    const acknowledge = event.at(-1);
    if (typeof acknowledge === "function") this.#ids.set(acknowledge, id);
  }

  /** Returns the function that answers an event, once. */
  acknowledge(id: number, encode: (args: unknown[]) => readonly RawData[]): (...args: unknown[]) => void {
    let sent = false;
    const acknowledge = (...args: unknown[]): void => {
      if (sent) return;
      sent = true;
      this.answer(id, encode(args).map(copyOf));
    };
    this.#ids.set(acknowledge, id);
    return acknowledge;
  }

  /** Sends and remembers an answer. Without parts, the listener has failed. */
  answer(id: number, answer: readonly RawData[]): void {
    if (answer.length > 0) this.#put(id, answer);
    else if (typeof this.#events.get(id) === "string") this.#events.delete(id);
    this.#send?.(id, answer);
  }

  /** A middleware or listener has failed; `key` is the event, or the function that answers it. */
  fail(key: unknown): void {
    const id = typeof key === "object" || typeof key === "function" ? this.#ids.get(key as object) : undefined;
    if (id !== undefined && typeof this.#events.get(id) === "string") this.answer(id, []);
  }

  /** Returns the id of the event that a function answers. */
  idOf(acknowledge: object): number | undefined {
    return this.#ids.get(acknowledge);
  }

  /** The socket has ended: its listeners will not get what is queued. */
  leave(): void {
    for (const [id, progress] of this.#events) if (progress === "queued") this.#events.delete(id);
  }

  /** Returns the window as plain data. */
  record(): AnswerRecord {
    const record: [number, ...RawData[]][] = [];
    for (const [id, progress] of this.#events) {
      if (typeof progress !== "string") record.push([id, ...progress]);
      else if (progress !== "queued") record.push([id]);
    }
    return record;
  }

  #put(id: number, progress: Progress): void {
    this.#delete(id);
    this.#events.set(id, progress);
    this.#size += answerSize(progress);
    this.#trim(id);
  }

  /** Forgets the oldest events, and answers that take too much room; not the event `last`. */
  #trim(last: number): void {
    for (const [id, progress] of this.#events) {
      const isOver = this.#events.size > MAX_EVENTS;
      if (id === last || (!isOver && this.#size <= MAX_SIZE)) return;
      // An event that was not answered takes no room, and its client may repeat it.
      if (isOver || typeof progress !== "string") this.#delete(id);
    }
  }

  #delete(id: number): void {
    this.#size -= answerSize(this.#events.get(id));
    this.#events.delete(id);
  }
}

function answerSize(progress: Progress | undefined): number {
  if (progress === undefined || typeof progress === "string") return 0;
  let size = 0;
  for (const { length } of progress) size += length;
  return size;
}

/** Programs may change their bytes later. Encoders pass on what the program gave them. */
function copyOf(part: string | ArrayBufferView | ArrayBuffer): RawData {
  if (typeof part === "string") return part;
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(part) ? part : new Uint8Array(part);
  return Buffer.from(new Uint8Array(buffer, byteOffset, byteLength));
}

function isAnswerRecord(record: unknown): record is AnswerRecord {
  return Array.isArray(record) && record.length <= MAX_EVENTS && record.every(isRow);
}

function isRow(row: unknown): boolean {
  if (!Array.isArray(row) || !Number.isSafeInteger(row[0])) return false;
  return row.slice(1).every((part) => typeof part === "string" || part instanceof Uint8Array);
}
