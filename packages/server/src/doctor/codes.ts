/**
 * The severity of a finding.
 *
 * - `ok`: works
 * - `note`: works, but is worth knowing
 * - `limit`: clients can connect, but something is slower, smaller or shorter than it could be
 * - `fail`: a way to connect does not work
 */
export type Level = "ok" | "note" | "limit" | "fail";

/** A way to connect. */
export type Way = "polling" | "websocket";

interface Kind {
  readonly level: Level;
  /** A template: the facts of the finding replace the names in braces. */
  readonly sentence: string;
  readonly breaks?: readonly Way[];
}

const BOTH: readonly Way[] = ["polling", "websocket"];
const POLLING: readonly Way[] = ["polling"];
const WEBSOCKET: readonly Way[] = ["websocket"];

const ok = (sentence: string): Kind => ({ level: "ok", sentence });
const note = (sentence: string): Kind => ({ level: "note", sentence });
const limit = (sentence: string): Kind => ({ level: "limit", sentence });
const failing = (breaks: readonly Way[], sentence: string): Kind => ({ level: "fail", breaks, sentence });

const TABLE = {
  // The network
  ADDRESS_FOUND: ok("{host} resolves to {addresses}"),
  ADDRESS_UNKNOWN: failing(BOTH, "{host} has no address: {failure}"),
  TCP_OPEN: ok("a TCP connection to {address}, port {port}, opens in {ms} ms"),
  TCP_PARTLY: limit("{dead} does not accept connections on port {port} ({failure}); {address} does"),
  TCP_PARTLY_LOOPBACK: note("the server listens on port {port} of {address}, but not of {dead}"),
  TCP_REFUSED: failing(BOTH, "nothing listens on port {port} of {address}"),
  TCP_TIMEOUT: failing(BOTH, "{address} does not answer on port {port} within {ms} ms"),
  TCP_FAILED: failing(BOTH, "the TCP connection to {address}, port {port}, fails: {failure}"),
  TLS_OK: ok("{protocol}; the certificate is valid for {days} more days"),
  TLS_EXPIRES_SOON: note("the certificate expires in {days} days"),
  TLS_UNTRUSTED: failing(BOTH, "clients do not trust the certificate: {failure}"),
  TLS_NOT_SPOKEN: failing(BOTH, "port {port} does not speak TLS ({failure})"),

  // The polling handshake
  HANDSHAKE_OK: ok(
    "the server opens a session in {ms} ms, pings every {pingInterval} ms, and accepts messages of {maxPayload} bytes",
  ),
  NO_UPGRADE_OFFERED: limit(
    "the server does not offer the upgrade to WebSocket: clients that start with polling stay on it",
  ),
  REDIRECTED: limit("requests to {from} are redirected to {to}; the rest of this report is about {to}"),
  REDIRECTED_TO_TLS: limit("http requests are redirected to {to}; the rest of this report is about {to}"),
  REDIRECT_LOOP: failing(BOTH, "requests are redirected endlessly, finally to {to}"),
  PATH_ELSEWHERE: failing(
    BOTH,
    "there is no Socket.IO server at {path} (status {status}), but there is one at {found}",
  ),
  PATH_UNKNOWN: failing(BOTH, "a different server answers at {path}: status {status}, {type}{server}"),
  TLS_EXPECTED: failing(BOTH, "port {port} speaks TLS, but the URL says http"),
  EIO3_ONLY: failing(BOTH, "the server speaks Engine.IO revision 3 only, as Socket.IO 1 and 2 do"),
  EIO4_REFUSED: failing(BOTH, "the server refuses Engine.IO revision 4: {text}"),
  POLLING_OFF: failing(POLLING, "the server does not offer polling"),
  HANDSHAKE_FORBIDDEN: failing(POLLING, "the handshake is refused with {status}: {text}"),
  HANDSHAKE_BAD_GATEWAY: failing(POLLING, "a proxy{server} answers {status}: it can't reach the server behind it"),
  HANDSHAKE_REFUSED: failing(POLLING, "the handshake is answered with {status}{server}: {text}"),
  HANDSHAKE_TIMEOUT: failing(POLLING, "the handshake is not answered within {ms} ms"),
  HANDSHAKE_CUT: failing(POLLING, "the connection ends before the handshake is answered: {failure}"),

  // Polling
  STICKY_OK: ok("all {count} requests on {count} connections reach the session"),
  STICKY_BY_COOKIE: limit("requests reach the session only with the cookie {cookie} of the balancer"),
  NOT_STICKY: failing(
    POLLING,
    "{lost} of {count} requests do not reach the session: the balancer before several servers is not sticky",
  ),
  CORS_OK: ok("pages of {origin} may connect"),
  CORS_MISSING: limit("browsers block polling by pages of {origin}: the answer has no CORS header"),
  CORS_OTHER_ORIGIN: limit("browsers block polling by pages of {origin}: the server allows {allowed}"),
  CORS_DOUBLED: limit("browsers block polling by pages of {origin}: the answer has two CORS headers ({allowed})"),
  CORS_NO_CREDENTIALS: note("pages of {origin} may connect, but without cookies (withCredentials)"),
  CORS_PREFLIGHT_REFUSED: limit("the preflight request for pages of {origin} is answered with {status}"),
  POST_OK: ok("a POST is answered in {ms} ms during a poll, and the poll delivers at once"),
  POST_FAILED: failing(POLLING, "a POST is answered with {status}{server}: {text}"),
  POST_BLOCKED: failing(POLLING, "a POST is not answered during a poll: {failure}"),
  POLL_FAILED: failing(POLLING, "a poll is answered with {status}{server}: {text}"),
  RESPONSE_HELD_BACK: limit("answers arrive {ms} ms late: a proxy on the way buffers them"),
  RESPONSE_SWALLOWED: failing(POLLING, "the answer to a poll does not arrive, although the server sent it"),
  NAMESPACE_JOINED: ok("clients can join the namespace {namespace}"),
  NAMESPACE_REFUSED: note("the application refuses this client in the namespace {namespace}: {text}"),
  NAMESPACE_SILENT: note("the namespace {namespace} does not answer: this may be Engine.IO without Socket.IO"),
  BODY_OK: ok("a POST of {bytes} bytes passes, as the server allows"),
  BODY_LIMITED: limit(
    "a POST of {refused} bytes is answered with {status}{server}, although the server allows {maxPayload}; {passed} bytes pass",
  ),
  BODY_CUT: limit(
    "the connection ends at a POST of {refused} bytes ({failure}), although the server allows {maxPayload}; {passed} bytes pass",
  ),
  COMPRESSION_NONE: ok("small answers are not compressed"),
  COMPRESSION_OK: note("even small answers are compressed with {encoding}"),
  COMPRESSION_BROKEN: failing(POLLING, "an answer claims to be compressed with {encoding}, but is not"),
  STREAM_OFF: ok("the server answers each poll once: a client on polling sends a request for each message"),
  STREAM_OK: ok("an answer to a poll arrives bit by bit, the first part after {ms} ms"),
  STREAM_HELD_BACK: note(
    "a proxy{by} holds parts of an answer back for {ms} ms: a client on polling sends a request for each message",
  ),

  // WebSocket
  WEBSOCKET_OK: ok("a WebSocket opens in {ms} ms and carries messages{compression}"),
  HANDSHAKE_BY_HTTP_1_0: note(
    "a proxy forwards the WebSocket handshake as HTTP/1.0: this server accepts it, most others do not",
  ),
  WEBSOCKET_OFF: failing(WEBSOCKET, "the server does not offer WebSocket"),
  WEBSOCKET_STRIPPED: failing(
    WEBSOCKET,
    "a proxy removes the Upgrade header: the server gets the WebSocket handshake as an ordinary request",
  ),
  WEBSOCKET_FORBIDDEN: failing(WEBSOCKET, "the WebSocket handshake is refused with {status}: {text}"),
  WEBSOCKET_UPGRADE_REQUIRED: failing(WEBSOCKET, "the WebSocket handshake is answered with 426{server}: {text}"),
  WEBSOCKET_BAD_GATEWAY: failing(WEBSOCKET, "a proxy{server} answers the WebSocket handshake with {status}"),
  WEBSOCKET_REFUSED: failing(WEBSOCKET, "the WebSocket handshake is answered with {status}{server}: {text}"),
  WEBSOCKET_TIMEOUT: failing(WEBSOCKET, "the WebSocket handshake is not answered within {ms} ms"),
  WEBSOCKET_CUT: failing(WEBSOCKET, "the WebSocket handshake fails: {failure}"),
  WEBSOCKET_SILENT: failing(WEBSOCKET, "the WebSocket handshake succeeds, but no message arrives within {ms} ms"),
  WEBSOCKET_MESSAGE_CUT: limit(
    "a message of {bytes} bytes ends the WebSocket ({code}), although the server allows {maxPayload}",
  ),
  UPGRADE_OK: ok("a session moves from polling to WebSocket in {ms} ms"),
  UPGRADE_NOT_STICKY: limit("the WebSocket does not reach the session that it should upgrade"),
  UPGRADE_FAILED: limit("sessions stay on polling: the upgrade fails ({failure})"),
  HTTP2_OFF: ok("the server does not offer HTTP/2: the pages of a browser share six connections, besides WebSockets"),
  HTTP2_OK: ok("the server offers HTTP/2 without WebSocket: browsers open WebSockets over HTTP/1.1"),
  HTTP2_WEBSOCKET_OK: ok("a WebSocket opens over HTTP/2 in {ms} ms"),
  HTTP2_WEBSOCKET_REFUSED: failing(
    WEBSOCKET,
    "the server offers WebSocket over HTTP/2, but answers with {failure}: browsers have no WebSocket",
  ),
  HTTP2_FAILED: limit("the server offers HTTP/2, but the connection fails: {failure}"),

  // Time
  HELD_OK: ok("a poll and a WebSocket stay open for {seconds} s without traffic"),
  POLL_CUT: limit("a poll ends after {seconds} s ({failure}), before the server answers it"),
  WEBSOCKET_IDLE_CUT: limit("an idle WebSocket ends after {seconds} s, without a close frame from the server"),
  SESSION_CLOSED: note("the server closes an idle session after {seconds} s"),
} as const satisfies Record<string, Kind>;

/** The stable name of a finding. */
export type Code = keyof typeof TABLE;

/** All findings of the doctor: their level, sentence, and the ways to connect that they break. */
export const CODES: Readonly<Record<Code, Kind>> = TABLE;
