/** Details of a failure; fields that do not apply are undefined. */
export interface Failure {
  /** Message of the error, or the description of the close. */
  readonly message: string;
  /** Machine code from the error, the system (`ECONNREFUSED`), or the server's JSON answer. */
  readonly code?: string | number | undefined;
  /** HTTP status; 0 without an answer. */
  readonly status?: number | undefined;
  /** Close code of the WebSocket. */
  readonly closeCode?: number | undefined;
  /** The server's JSON message, answer body (up to 200 characters) or close reason; else the system's message. */
  readonly said?: string | undefined;
  /** The phase of a failed upgrade: see {@link UpgradePhase}. */
  readonly step?: string | undefined;
}

/** Purpose of an attempt: `open` opens the session, `upgrade` takes over an open session. */
export type Purpose = "open" | "upgrade" | "carry";

/** One attempt to use a transport. */
export interface Attempt {
  /** Name of the transport. */
  readonly transport: string;
  /** Why the transport was tried. */
  readonly purpose: Purpose;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds until `outcome` was known. */
  took?: number;
  /**
   * - `dropped`: another transport won the race, or the socket was closed
   * - `skipped`: not tried, as the last WebSockets to this server broke down within a minute
   */
  outcome: "pending" | "opened" | "upgraded" | "carried" | "failed" | "dropped" | "skipped";
  /** For `skipped`: when the transport may be tried again, in milliseconds since the epoch. */
  nextAt?: number;
  /** Why the attempt failed, or was skipped. */
  failure?: Failure | undefined;
}

/** The history of a socket's connection, as plain data. */
export interface Diagnosis {
  /** The last 16 attempts, oldest first. */
  attempts: Attempt[];
  /** Why the session ended. */
  closed?: { reason: string; at: number; failure?: Failure | undefined };
}

/** A transport and its attempt. */
export interface Noted {
  readonly name: string;
  attempt_?: Attempt;
}

/** The answer to a request, or the close event of a WebSocket. */
interface TransportAnswer {
  readonly status?: number;
  readonly code?: number;
  readonly responseText?: string;
  readonly reason?: string;
}

/** A report of a transport or an upgrade: an error, or the details of a close. */
interface Report {
  readonly message?: string;
  /** A sentence in close details. In errors, an {@link TransportAnswer} or the inner error. */
  readonly description?: unknown;
  readonly step?: string;
  readonly code?: string | number;
  readonly context?: unknown;
  readonly cause?: Report;
  /** What came in place of a packet. */
  readonly data?: string | Uint8Array;
}

/** Limit of stored attempts; the oldest is dropped first. */
const MAX_ATTEMPTS = 16;
const MAX_TEXT = 200;

/** Records the start of an attempt. */
export function beginAttempt(diagnosis: Diagnosis, transport: Noted, purpose: Purpose): void {
  const attempt: Attempt = { transport: transport.name, purpose, at: Date.now(), outcome: "pending" };
  transport.attempt_ = attempt;
  diagnosis.attempts = [...diagnosis.attempts.slice(1 - MAX_ATTEMPTS), attempt];
}

/** Records the outcome of an attempt; later outcomes are ignored. */
export function endAttempt({ attempt_: attempt }: Noted, outcome: Attempt["outcome"], cause?: unknown): void {
  if (attempt?.outcome === "pending") {
    Object.assign(attempt, {
      outcome,
      took: Date.now() - attempt.at,
      failure: describeFailure(cause as Report | undefined),
    });
  }
}

/** Records why the session ended. */
export function closeDiagnosis(diagnosis: Diagnosis, reason: string, cause: unknown): void {
  for (const attempt of diagnosis.attempts) if (attempt.outcome === "pending") attempt.outcome = "dropped";
  diagnosis.closed = { reason, at: Date.now(), failure: describeFailure(cause as Report | undefined) };
}

/** Records why a transport that was in use has died. */
export function noteDeath({ attempt_: attempt }: Noted, cause: unknown): void {
  if (attempt) attempt.failure = describeFailure(cause as Report);
}

/** Extracts a failure from an error or close details, and from the events, answers and errors inside them. */
function describeFailure(cause: Report | undefined): Failure | undefined {
  if (!cause) return undefined;
  const { message, description, step } = cause;
  // the cause of a failed upgrade is the transport's report
  const report = (step && cause.cause) || cause;
  const { context = report.description } = report;
  const { status, code, responseText, reason } = (context ?? {}) as TransportAnswer;
  let system = report.cause;
  while (system?.cause) system = system.cause;
  const failure: { -readonly [Field in keyof Failure]: Failure[Field] } = {
    message: (message ?? description) as string,
    status,
    closeCode: code,
    step,
  };
  failure.said = reason || system?.message || String(cause.data ?? "").slice(0, MAX_TEXT) || undefined;
  try {
    failure.said = responseText!.slice(0, MAX_TEXT) || failure.said;
    ({ code: failure.code, message: failure.said } = JSON.parse(responseText!));
  } catch {
    // without an answer, or not the JSON of an Engine.IO server
  }
  if (report.code && report.code !== "TRANSPORT_FAILED") failure.code = report.code;
  failure.code ??= system?.code ?? cause.code;
  return failure;
}
