// Makes docs/errors.md from the tables of codes, or checks that it is what they make (`--check`). Runs on what was built.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { readComments } from "./error-comments.mjs";

const require = createRequire(import.meta.url);
const built = (path) => require(`../packages/${path}`);
const { ALL_CLOSE_CODES, DISCONNECT_CODES } = built("server/dist/socketio/report/close-codes.js");
const { ALL_LIMIT_CODES, RECOVERY_LIMITS } = built("server/dist/socketio/report/limit-codes.js");
const { REFUSALS } = built("server/dist/engine/report/refusals.js");
const { UPGRADE_FAILURES } = built("server/dist/engine/report/stats.js");
const { HANDLER_KINDS } = built("server/dist/base/handler-errors.js");
const { USAGE_ERRORS } = built("server/dist/engine/usage-errors.js");
const { SOCKETIO_ERRORS } = built("server/dist/socketio/report/errors.js");
const { CLUSTER_ERRORS, LINK_REFUSALS, WORKERS_ERRORS } = built("cluster/dist/index.js");
const { ENGINE_PARSER_ERRORS, SOCKET_PARSER_ERRORS } = built("parser/dist/errors.js");
const { readRetry } = built("parser/dist/engine/close-text.js");
const { VIOLATIONS } = built("websocket/dist/core/violations.js");
const { MISUSES } = built("websocket/dist/core/usage-error.js");
const { REQUEST_REFUSALS } = built("websocket/dist/core/handshake/handshake.js");
const { ANSWER_REFUSALS } = built("websocket/dist/core/handshake/client-handshake.js");
const { CONNECT_FAILURES } = built("websocket/dist/client/connect-error.js");

const cell = (text) => String(text).replaceAll("|", "\\|");
const code = (text) => `\`${text}\``;
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

/** A table of sentences and fixes. */
const texts = (rows) =>
  table(
    ["code", "what happened", "what to do"],
    Object.entries(rows).map(([name, { message, fix }]) => [code(name), message, fix]),
  );

/** The texts of a source whose table has none. */
const commentsOf = (path) => readComments(readFileSync(new URL(`../packages/${path}`, import.meta.url), "utf8"));

const CLIENT_ERRORS = ["socketio/errors.ts", "engine/errors.ts", "engine/transports/transport.ts"].map((path) =>
  commentsOf(`client/src/${path}`),
);
const PARSER_TEXTS = commentsOf("parser/src/errors.ts");

/** A parser's errors end the session with a close code, which says whether to connect again; the encoder's do not. */
/** The close codes of rules that are limits. */
const CLOSE_CODE_OF = { ENGINE_TOO_MANY_PACKETS: "TOO_MANY_PACKETS", ENGINE_PACKET_TOO_LARGE: "PAYLOAD_TOO_LARGE" };

function retryOfParser(name) {
  if (name === "SOCKET_UNENCODABLE_DEPTH") return "";
  if (name.startsWith("SOCKET_")) return ALL_CLOSE_CODES.INVALID_MESSAGE.retry;
  return ALL_CLOSE_CODES[CLOSE_CODE_OF[name] ?? "INVALID_PACKET"].retry;
}

const INVALID_OPTION = { message: "an option has an invalid value", fix: "give the value that the message asks for" };

