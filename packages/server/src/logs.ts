/*
 * Entry @portage/server/logs: problems as lines of the program's own logger.
 * Knows: the diagnostics channels of both layers, and the meaning of each code. The program passes the logger.
 * Must not know: any logger. It is an entry of its own: a program with logs loads nothing of the metrics.
 */
import { channel } from "node:diagnostics_channel";
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Clock } from "./base/clock.ts";
import { type HandlerFailure, leaveToLog } from "./base/handler-errors.ts";
import { sessionHandle } from "./base/handles.ts";
import { type CloseReason, isNormalEnd, kEngineClock, type Session } from "./engine/index.ts";
import { kAttached } from "./socketio/keys.ts";
import { adviceFor, type ProblemKind } from "./socketio/report/advice.ts";

export type { ProblemKind };

/** A method of a logger: takes the facts and a sentence. */
export type WriteLine = (line: ProblemLine, sentence: string) => void;

/** A logger with the methods of pino. */
export interface ProblemLogger {
  /** Failures of functions of the program. */
  error: WriteLine;
  /** Refusals and limits. */
  warn: WriteLine;
  /** Abnormal ends of connections. */
  info: WriteLine;
}

/** The facts about a problem. */
export interface ProblemLine {
  /** The kind: `"end"`, `"refusal"`, `"limit"`, `"upgrade"`, `"handler"`, `"cluster"` or `"recovery"`. */
  readonly kind: ProblemKind;
  /** See docs/errors.md; of a handler, the kind of the function. */
  readonly code?: string | undefined;
  /** What to do about it. */
  readonly fix?: string | undefined;
  /** A hash of the id of the session, as on the live page: the id is as good as a password. */
  readonly session?: string | undefined;
  /** The namespace. */
  readonly namespace?: string | undefined;
  /** The address of the client, or of the proxy before the server. */
  readonly address?: string | undefined;
  /** The event, if one of its listeners failed. */
  readonly event?: string | undefined;
  /** The limit, if one was reached. */
  readonly limit?: number | undefined;
  /** The value above the limit. */
  readonly actual?: number | undefined;
  /** The error of the function. */
  readonly err?: unknown;
  /** Lines of this kind left out in the last second. */
  readonly skipped?: number | undefined;
}

/** Options of {@link logProblems}. */
export interface LogProblemsOptions {
  /** Lines of each kind within a second; one more counts the others. Default: 10. */
  perSecond?: number | undefined;
}

/** A server, as the log sees it. */
export interface LoggedServer {
  /** The main namespace. */
  readonly sockets: object;
  readonly [kAttached]: { readonly engines: ReadonlySet<object> };
  readonly [kEngineClock]: Clock;
}

type LogLevel = keyof ProblemLogger;

const LEVELS: Readonly<Record<ProblemKind, LogLevel>> = {
  handler: "error",
  refusal: "warn",
  limit: "warn",
  cluster: "warn",
  end: "info",
  upgrade: "info",
  recovery: "info",
};

const SPELL_LENGTH = 1000;
const PER_SECOND = 10;
/** Clients choose names of events and namespaces. */
const LONGEST_NAME = 200;

/** The facts beside the code. */
type ProblemFacts = Omit<ProblemLine, "kind" | "code" | "fix" | "skipped">;

/** Lines of a kind within a second. */
interface Spell {
  written: number;
  skipped: number;
}

/** Writes lines, up to some of each kind within a second. */
class ProblemLog {
  readonly #logger: ProblemLogger;
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #spells = new Map<ProblemKind, Spell>();
  #timer: ReturnType<Clock["after"]> | undefined;

