import { reportFailure } from "../base/handler-errors.ts";
import type { HandlerKind } from "../base/handler-errors.ts";
import { createLog } from "../base/log.ts";
import type { FailureKind } from "../base/guarded.ts";
import { admit, admitRevision, askPermission } from "./admission/admission.ts";
import { type CorsHost, noteRefusedOrigin } from "./admission/cors-check.ts";
import type { Gate } from "./admission/gate.ts";
import type { SessionOpening } from "./admission/opening.ts";
import { checkOrigin } from "./admission/origin.ts";
import { keepConnection } from "./http/http2.ts";
import type { TransportRequest } from "./http/request.ts";
import { kContext, kGate, kIsRequestUnseen, kParkRequest, kSessionDirectory, kEmitGuarded } from "./keys.ts";
import type { ResolvedEngineOptions } from "./options.ts";
import { askForId } from "./random-id.ts";
import { ERROR_CODES, type Refusal, refuse } from "./report/refusals.ts";
import { CHANNELS } from "./report/reports.ts";
import type { SessionDirectory } from "./session/directory.ts";
import type { SessionHost } from "./session/host.ts";
import { Session } from "./session/session.ts";
import { start } from "./session/start.ts";
import type { TransportContext } from "./transports/context.ts";
import { UsageError } from "./usage-errors.ts";

const log = createLog("engine");

/** The engine, as far as handshakes go. */
export interface HandshakeHost extends SessionHost, CorsHost {
  readonly clientsCount: number;
  readonly [kContext]: TransportContext;
  readonly [kGate]: Gate;
  readonly [kSessionDirectory]: SessionDirectory;
  generateId(req: TransportRequest): string | number | PromiseLike<string | number>;
  /** Whether the program has not seen the request of a handshake. */
  [kIsRequestUnseen](): boolean;
  [kEmitGuarded](event: string, ...args: unknown[]): void;
}

type AnswerVerdict = (refusal: Refusal | undefined) => void;

/** How a request becomes a session: it is verified, gets an id, then a transport. */
export class Handshakes {
  readonly #engine: HandshakeHost;
  readonly #options: ResolvedEngineOptions;

  constructor(engine: HandshakeHost, options: ResolvedEngineOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  /** The open sessions, and WebSockets that were closed and have not ended yet: those of peers that do not answer count. */
  get #connections(): number {
    return this.#engine.clientsCount + this.#engine[kContext].closing.size;
  }

  /** Decides on a request: a session's must fit the session, any other one must be a proper handshake. */
  verify(req: TransportRequest, isUpgrade: boolean, answer: AnswerVerdict): void {
    const { transports, cors, checkOrigin: isChecked } = this.#options;
    const refusal = admit(req, isUpgrade, { transports, session: (sid) => this.#engine[kSessionDirectory].find(sid) });
    if (refusal) return answer(refusal);
    if (!isUpgrade || !cors || isChecked === false) return this.#verifyHandshake(req, answer);
    checkOrigin(req, cors, (isAllowed) => {
      if (isAllowed) return this.#verifyHandshake(req, answer);
      noteRefusedOrigin(this.#engine, req);
      answer(refuse(ERROR_CODES.FORBIDDEN, { name: "ORIGIN_NOT_ALLOWED", origin: req.headers.origin }));
    });
  }

  #verifyHandshake(req: TransportRequest, answer: AnswerVerdict): void {
    if (req._query["sid"]) return answer(undefined);
    const { [kGate]: gate } = this.#engine;
    const refusal = gate.check(req, this.#connections);
    if (refusal) return answer(refusal);
    const { allowRequest, allowEIO3 } = this.#options;
    const identify = (): Refusal | undefined => gate.identify(req, (error, how) => this.#fail("userOf", error, how));
    askPermission(req, allowRequest, {
      answer: (refused) => answer(refused ?? admitRevision(req, allowEIO3) ?? identify()),
      onFailure: (error, how) => this.#fail("allowRequest", error, how),
    });
  }

  /** A function of the program has failed. */
  #fail(handler: HandlerKind, error: unknown, how: FailureKind): void {
    reportFailure(this.#engine, error, { handler, how });
  }

  /** Opens a session for a request that was let in: makes its id, then its transport, then emits `connection`. */
  open(opening: SessionOpening): void {
    const { req } = opening;
    const refused = (error: unknown): void =>
      opening.refuse(refuse(ERROR_CODES.BAD_REQUEST, { name: "ID_GENERATION_ERROR", error }));
    const proceed = (id: string): void => {
      if (this.#engine[kSessionDirectory].find(id)) refused(new UsageError("ID_TAKEN"));
      else this.#open(id, opening);
    };
    const fail = (error: unknown, how: FailureKind): void => {
      this.#fail("generateId", error, how);
      refused(error);
    };
    askForId(() => this.#engine.generateId(req), proceed, fail);
  }

  #open(id: string, opening: SessionOpening): void {
    const engine = this.#engine;
    const { req } = opening;
    // Others may have come in meanwhile.
    const refusal = engine[kGate].recheck(req, this.#connections);
    if (refusal) return opening.refuse(refusal);
    const transport = opening.accept();
    if (!transport) return;
    keepConnection(req);
    const session = new Session(id, engine, transport, req);
    if (log.enabled) log("handshaking client %s over %s, revision %d", id, transport.name, session.protocol);
    engine[kSessionDirectory].add(session);
    engine[kGate].add(session, req);
    if (CHANNELS.opened.hasSubscribers) CHANNELS.opened.publish({ session });
    start(session);
    opening.begin(transport);
    engine[kEmitGuarded]("connection", session);
    if (engine[kIsRequestUnseen]()) session[kParkRequest]();
  }
}
