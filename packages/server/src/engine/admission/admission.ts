/*
 * Admission: checks of requests and origins, the gate with its limits, `allowRequest`, responses to refused requests.
 * Knows: requests, refusals, the protocol and transport of a session.
 * Must not know: sessions after they have opened.
 */
import type { IncomingMessage } from "node:http";
import { type OnFailure, runChain } from "../../base/guarded.ts";
import { runNextTick } from "../../base/turn.ts";
import { type Carry, isReturn } from "../carry/carry.ts";
import type { TransportRequest } from "../http/request.ts";
import { kCarry } from "../keys.ts";
import { isInvited } from "./invitation.ts";
import { ERROR_CODES, ERROR_MESSAGES, type Refusal, createRefusal } from "../report/refusals.ts";
import { carrierOf } from "../transports/registry.ts";

/** Decides whether a request may open a session: call `callback(null, true)` or `callback("reason", false)`. */
export type AllowRequest = (
  req: IncomingMessage,
  callback: (error: string | null | undefined, success: boolean) => void,
) => void;

/** The part of a session that admission reads. */
export interface AdmittedSession {
  readonly protocol: 3 | 4;
  readonly transport: { readonly name: string };
  readonly [kCarry]?: Pick<Carry, "refusalOf" | "recordStamp"> | undefined;
}

export interface AdmissionRules {
  readonly transports: readonly string[];
  session(sid: string): AdmittedSession | undefined;
}

/** Characters forbidden in header values (RFC 9110, section 5.5): all control characters but the tab. */
// oxlint-disable-next-line no-control-regex -- they are what it looks for
const INVALID_HEADER_CHARACTER = /[^\t\u0020-\u007e\u0080-\u00ff]/;

/** Checks a request before the program's own functions run. Returns undefined if it may pass. */
export function admit(req: TransportRequest, isUpgrade: boolean, rules: AdmissionRules): Refusal | undefined {
  const { transport, sid } = req._query;
  if (!transport || !(rules.transports.includes(transport) || isInvited(req)))
    return createRefusal(ERROR_CODES.UNKNOWN_TRANSPORT, { transport });
  const { origin } = req.headers;
  if (origin !== undefined && INVALID_HEADER_CHARACTER.test(origin)) {
    delete req.headers.origin;
    return createRefusal(ERROR_CODES.BAD_REQUEST, { name: "INVALID_ORIGIN", origin });
  }
  return sid ? admitToSession(req, isUpgrade, rules, sid) : admitHandshake(req, isUpgrade);
}

function admitToSession(
  req: TransportRequest,
  isUpgrade: boolean,
  rules: AdmissionRules,
  sid: string,
): Refusal | undefined {
  const { transport } = req._query;
  const session = rules.session(sid);
  if (!session) return createRefusal(ERROR_CODES.UNKNOWN_SID, { sid });
  const previousTransport = session.transport.name;
  const isComingBack = session[kCarry] !== undefined && isReturn(req._query);
  if (isComingBack && req.method !== "GET" && !isConnect(req, isUpgrade))
    return createRefusal(ERROR_CODES.BAD_HANDSHAKE_METHOD, { method: req.method });
  if (!isUpgrade && !isComingBack && previousTransport !== transport) {
    return createRefusal(ERROR_CODES.BAD_REQUEST, { name: "TRANSPORT_MISMATCH", transport, previousTransport });
  }
  if (!isUpgrade && carrierOf(transport) === "stream") {
    return createRefusal(ERROR_CODES.BAD_REQUEST, { name: "TRANSPORT_HANDSHAKE_ERROR" });
  }
  if (carrierOf(transport) === "answer") {
    return createRefusal(ERROR_CODES.BAD_REQUEST, { name: "TRANSPORT_MISMATCH", transport, previousTransport });
  }
  const protocol = revisionOf(req);
  if (protocol !== session.protocol) {
    return createRefusal(ERROR_CODES.BAD_REQUEST, {
      name: "PROTOCOL_MISMATCH",
      protocol,
      previousProtocol: session.protocol,
    });
  }
  const refusal = refuseByCarry(session, req);
  if (refusal || isUpgrade || isComingBack || !repeatsStamp(session, req)) return refusal;
  return createRefusal(ERROR_CODES.BAD_REQUEST, { name: "CARRY_TURN", sid });
}

