import type { Untyped } from "../typed-events.ts";

/** What is known of a failure; a field that does not apply is absent. */
export interface Failure {
  /** Message of the error, or the description of the close. */
  readonly message: string;
  /** Machine code: of the error, or of the JSON that the server answered. */
  readonly code?: string | number;
  /** HTTP status; 0: no answer. */
  readonly status?: number;
  /** Close code of the WebSocket. */
  readonly closeCode?: number;
  /** What the server said: message of its JSON, body of its answer (200 characters), or close reason. */
  readonly said?: string;
}

/** One transport that was tried. */
export interface Attempt {
  readonly transport: string;
  /** `open`: to open the session; `upgrade`: to take over an open one. */
  readonly purpose: "open" | "upgrade";
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds until `outcome` was known. */
  took?: number;
  /** `dropped`: another transport was faster, or the socket was closed. */
  outcome: "pending" | "opened" | "upgraded" | "failed" | "dropped";
  /** The phase in which an upgrade ended: see {@link UpgradePhase}. */
  step?: string;
  failure?: Failure;
}

/** What happened to a socket's connection, in plain data. */
export interface Diagnosis {
  /** The last 16 attempts, oldest first. */
  attempts: Attempt[];
  /** Why the session ended. */
  closed?: { reason: string; at: number; failure?: Failure };
}

const MAX_ATTEMPTS = 16;
const MAX_TEXT = 200;

/** Adds an attempt, and forgets the oldest of too many. */
export function beginAttempt(diagnosis: Diagnosis, transport: string, purpose: Attempt["purpose"]): Attempt {
  const attempt: Attempt = { transport, purpose, at: Date.now(), outcome: "pending" };
  diagnosis.attempts = [...diagnosis.attempts.slice(1 - MAX_ATTEMPTS), attempt];
  return attempt;
}

/** Notes how an attempt ended; only its first end counts. */
export function endAttempt(attempt: Attempt | undefined, outcome: Attempt["outcome"], cause?: unknown): void {
  if (attempt?.outcome !== "pending") return;
  attempt.outcome = outcome;
  attempt.took = Date.now() - attempt.at;
  if (cause) attempt.failure = describeFailure(cause);
}

/** Reads what transports report: errors and close details, with events, answers and errors within them. */
export function describeFailure(cause: Untyped): Failure {
  const { description, context = description } = cause;
  let { responseText: said = context?.reason, code = cause.code } = context ?? {};
  const status = context?.status;
  try {
    ({ message: said, code } = JSON.parse(said));
  } catch {
    // not the JSON of an Engine.IO server
  }
  return {
    message: cause.message ?? description,
    ...(code && { code }),
    ...(status !== undefined && { status }),
    ...(said && { said: String(said).slice(0, MAX_TEXT) }),
  };
}
