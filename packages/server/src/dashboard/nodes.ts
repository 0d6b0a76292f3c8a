import type { Server } from "../index.ts";

/** Begins the names of all questions between live pages. */
const PREFIX = "portage.dashboard.";

type AnswerNode = (question: unknown) => unknown;

/** The live pages of other nodes: the option `cluster`. Without it, there are none. */
export class OtherNodes {
  readonly #io: Server;
  readonly #answers: { readonly topic: string; readonly fn: AnswerNode }[] = [];
  #ends: (() => void)[] = [];

  constructor(io: Server) {
    this.#io = io;
  }

  /** Whether there may be others. */
  get mayBe(): boolean {
    return this.#io.cluster?.questions !== undefined;
  }

  get ownTag(): string {
    return this.#io.cluster?.tag ?? "";
  }

  /** The tags of the others that are not silent. */
  get tags(): string[] {
    const nodes = this.#io.cluster?.nodes() ?? [];
    return nodes.filter(({ via, state }) => via !== "self" && state !== "silent").map(({ tag }) => tag);
  }

  /** Asks one node. Undefined: it did not answer within a second, or has not a live page. */
  ask(tag: string, topic: string, question: unknown): Promise<unknown> {
    return this.#io.cluster?.questions?.ask(tag, PREFIX + topic, question) ?? Promise.resolve(undefined);
  }

  /** Asks all, and returns the first answer that is not empty. */
  findFirst(topic: string, question: unknown): Promise<unknown> {
    const { tags } = this;
    let missing = tags.length;
    if (missing === 0) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const take = (answer: unknown): void => {
        missing -= 1;
        if (missing === 0 || (answer !== undefined && answer !== null)) resolve(answer);
      };
      for (const tag of tags) void this.ask(tag, topic, question).then(take);
    });
  }

  /** Answers a question of others from `start()` to `stop()`. */
  answer(topic: string, fn: AnswerNode): void {
    this.#answers.push({ topic: PREFIX + topic, fn });
  }

  start(): void {
    const questions = this.#io.cluster?.questions;
    this.#ends = this.#answers.map(({ topic, fn }) => questions?.answer(topic, fn) ?? (() => undefined));
  }

  stop(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
  }
}