/** Records the stamp of a poll or a POST of a carried session. Returns whether the one before had the same. */
function repeatsStamp({ [kCarry]: carry }: AdmittedSession, { method, _query: { t } }: TransportRequest): boolean {
  const isPollOrPost = method === "GET" || method === "POST";
  return carry !== undefined && isPollOrPost && t !== undefined && carry.recordStamp(method, t);
}

/** Refuses a request that a carried session can't take: one of a transport that was left, or a return that can't succeed. */
export function refuseByCarry(
  { [kCarry]: carry }: Pick<AdmittedSession, typeof kCarry>,
  { _query: query }: TransportRequest,
): Refusal | undefined {
  const name = carry?.refusalOf(query);
  return name && createRefusal(ERROR_CODES.BAD_REQUEST, { name, sid: query["sid"] });
}

/** Whether it is a WebSocket handshake over HTTP/2: a CONNECT (RFC 8441). */
function isConnect(req: TransportRequest, isUpgrade: boolean): boolean {
  return isUpgrade && req.httpVersionMajor === 2 && req.method === "CONNECT";
}

function admitHandshake(req: TransportRequest, isUpgrade: boolean): Refusal | undefined {
  if (isReadOnly(req) && req.method !== "GET")
    return createRefusal(ERROR_CODES.BAD_HANDSHAKE_METHOD, { name: "METHOD_NOT_ALLOWED", method: req.method });
  if (req.method !== "GET" && !isConnect(req, isUpgrade))
    return createRefusal(ERROR_CODES.BAD_HANDSHAKE_METHOD, { method: req.method });
  if (!isUpgrade && carrierOf(req._query["transport"]) === "stream") {
    return createRefusal(ERROR_CODES.BAD_REQUEST, { name: "TRANSPORT_HANDSHAKE_ERROR" });
  }
  return undefined;
}

/** Checks the protocol revision of a handshake, last of all. Revision 3 needs `allowEIO3`. */
export function admitRevision(req: TransportRequest, allowEIO3: boolean): Refusal | undefined {
  const protocol = revisionOf(req);
  return protocol === 4 || allowEIO3
    ? undefined
    : createRefusal(ERROR_CODES.UNSUPPORTED_PROTOCOL_VERSION, { protocol });
}

/** Whether the client of a request can only read. */
export function isReadOnly(req: TransportRequest): boolean {
  return carrierOf(req._query["transport"]) === "answer";
}

/** Returns the Engine.IO revision of a request: anything but `EIO=4` is revision 3, unless its transport has no other. */
function revisionOf(req: TransportRequest): 3 | 4 {
  return req._query["EIO"] === "4" || isReadOnly(req) ? 4 : 3;
}

/** Receives the outcome of `allowRequest`. */
export interface Permission {
  readonly answer: (refusal: Refusal | undefined) => void;
  /** Called if it throws or its promise rejects. */
  readonly onFailure: OnFailure;
}

/** Calls `allowRequest`; an exception or a rejection refuses the request. */
export function askPermission(
  req: IncomingMessage,
  allowRequest: AllowRequest | undefined,
  { answer, onFailure }: Permission,
): void {
  if (!allowRequest) return answer(undefined);
  runChain<[IncomingMessage]>({
    links: [
      (_, next) =>
        allowRequest(req, (message, success) =>
          next(success ? undefined : createRefusal(ERROR_CODES.FORBIDDEN, { message })),
        ),
    ],
    subject: [req],
    // In its own tick, so that errors thrown later are not blamed on allowRequest.
    onEnd: (refusal) => runNextTick(answer, refusal as Refusal | undefined),
    onFailure,
    endOf: (error) => createRefusal(ERROR_CODES.FORBIDDEN, { message: ERROR_MESSAGES[ERROR_CODES.FORBIDDEN], error }),
  });
}