  constructor(logger: ProblemLogger, clock: Clock, perSecond: number) {
    this.#logger = logger;
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  write(kind: ProblemKind, code: string, facts: ProblemFacts): void {
    this.#timer ??= this.#clock.after(SPELL_LENGTH, this.endSecond);
    const spell = this.#spells.get(kind) ?? { written: 0, skipped: 0 };
    this.#spells.set(kind, spell);
    if (spell.written >= this.#perSecond) {
      spell.skipped += 1;
      return;
    }
    spell.written += 1;
    const { sentence, advice } = adviceFor(kind, code);
    const line: ProblemLine = { kind, code, fix: advice, ...facts };
    this.#logger[LEVELS[kind]](line, facts.err instanceof Error ? `${sentence}: ${facts.err.message}` : sentence);
  }

  /** Counts the lines left out. */
  readonly endSecond = (): void => {
    this.#timer?.cancel();
    this.#timer = undefined;
    const spells = [...this.#spells];
    this.#spells.clear();
    for (const [kind, { skipped }] of spells) {
      if (skipped > 0)
        this.#logger[LEVELS[kind]]({ kind, skipped }, `${skipped} more of kind "${kind}" were not logged`);
    }
  };
}

/**
 * Writes problems of a server to a logger: failures of the program's functions as `error`; refused clients and limits as `warn`;
 * failed upgrades and abnormal ends of connections as `info`. Each line has a code, a sentence, and the fix.
 *
 * Failures of functions are then no longer printed to the console. Listeners of `handler_error`, and of the process, get them
 * as before.
 *
 * @param logger one with the methods of pino
 * @returns a function to stop it
 * @example
 * import { logProblems } from "@portage/server/logs";
 *
 * logProblems(io, logger);
 */
export function logProblems(io: LoggedServer, logger: ProblemLogger, options: LogProblemsOptions = {}): () => void {
  const log = new ProblemLog(logger, io[kEngineClock], options.perSecond ?? PER_SECOND);
  const subscriptions = Object.entries(problemsOf(io, log)).map(([name, listener]) => {
    const subscriber = listener as (message: unknown) => void;
    channel(name).subscribe(subscriber);
    return () => channel(name).unsubscribe(subscriber);
  });
  const print = leaveToLog(io.sockets as EventEmitter);
  return () => {
    for (const unsubscribe of subscriptions.splice(0)) unsubscribe();
    print();
    log.endSecond();
  };
}

/** A session in a message of a channel; those of other engines lack parts. */
type AnySession = Partial<Pick<Session, "id" | "remoteAddress" | "server">>;

/** The socket or namespace of a failed function. */
interface FailedAt {
  readonly socket?: { readonly conn: AnySession; readonly nsp: { readonly name: string } };
  readonly namespace?: { readonly name: unknown };
}

/** Returns a listener for each channel. Channels are of the process: other servers publish there too. */
function problemsOf(io: LoggedServer, log: ProblemLog): Record<string, (message: never) => void> {
  const isOurs = (engine: unknown): boolean => io[kAttached].engines.has(engine as object);
  return {
    "portage.refusal": ({ server, req, name }: { server: unknown; req: IncomingMessage; name: string }) => {
      if (isOurs(server)) log.write("refusal", name, { address: req.socket?.remoteAddress });
    },
    "portage.limit": ({ session, code, limit, actual }: LimitMessage) => {
      if (isOurs(session.server)) log.write("limit", code, { ...sessionFacts(session), limit, actual });
    },
    "portage.session.close": ({ session, reason }: { session: AnySession; reason: CloseReason }) => {
      const { code, limit, actual } = reason;
      if (isOurs(session.server) && !isNormalEnd(code))
        log.write("end", code, { ...sessionFacts(session), limit, actual });
    },
    "portage.upgrade.failed": ({ session, step }: { session: AnySession; step: string }) => {
      if (isOurs(session.server)) log.write("upgrade", step, sessionFacts(session));
    },
    "portage.namespace.refused": (message: { server: unknown; code: string; namespace: string; conn: AnySession }) => {
      const { server, code, namespace, conn } = message;
      if (server === io) log.write("refusal", code, { ...sessionFacts(conn), namespace: textOf(namespace) });
    },
    "portage.handler_error": (message: { server: unknown; error: unknown; context: HandlerFailure & FailedAt }) => {
      const { server, error, context } = message;
      const { handler, event, socket, namespace } = context;
      if (server !== io) return;
      const where = { namespace: textOf(socket?.nsp.name ?? namespace?.name), event: textOf(event) };
      log.write("handler", handler, { ...(socket && sessionFacts(socket.conn)), ...where, err: error });
    },
    "portage.cluster": ({ server, code }: { server: unknown; code: string }) => {
      if (server === io) log.write("cluster", code, {});
    },
    "portage.recovery": ({ server, namespace, code }: { server: unknown; namespace: string; code?: string }) => {
      if (server === io && code !== undefined) log.write("recovery", code, { namespace: textOf(namespace) });
    },
  };
}

interface LimitMessage {
  readonly session: AnySession;
  readonly code: string;
  readonly limit: number;
  readonly actual: number;
}

const sessionFacts = ({ id, remoteAddress }: AnySession): ProblemFacts => ({
  session: id === undefined ? undefined : sessionHandle(id),
  address: remoteAddress,
});

function textOf(name: unknown): string | undefined {
  const text = typeof name === "symbol" ? name.description : name;
  return typeof text === "string" ? text.slice(0, LONGEST_NAME) : undefined;
}
