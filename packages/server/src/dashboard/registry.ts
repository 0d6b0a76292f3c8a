import type { BoardCore, BoardPart, MakePart, PartAnswers, Soon, ViewParams } from "./part.ts";
import type { Series, ViewName } from "./wire.ts";

const UNKNOWN = { error: "UNKNOWN" } as const;
const FAILED = { error: "FAILED" } as const;

type AskView = (params: ViewParams) => Soon<unknown>;

/** The parts of a board: starts and stops them, and finds the right one for a question. */
export class PartRegistry {
  readonly #parts: readonly BoardPart[];

  constructor(makers: readonly MakePart[], core: BoardCore) {
    this.#parts = makers.map((make) => make(core));
  }

  start(): void {
    for (const part of this.#parts) part.start?.();
  }

  stop(): void {
    for (const part of this.#parts) part.stop?.();
  }

  get features(): string[] {
    return this.#parts.flatMap(({ features = [] }) => features);
  }

  get series(): Series[] {
    return this.#parts.flatMap(({ series = [] }) => series);
  }

  /** Answers for a view. Never rejects: a part that fails, or is missing, has an answer too. */
  async look(name: ViewName, params: ViewParams): Promise<unknown> {
    const part = this.#parts.find(({ views }) => views?.[name] !== undefined);
    const look = part?.views?.[name] as AskView | undefined;
    return look === undefined ? UNKNOWN : orFailed(() => look(params));
  }

  /** Answers a question. Never rejects. */
  async answer<Name extends keyof PartAnswers>(name: Name, ...args: Parameters<PartAnswers[Name]>): Promise<unknown> {
    const part = this.#parts.find(({ answers }) => answers?.[name] !== undefined);
    const answer: ((...args: never) => Soon<unknown>) | undefined = part?.answers?.[name];
    return answer === undefined ? UNKNOWN : orFailed(() => Reflect.apply(answer, part?.answers, args) as unknown);
  }
}

async function orFailed(ask: () => Soon<unknown>): Promise<unknown> {
  try {
    return await ask();
  } catch {
    return FAILED;
  }
}
