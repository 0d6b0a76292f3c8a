/**
 * How bad something is.
 *
 * - `ok`: works
 * - `note`: works, and is worth knowing
 * - `limit`: clients can connect, but something is slower, smaller or shorter than it could be
 * - `fail`: a way to connect does not work
 */
export type Level = "ok" | "note" | "limit" | "fail";

/** A way to connect. */
export type Way = "polling" | "websocket";

interface Kind {
  readonly level: Level;
  /** Names in braces are replaced by the facts of the finding. */
  readonly sentence: string;
  readonly breaks?: readonly Way[];
}

const BOTH: readonly Way[] = ["polling", "websocket"];
const POLLING: readonly Way[] = ["polling"];
const WEBSOCKET: readonly Way[] = ["websocket"];

const ok = (sentence: string): Kind => ({ level: "ok", sentence });
const note = (sentence: string): Kind => ({ level: "note", sentence });
const limit = (sentence: string): Kind => ({ level: "limit", sentence });
const fail = (breaks: readonly Way[], sentence: string): Kind => ({ level: "fail", breaks, sentence });

const TABLE = {
  // The network
  ADDRESS_FOUND: ok("{host} is {addresses}"),
  ADDRESS_UNKNOWN: fail(BOTH, "{host} has no address: {failure}"),
  TCP_OPEN: ok("a TCP connection to {address}, port {port}, opens in {ms} ms"),
  TCP_PARTLY: limit("{dead} accepts no connection on port {port} ({failure}); {address} does"),
  TCP_PARTLY_LOOPBACK: note("only {address} is listened to on port {port}; {dead} is not"),
  TCP_REFUSED: fail(BOTH, "nothing listens on port {port} of {address}"),
  TCP_TIMEOUT: fail(BOTH, "{address} does not answer on port {port} within {ms} ms"),
  TCP_FAILED: fail(BOTH, "no TCP connection to {address}, port {port}: {failure}"),
  TLS_OK: ok("{protocol}; the certificate is valid for {days} more days"),
  TLS_EXPIRES_SOON: note("the certificate is valid for {days} more days only"),
  TLS_UNTRUSTED: fail(BOTH, "clients will not trust the certificate: {failure}"),
  TLS_NOT_SPOKEN: fail(BOTH, "port {port} does not speak TLS ({failure})"),

  // The polling handshake
  HANDSHAKE_OK: ok(
    "the server opens a session in {ms} ms; it pings every {pingInterval} ms and takes messages of {maxPayload} bytes",
  ),
  NO_UPGRADE_OFFERED: limit("the server offers no upgrade to WebSocket: clients that start with polling stay there"),
  REDIRECTED: limit("requests to {from} are redirected to {to}; the rest of this report is about {to}"),
  REDIRECTED_TO_TLS: limit("http requests are redirected to {to}; the rest of this report is about {to}"),
  REDIRECT_LOOP: fail(BOTH, "requests are redirected without end, at last to {to}"),
  PATH_ELSEWHERE: fail(BOTH, "nobody answers for Socket.IO at {path} (status {status}), but somebody does at {found}"),
  PATH_UNKNOWN: fail(BOTH, "another server answers at {path}: status {status}, {type}{server}"),
  TLS_EXPECTED: fail(BOTH, "port {port} speaks TLS, but the URL says http"),
  EIO3_ONLY: fail(BOTH, "the server speaks Engine.IO revision 3 only, as Socket.IO 1 and 2 do"),
  EIO4_REFUSED: fail(BOTH, "the server refuses Engine.IO revision 4: {text}"),
  POLLING_OFF: fail(POLLING, "the server does not offer polling"),
  HANDSHAKE_FORBIDDEN: fail(POLLING, "the handshake is refused with {status}: {text}"),
  HANDSHAKE_BAD_GATEWAY: fail(POLLING, "a proxy{server} answers {status}: it does not reach the server behind it"),
  HANDSHAKE_REFUSED: fail(POLLING, "the handshake is answered with {status}{server}: {text}"),
  HANDSHAKE_TIMEOUT: fail(POLLING, "the handshake is not answered within {ms} ms"),
  HANDSHAKE_CUT: fail(POLLING, "the connection ended before the handshake was answered: {failure}"),

  // Polling
  STICKY_OK: ok("{count} requests on {count} connections all reached the session"),
  STICKY_BY_COOKIE: limit("requests reach the session only with the cookie {cookie} of the balancer"),
  NOT_STICKY: fail(
    POLLING,
    "{lost} of {count} requests did not reach the session: there are several servers, and a balancer without stickiness",
  ),
  CORS_OK: ok("pages of {origin} may connect"),
  CORS_MISSING: limit("no CORS header: browsers keep pages of {origin} from polling"),
  CORS_OTHER_ORIGIN: limit("browsers keep pages of {origin} from polling: the server allows {allowed}"),
  CORS_DOUBLED: limit("browsers keep pages of {origin} from polling: two CORS headers came ({allowed})"),
  CORS_NO_CREDENTIALS: note("pages of {origin} may connect, but without cookies (withCredentials)"),
  CORS_PREFLIGHT_REFUSED: limit("the preflight of pages of {origin} is answered with {status}"),
  POST_OK: ok("a POST is answered in {ms} ms while a poll waits, and the poll delivers at once"),
  POST_FAILED: fail(POLLING, "a POST is answered with {status}{server}: {text}"),
  POST_BLOCKED: fail(POLLING, "a POST is not answered while a poll waits: {failure}"),
  POLL_FAILED: fail(POLLING, "a poll is answered with {status}{server}: {text}"),
  RESPONSE_HELD_BACK: limit("answers come {ms} ms late: something on the way holds them back"),
  RESPONSE_SWALLOWED: fail(POLLING, "the answer to a waiting poll does not come, though the server has given it"),
  NAMESPACE_JOINED: ok("the namespace {namespace} lets clients in"),
  NAMESPACE_REFUSED: note("the application refuses to let this client into {namespace}: {text}"),
  NAMESPACE_SILENT: note("nobody answers for the namespace {namespace}: this may be Engine.IO without Socket.IO"),
  BODY_OK: ok("a POST of {bytes} bytes passes, as the server allows"),
  BODY_LIMITED: limit(
    "a POST of {refused} bytes is answered with {status}{server}, though the server allows {maxPayload}; {passed} bytes pass",
  ),
  BODY_CUT: limit(
    "the connection ends at a POST of {refused} bytes ({failure}), though the server allows {maxPayload}; {passed} bytes pass",
  ),
  COMPRESSION_NONE: ok("small answers are not compressed"),
  COMPRESSION_OK: note("even small answers are compressed with {encoding}"),
  COMPRESSION_BROKEN: fail(POLLING, "an answer says it is compressed with {encoding}, and is not"),

  // WebSocket
  WEBSOCKET_OK: ok("a WebSocket opens in {ms} ms and carries messages{compression}"),
  HANDSHAKE_BY_HTTP_1_0: note(
    "a proxy sends the WebSocket handshake on as HTTP/1.0: this server takes it, most others do not",
  ),
  WEBSOCKET_OFF: fail(WEBSOCKET, "the server does not offer WebSocket"),
  WEBSOCKET_STRIPPED: fail(
    WEBSOCKET,
    "the server got the WebSocket handshake as a common request: a proxy has removed the Upgrade header",
  ),
  WEBSOCKET_FORBIDDEN: fail(WEBSOCKET, "the WebSocket handshake is refused with {status}: {text}"),
  WEBSOCKET_UPGRADE_REQUIRED: fail(WEBSOCKET, "the WebSocket handshake is answered with 426{server}: {text}"),
  WEBSOCKET_BAD_GATEWAY: fail(WEBSOCKET, "a proxy{server} answers the WebSocket handshake with {status}"),
  WEBSOCKET_REFUSED: fail(WEBSOCKET, "the WebSocket handshake is answered with {status}{server}: {text}"),
  WEBSOCKET_TIMEOUT: fail(WEBSOCKET, "the WebSocket handshake is not answered within {ms} ms"),
  WEBSOCKET_CUT: fail(WEBSOCKET, "the WebSocket handshake fails: {failure}"),
  WEBSOCKET_SILENT: fail(WEBSOCKET, "the WebSocket handshake succeeds, but no message comes through within {ms} ms"),
  WEBSOCKET_MESSAGE_CUT: limit(
    "a message of {bytes} bytes ends the WebSocket ({code}), though the server allows {maxPayload}",
  ),
  UPGRADE_OK: ok("a session moves from polling to WebSocket in {ms} ms"),
  UPGRADE_NOT_STICKY: limit("a WebSocket does not reach the session that it is to upgrade"),
  UPGRADE_FAILED: limit("sessions stay on polling: the upgrade fails ({failure})"),

  // Time
  HELD_OK: ok("a poll and a WebSocket without traffic were held for {seconds} s"),
  POLL_CUT: limit("a waiting poll was ended after {seconds} s ({failure}), before the server had anything to say"),
  WEBSOCKET_IDLE_CUT: limit("a WebSocket without traffic was cut after {seconds} s, without a word of the server"),
  SESSION_CLOSED: note("the server closed a quiet session after {seconds} s"),
} as const satisfies Record<string, Kind>;

/** A stable name of something that the doctor can find. */
export type Code = keyof typeof TABLE;

/** Everything that the doctor can find: its level, its sentence, and the ways to connect that it breaks. */
export const CODES: Readonly<Record<Code, Kind>> = TABLE;
