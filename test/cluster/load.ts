import { within } from "../support/waiting.ts";
import { Program } from "./programs.ts";

/** Milliseconds for one question to the clients. */
const PATIENCE = process.env["CHAOS"] ? 600_000 : 60_000;

/** A client library and its transports, as load-program.mjs names them. */
export type Kind = `${"4.8" | "2.5" | "portage"} ${"polling" | "upgrade" | "websocket"}`;

export const KINDS: readonly Kind[] = [
  "4.8 polling",
  "2.5 upgrade",
  "portage upgrade",
  "2.5 polling",
  "4.8 upgrade",
  "portage polling",
  "4.8 websocket",
  "2.5 websocket",
  "portage websocket",
];

/** What a client saw of its session. */
export interface SessionReport {
  readonly kind: Kind;
  readonly sid?: string;
  /** The first four characters of the sid, which name the owner in a cluster. */
  readonly tag?: string;
  readonly transport?: string;
  readonly ups: number;
  readonly downs: number;
  /** If it did not end by itself. */
  readonly ended?: { readonly reason: string; readonly at: number };
  /** When it left, with its work done: milliseconds since 1970. */
  readonly left?: number;
  readonly faults: readonly string[];
  /** Milliseconds of its longest wait for an echo. */
  readonly longest?: number;
  /** The last broadcast of each node. */
  readonly news: Readonly<Record<string, number>>;
}

export interface Refused {
  readonly at: number;
  readonly status: number;
  readonly request: string;
  readonly body: string;
}

export interface LoadReport {
  readonly statuses: Readonly<Record<string, number>>;
  readonly refused: readonly Refused[];
  readonly sessions: readonly SessionReport[];
}

export interface Opening {
  /** The processes take them in turn. */
  readonly urls: readonly string[];
  readonly count: number;
  readonly kinds: readonly Kind[];
  /** Sessions that are opened each second. */
  readonly rate: number;
  readonly seed: number;
  /** How often each session sends a burst of messages; none by default. */
  readonly rounds?: number;
  /** Milliseconds between two bursts, at most. */
  readonly pace?: number;
}

const sum = (numbers: readonly unknown[]): number => numbers.reduce<number>((all, one) => all + Number(one), 0);

/** Clients in processes of their own. */
export class Load {
  readonly #programs: readonly Program[];

  private constructor(programs: readonly Program[]) {
    this.#programs = programs;
  }

  static async start(processes: number): Promise<Load> {
    const programs = Array.from({ length: processes }, () => new Program("load-program.mjs"));
    await Promise.all(programs.map((program) => program.ready()));
    return new Load(programs);
  }

  /** Opens sessions and lets them talk; resolves when all of them have done so or ended. */
  async open({ urls, count, rate, seed, ...rest }: Opening): Promise<void> {
    const share = count / this.#programs.length;
    const work = this.#programs.map((program, index) => {
      const mine = Math.floor(share * (index + 1)) - Math.floor(share * index);
      const url = urls[index % urls.length];
      const plan = { ...rest, url, count: mine, rate: rate / this.#programs.length, seed: seed + index };
      return program.ask("open", plan);
    });
    await within(Promise.all(work), "the clients to open", PATIENCE);
  }

  /** Lets all open sessions talk. */
  talk(plan: { readonly rounds: number; readonly pace: number }): Promise<unknown> {
    return this.#all("talk", plan);
  }

  /** Waits until all sessions have heard the last broadcast of each node; returns how many have not. */
  async hear(last: Readonly<Record<string, number>>, patience = 20_000): Promise<number> {
    return sum(await this.#all("hear", { last, patience }));
  }

  /** Returns how many sessions of an owner have not ended. */
  async living(tag: string): Promise<number> {
    return sum(await this.#all("living", tag));
  }

  /** Compares the counts of both sides, and ends all sessions. */
  leave(): Promise<unknown> {
    return this.#all("leave");
  }

  async report(): Promise<LoadReport> {
    const reports = (await this.#all("report")) as LoadReport[];
    const statuses: Record<string, number> = {};
    for (const report of reports) {
      for (const [status, count] of Object.entries(report.statuses)) statuses[status] = (statuses[status] ?? 0) + count;
    }
    return {
      statuses,
      refused: reports.flatMap(({ refused }) => refused),
      sessions: reports.flatMap(({ sessions }) => sessions),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop()));
  }

  #all(question: string, value?: unknown): Promise<unknown[]> {
    const answers = Promise.all(this.#programs.map((program) => program.ask(question, value)));
    return within(answers, `the clients to ${question}`, PATIENCE);
  }
}
