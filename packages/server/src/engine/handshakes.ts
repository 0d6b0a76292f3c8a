import { reportFailure } from "../base/handler-errors.ts";
import type { HandlerKind } from "../base/handler-errors.ts";
import { createLog } from "../base/log.ts";
import type { FailureKind } from "../base/guarded.ts";
import { admit, admitRevision, askPermission, isReadOnly } from "./admission/admission.ts";
import { type CorsHost, noteRefusedOrigin } from "./admission/cors-check.ts";
import { carryFor } from "./carry/return.ts";
import type { Gate } from "./admission/gate.ts";
import type { RequestOpening } from "./admission/opening.ts";
import { checkOrigin } from "./admission/origin.ts";
import { keepConnection } from "./http/http2.ts";
import { dropParsedHeaders } from "./http/parked-request.ts";
import type { TransportRequest } from "./http/request.ts";
import {
  kCarry,
  kContext,
  kEmitGuarded,
  kGate,
  kIsRequestUnseen,
  kNotices,
  kParkRequest,
  kRelay,
  kSessionDirectory,
} from "./keys.ts";
import type { ResolvedEngineOptions } from "./options.ts";
import { askForId } from "./random-id.ts";
import type { SessionRelay } from "./relay/relay.ts";
import { ERROR_CODES, type Refusal, createRefusal } from "./report/refusals.ts";
import { CHANNELS } from "./report/reports.ts";
import type { SessionDirectory } from "./session/directory.ts";
import type { SessionHost } from "./session/host.ts";
import { Session } from "./session/session.ts";
import { start } from "./session/start.ts";
import { isRequestable } from "./transports/registry.ts";
import type { TransportContext } from "./transports/context.ts";
import { USAGE_ERRORS, UsageError } from "./usage-errors.ts";

const log = createLog("engine");

/** The part of the engine that handshakes use. */
export interface HandshakeHost extends SessionHost, CorsHost {
  readonly clientsCount: number;
  readonly [kContext]: TransportContext;
  readonly [kGate]: Gate;
  readonly [kSessionDirectory]: SessionDirectory;
  readonly [kRelay]: SessionRelay | undefined;
  generateId(req: TransportRequest): string | number | PromiseLike<string | number>;
  /** Whether the program does not see the requests of handshakes. */
  [kIsRequestUnseen](): boolean;
  [kEmitGuarded](event: string, ...args: unknown[]): void;
}

type AnswerVerdict = (refusal: Refusal | undefined) => void;

/** Turns a request into a session: verifies it, generates an id, creates the transport. */
export class Handshakes {
  readonly #engine: HandshakeHost;
  readonly #options: ResolvedEngineOptions;

  constructor(engine: HandshakeHost, options: ResolvedEngineOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  /** Open sessions, plus WebSockets still in the closing handshake. Peers that never answer it keep counting. */
  get #connections(): number {
    return this.#engine.clientsCount + this.#engine[kContext].closing.size;
  }

  /** Verifies a request: it must match its session, or be a valid handshake. */
  verify(req: TransportRequest, isUpgrade: boolean, answer: AnswerVerdict): void {
    const { cors, checkOrigin: isChecked } = this.#options;
    const { transport } = req._query;
    if (!isRequestable(transport)) return answer(createRefusal(ERROR_CODES.UNKNOWN_TRANSPORT, { transport }));
    const refusal = this.#admit(req, isUpgrade);
    if (refusal) return answer(refusal);
    if (!(isUpgrade || isReadOnly(req)) || !cors || isChecked === false) return this.#verifyHandshake(req, answer);
    checkOrigin(req, cors, (isAllowed) => {
      if (isAllowed) return this.#verifyHandshake(req, answer);
      noteRefusedOrigin(this.#engine, req);
      answer(createRefusal(ERROR_CODES.FORBIDDEN, { name: "ORIGIN_NOT_ALLOWED", origin: req.headers.origin }));
    });
  }

  /** Verifies what stands for a request, of a connection that the program has passed in. */
  verifyPassedIn(req: TransportRequest, answer: AnswerVerdict): void {
    const refusal = this.#admit(req, true);
    if (refusal) answer(refusal);
    else this.#verifyHandshake(req, answer);
  }

  #admit(req: TransportRequest, isUpgrade: boolean): Refusal | undefined {
    const { transports } = this.#options;
    return admit(req, isUpgrade, { transports, session: (sid) => this.#engine[kSessionDirectory].find(sid) });
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

  /** Reports a failed function of the program. */
  #fail(handler: HandlerKind, error: unknown, how: FailureKind): void {
    reportFailure(this.#engine, error, { handler, how });
  }

  /** Opens a session for an admitted request: generates its id, creates its transport, emits `connection`. */
  open(opening: RequestOpening): void {
    const { req } = opening;
    const refused = (error: unknown): void =>
      opening.refuse(createRefusal(ERROR_CODES.BAD_REQUEST, { name: "ID_GENERATION_ERROR", error }));
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

  #open(id: string, opening: RequestOpening): void {
    const engine = this.#engine;
    const { req } = opening;
    // Other sessions may have opened meanwhile.
    const refusal = engine[kGate].recheck(req, this.#connections);
    if (refusal) return opening.refuse(refusal);
    const transport = opening.accept();
    if (!transport) return;
    keepConnection(req);
    if (engine[kRelay]?.isOwnId(id) === false)
      engine[kNotices].say("ID_WITHOUT_TAG", `${USAGE_ERRORS.ID_WITHOUT_TAG.message}.`);
    const session = new Session(id, engine, transport, req);
    if (log.enabled) log("handshaking client %s over %s, revision %d", id, transport.name, session.protocol);
    engine[kSessionDirectory].add(session);
    engine[kGate].add(session, req);
    if (CHANNELS.opened.hasSubscribers) CHANNELS.opened.publish({ session });
    session[kCarry] = carryFor(session, req._query, this.#options.carry);
    start(session);
    opening.begin(transport);
    engine[kEmitGuarded]("connection", session);
    if (!engine[kIsRequestUnseen]()) return;
    if (isReadOnly(req)) dropParsedHeaders(req);
    else session[kParkRequest]();
  }
}
