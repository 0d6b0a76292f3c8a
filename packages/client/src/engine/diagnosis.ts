/** What is known of a failure; a field that does not apply is undefined. */
export interface Failure {
  /** Message of the error, or the description of the close. */
  readonly message: string;
  /** Machine code: of the error, of the system (`ECONNREFUSED`), or of the JSON that the server answered. */
  readonly code?: string | number | undefined;
  /** HTTP status; 0: no answer. */
  readonly status?: number | undefined;
  /** Close code of the WebSocket. */
  readonly closeCode?: number | undefined;
  /** What the server said: message of its JSON, body of its answer (200 characters), or close reason; else the system. */
  readonly said?: string | undefined;
  /** The phase in which an upgrade failed: see {@link UpgradePhase}. */
  readonly step?: string | undefined;
}

/** Why a transport is tried: `open` to open the session, `upgrade` to take over an open one. */
export type Purpose = "open" | "upgrade";

/** One transport that was tried. */
export interface Attempt {
  readonly transport: string;
  readonly purpose: Purpose;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds until `outcome` was known. */
  took?: number;
  /** `dropped`: another transport was faster, or the socket was closed. */
  outcome: "pending" | "opened" | "upgraded" | "failed" | "dropped";
  failure?: Failure | undefined;
}

/** What happened to a socket's connection, in plain data. */
export interface Diagnosis {
  /** The last 16 attempts, oldest first. */
  attempts: Attempt[];
  /** Why the session ended. */
  closed?: { reason: string; at: number; failure?: Failure | undefined };
}

/** What is noted of a transport. */
interface Noted {
  readonly name: string;
  attempt_?: Attempt;
}

/** What is known of an answer: that of a request, or the close event of a WebSocket. */
interface Answer {
  readonly status?: number;
  readonly code?: number;
  readonly responseText?: string;
  readonly reason?: string;
}

/** What transports and upgrades report: an error, or the details of a close. */
interface Report {
  readonly message?: string;
  /** Of a close: a sentence. Of an error: an {@link Answer}, or an error within. */
  readonly description?: unknown;
  readonly step?: string;
  readonly code?: string | number;
  readonly context?: unknown;
  readonly cause?: Report;
}

/** Attempts that are kept: the last ones. */
const MAX_ATTEMPTS = 16;
const MAX_TEXT = 200;

/** Notes that a transport is tried. */
export function beginAttempt(diagnosis: Diagnosis, transport: Noted, purpose: Purpose): void {
  const attempt: Attempt = { transport: transport.name, purpose, at: Date.now(), outcome: "pending" };
  transport.attempt_ = attempt;
  diagnosis.attempts = [...diagnosis.attempts.slice(1 - MAX_ATTEMPTS), attempt];
}

/** Notes how an attempt ended; only its first end counts. */
export function endAttempt({ attempt_: attempt }: Noted, outcome: Attempt["outcome"], cause?: unknown): void {
  if (attempt?.outcome === "pending") {
    Object.assign(attempt, {
      outcome,
      took: Date.now() - attempt.at,
      failure: describeFailure(cause as Report | undefined),
    });
  }
}

/** Notes why the session ended. */
export function closeDiagnosis(diagnosis: Diagnosis, reason: string, cause: unknown): void {
  for (const attempt of diagnosis.attempts) if (attempt.outcome === "pending") attempt.outcome = "dropped";
  diagnosis.closed = { reason, at: Date.now(), failure: describeFailure(cause as Report | undefined) };
}

/** Reads what transports report: errors and close details, with the events, answers and errors within them. */
function describeFailure(cause: Report | undefined): Failure | undefined {
  if (!cause) return undefined;
  const { message, description, step } = cause;
  // a failed upgrade has the transport's report as its cause
  const report = (step && cause.cause) || cause;
  const { context = report.description } = report;
  const { status, code, responseText, reason } = (context ?? {}) as Answer;
  let system = report.cause;
  while (system?.cause) system = system.cause;
  const failure: { -readonly [Field in keyof Failure]: Failure[Field] } = {
    message: (message ?? description) as string,
    status,
    closeCode: code,
    step,
  };
  failure.said = reason || system?.message;
  try {
    failure.said = responseText!.slice(0, MAX_TEXT) || failure.said;
    ({ code: failure.code, message: failure.said } = JSON.parse(responseText!));
  } catch {
    // no answer, or not the JSON of an Engine.IO server
  }
  if (report.code && report.code !== "TRANSPORT_FAILED") failure.code = report.code;
  failure.code ??= system?.code ?? cause.code;
  return failure;
}