const text = `# What does a code mean?

Search for it on this page: its row says what happened, and what to do. You read a code here:

| where                                                                | which codes                                                            |
| -------------------------------------------------------------------- | ---------------------------------------------------------------------- |
| server: \`socket.closeReason\`, \`session.closeReason\`                | [why a session ended](#why-a-session-ended)                            |
| server: \`io.engine.on("connection_error")\`, \`name\`                | [why a request was refused](#why-a-request-was-refused)                |
| server: \`io.engine.on("limit")\`                                    | [limits that a session survives](#limits-that-a-session-survives)      |
| server: \`error.code\` of what is thrown, or reported                | [Socket.IO](#errors-of-the-socketio-layer), [mistakes](#mistakes-of-the-program), [parsers](#what-the-parsers-refuse) |
| @portage/cluster: \`error.code\`, and \`refused\` of \`io.cluster\`   | [errors of the cluster](#errors-of-the-cluster)                        |
| client: \`details.code\` of \`disconnect\`                           | [why a session ended](#why-a-session-ended)                            |
| client: \`error.code\` of \`connect_error\`, acknowledgements, throws | [errors of the client](#errors-of-the-client)                          |
| both: \`cause\` of an end                                            | [parsers](#what-the-parsers-refuse), [WebSocket](#violations-of-websocket) |
| @portage/websocket: \`error.code\`                                  | [its errors](#errors-of-the-websocket-library), [violations](#violations-of-websocket) |

The limits themselves are in [limits](limits.md), symptoms in [why does it disconnect?](disconnects.md)

*Connect again?* says whether a client should: \`yes\` at once, \`later\` after a delay, \`no\` not before something is
mended. @portage/client reads it from the close code and passes it on as \`details.retry\`, and from the status of a refused
handshake as \`error.retry\` of \`connect_error\`. Browsers hide the status of a WebSocket handshake: there it is \`yes\`.

## Why a session ended

\`socket.closeReason\` and \`session.closeReason\` are records with \`reason\` (the classic string), \`code\`, \`message\`,
\`side\` (\`client\`, \`server\` or \`network\`: the side that caused it), \`description\` (the error, if there is one), \`cause\`
(its code), \`transport\`, \`heartbeatAge\` and \`loopLag\` (milliseconds), and \`limit\` and \`actual\` if a limit was exceeded.
They are set when \`disconnecting\`, \`disconnect\` and \`close\` are emitted.

A WebSocket client receives the close code of the table. The close reason is the code itself, then the numbers of a limit or
the code of the violated rule, then \`retry-after=<ms>\` if the client should wait: \`TOO_MANY_EVENTS: 6 of 5\`. A polling
client receives a close packet. It has the same data, \`11008 PING_TIMEOUT\`, if the handshake had \`reasons=1\`, as sent by
@portage/client; for other clients it is \`1\` alone. With @portage/client, you read the code as \`details.code\` in
\`socket.on("disconnect", (reason, details) => ...)\`.

${table(
  ["code", "reason", "side", "WebSocket", "what happened", "what to do", "connect again?"],
  Object.entries(ALL_CLOSE_CODES).map(([name, { reason, side, webSocketCode, message, fix, retry }]) => [
    code(name),
    reason,
    side,
    webSocketCode,
    message,
    fix,
    retry,
  ]),
)}

A socket can end before its session, without it, or with a session of another engine:

${table(
  ["code", "side", "what happened", "what to do", "connect again?"],
  Object.entries(DISCONNECT_CODES).map(([name, { side, message, fix, retry }]) => [
    code(name),
    side,
    message,
    fix,
    retry,
  ]),
)}

## Why a request was refused

\`io.engine.on("connection_error", ({ req, code, message, context, name, hint, fix }) => ...)\`. The client receives the status and
the JSON \`{ code, message }\`. With 503 it also receives \`retryAfter\` (milliseconds) and the header \`Retry-After\` (seconds).

${table(
  ["name", "code", "status", "message", "what happened", "what to do", "connect again?"],
  Object.entries(REFUSALS).map(([name, { code: number, status, message, hint, fix, retry }]) => [
    code(name),
    number,
    status,
    message,
    hint,
    fix,
    retry,
  ]),
)}

## Why an upgrade failed

The session stays on polling. \`io.stats().upgrades.failed\` counts by step, and the channel \`portage.upgrade.failed\` of
\`node:diagnostics_channel\` has the session.

${table(
  ["step", "what happened", "what to do"],
  Object.entries(UPGRADE_FAILURES).map(([name, { message, fix }]) => [code(name), message, fix]),
)}

## Limits that a session survives

\`io.engine.on("limit", ({ code, message, limit, actual, sid }) => ...)\`, counted in \`io.stats().limits\`.

${texts(ALL_LIMIT_CODES)}

## What recovery drops

\`io.stats().recovery.dropped\`, by the option of \`connectionStateRecovery\` that is reached.

${table(
  ["option", "what happened", "what to do"],
  Object.entries(RECOVERY_LIMITS).map(([name, { message, fix }]) => [code(name), message, fix]),
)}

## Errors of the Socket.IO layer

\`SocketIoError\`: thrown, passed to callbacks, or emitted as process warnings; also the text of HTTP responses.

${texts(SOCKETIO_ERRORS)}

## Functions of the program that fail

\`io.on("handler_error", (error, { handler }) => ...)\`; [more about them](handler-errors.md).

${table(
  ["handler", "what happened", "what to do"],
  Object.entries(HANDLER_KINDS).map(([name, { message, fix }]) => [code(name), message, fix]),
)}

## Mistakes of the program

\`UsageError\`, a \`TypeError\`: thrown by the call or the constructor with the invalid argument. Where the reference would
fail later, this fails at once.

${texts(USAGE_ERRORS)}

## Errors of the cluster

@portage/cluster: \`ClusterError\`, thrown by \`localCluster()\`, \`redisCluster()\` and the server that uses them, or emitted as \`error\` of
\`io.cluster\`. Refused requests are [above](#why-a-request-was-refused).

${texts(CLUSTER_ERRORS)}

\`WorkersError\`, thrown by \`runWorkers()\`, or emitted as \`failed\`:

${texts(WORKERS_ERRORS)}

Another process that does not belong to the cluster is reported as \`refused\` of \`io.cluster\`, with a code:

${texts(LINK_REFUSALS)}

## Errors of the client

@portage/client: \`ClientError\` of sockets and managers, \`EngineError\` and \`TransportError\` of the engine below. They are
emitted, passed to callbacks, or thrown.

${table(
  ["code", "what happened", "what to do", "connect again?"],
  CLIENT_ERRORS.flatMap(Object.entries).map(([name, { message, fix, retry }]) => [code(name), message, fix, retry]),
)}

## What the parsers refuse

\`ParserError\`. The session ends with \`INVALID_PACKET\` or \`TOO_MANY_PACKETS\` (the engine's), \`INVALID_MESSAGE\`
(Socket.IO's); the code is the \`cause\`. Unless the code names a limit, the client is usually not a Socket.IO client, or a
proxy changes its messages.

${table(
  ["code", "message", "what happened", "what to do", "connect again?"],
  Object.entries({ ...ENGINE_PARSER_ERRORS, ...SOCKET_PARSER_ERRORS }).map(([name, message]) => [
    code(name),
    message,
    PARSER_TEXTS[name].message,
    PARSER_TEXTS[name].fix,
    retryOfParser(name),
  ]),
)}

## Violations of WebSocket

\`WebSocketError\`. The session ends with \`PROTOCOL_VIOLATION\`, \`PAYLOAD_TOO_LARGE\` for 1009, or \`RECEIVE_BUDGET\` for
1013; the code is the \`cause\`.

${table(
  ["code", "close code", "what happened", "what to do", "connect again?"],
  Object.entries(VIOLATIONS).map(([name, { closeCode, message, fix }]) => [
    code(name),
    closeCode,
    message,
    fix,
    readRetry(closeCode),
  ]),
)}

## Errors of the WebSocket library

@portage/websocket throws a \`UsageError\`, or an \`OptionError\`, for a mistake of the program:

${texts({ ...MISUSES, WS_ERR_INVALID_OPTION: INVALID_OPTION })}

A server refuses requests with these codes, in the result of \`checkUpgrade()\` or \`checkConnect()\`, and as \`context.code\` of
\`TRANSPORT_HANDSHAKE_ERROR\`:

${table(
  ["code", "status", "what happened", "what to do"],
  Object.entries(REQUEST_REFUSALS).map(([name, { status, message, fix }]) => [code(name), status, message, fix]),
)}

A client that can not connect emits a \`ConnectError\`, or the error of the network or TLS. After a timeout it makes sense to
connect again; the other errors come back until something is mended.

${texts({ ...ANSWER_REFUSALS, ...CONNECT_FAILURES })}

\`scripts/errors-doc.mjs\` makes this page from the tables in the sources; \`npm run check\` fails when it is out of date.
`;

const file = fileURLToPath(new URL("../docs/errors.md", import.meta.url));
const formatted = await format(text, { ...(await resolveConfig(file)), filepath: file });
if (!process.argv.includes("--check")) {
  writeFileSync(file, formatted);
} else if (readFileSync(file, "utf8") !== formatted) {
  console.error("docs/errors.md is out of date: run `node scripts/errors-doc.mjs`");
  process.exit(1);
}
