/*
 * Questions between nodes, for parts of a server that have one at each node, such as the live page.
 * Knows: links, and JSON with a bound.
 * Must not know: what is asked.
 *
 * Invariant between calls: a pending question has a running timer and a link. It ends once: by the answer, by the end of the
 * link, or by the timer.
 */
import { type Clock, type NodeQuestions, type PendingCall, serverClock } from "@portage/server/relay";
import { encodeFrame, type Frame, type FrameName } from "./core/frames.ts";
import type { Link, LinkEnd, LinkObserver, Peers } from "./links/link.ts";

/** Most bytes of a question or an answer. */
const MOST_BYTES_TOLD = 65_536;
/** Questions to one node, and questions of one node, that wait for an answer. */
const MOST_OPEN = 64;
/** Milliseconds to answer. */
const ANSWER_TIME = 1000;

type AnswerQuestion = (question: unknown, from: string) => unknown;

interface OpenQuestion {
  readonly link: Link;
  readonly timer: PendingCall;
  readonly onEnd: (answer: unknown) => void;
}

/** Asks other nodes, and answers them. What follows receives all other frames. */
export class Questions implements NodeQuestions, LinkObserver {
  readonly #peers: Pick<Peers, "get">;
  readonly #next: LinkObserver;
  readonly #clock: Clock;
  readonly #answers = new Map<string, AnswerQuestion>();
  readonly #open = new Map<number, OpenQuestion>();
  /** Questions of each link that are being answered. */
  readonly #answering = new Map<Link, number>();
  #lastNumber = 0;

  constructor(peers: Pick<Peers, "get">, next: LinkObserver, clock: Clock = serverClock) {
    this.#peers = peers;
    this.#next = next;
    this.#clock = clock;
  }

  ask(tag: string, topic: string, question: unknown): Promise<unknown> {
    const link = this.#peers.get(tag);
    if (link === undefined || this.#countOpen(link) >= MOST_OPEN) return Promise.resolve(undefined);
    this.#lastNumber = (this.#lastNumber + 1) % 0x8000_0000;
    const number = this.#lastNumber;
    const frame = frameOf("ASK", [number, topic, question]);
    if (frame === undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const timer = this.#clock.after(ANSWER_TIME, () => this.#end(number, undefined));
      this.#open.set(number, { link, timer, onEnd: resolve });
      link.send(frame);
    });
  }

  answer(topic: string, fn: AnswerQuestion): () => void {
    this.#answers.set(topic, fn);
    return () => {
      if (this.#answers.get(topic) === fn) this.#answers.delete(topic);
    };
  }

  #countOpen(link: Link): number {
    let count = 0;
    for (const open of this.#open.values()) if (open.link === link) count += 1;
    return count;
  }

  #end(number: number, answer: unknown): void {
    const open = this.#open.get(number);
    open?.timer.cancel();
    this.#open.delete(number);
    open?.onEnd(answer);
  }

  // ---- links -------------------------------------------------------------------------------------------------------

  onOpen(link: Link): void {
    this.#next.onOpen(link);
  }

  onDrain(link: Link): void {
    this.#next.onDrain(link);
  }

  onFrame(link: Link, frame: Frame): void {
    if (frame.type !== "ASK" && frame.type !== "TELL") return this.#next.onFrame(link, frame);
    const parts = partsOf(frame);
    if (parts === undefined) return link.fail(`${frame.type} is malformed`);
    const [number, subject, question] = parts;
    if (frame.type === "ASK") void this.#reply(link, { number, topic: String(subject), question });
    else if (this.#open.get(number)?.link === link) this.#end(number, subject);
  }

  onClose(link: Link, end: LinkEnd): void {
    for (const [number, open] of this.#open) if (open.link === link) this.#end(number, undefined);
    this.#answering.delete(link);
    this.#next.onClose(link, end);
  }

  /** Answers a question; without a value if nothing here answers it, or can. */
  async #reply(link: Link, { number, topic, question }: AskedByNode): Promise<void> {
    const before = this.#answering.get(link) ?? 0;
    const fn = before < MOST_OPEN ? this.#answers.get(topic) : undefined;
    this.#answering.set(link, before + 1);
    let answer: unknown;
    try {
      answer = await fn?.(question, link.tag);
    } catch {
      // Not an answer: the other node has none either way.
    }
    const now = this.#answering.get(link);
    if (now === undefined) return;
    this.#answering.set(link, now - 1);
    link.send(frameOf("TELL", [number, answer]) ?? encodeFrame("TELL", 0, Buffer.from(`[${number}]`)));
  }
}

interface AskedByNode {
  readonly number: number;
  readonly topic: string;
  readonly question: unknown;
}

/** Returns a frame; undefined if its content is too large, or is not JSON. */
function frameOf(type: FrameName, parts: readonly unknown[]): Buffer | undefined {
  try {
    const body = Buffer.from(JSON.stringify(parts.filter((part) => part !== undefined)));
    return body.length > MOST_BYTES_TOLD ? undefined : encodeFrame(type, 0, body);
  } catch {
    return undefined;
  }
}

function partsOf({ stream, body }: Frame): readonly [number: number, ...rest: unknown[]] | undefined {
  if (stream !== 0 || body.length > MOST_BYTES_TOLD) return undefined;
  try {
    const parts: unknown = JSON.parse(body.toString());
    if (!Array.isArray(parts)) return undefined;
    const [number, ...rest] = parts as readonly unknown[];
    return typeof number === "number" && Number.isSafeInteger(number) ? [number, ...rest] : undefined;
  } catch {
    return undefined;
  }
}
