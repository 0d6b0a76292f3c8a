// Makes docs/errors.md from the tables of codes, or checks that it is what they make (`--check`). Runs on what was built.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";

const require = createRequire(import.meta.url);
const built = (path) => require(`../packages/${path}`);
const { ALL_CLOSE_CODES, DISCONNECT_CODES } = built("server/dist/socketio/report/close-codes.js");
const { ALL_LIMIT_CODES } = built("server/dist/socketio/report/limit-codes.js");
const { REFUSALS } = built("server/dist/engine/report/refusals.js");
const { USAGE_ERRORS } = built("server/dist/engine/usage-errors.js");
const { SOCKETIO_ERRORS } = built("server/dist/socketio/report/errors.js");
const { ENGINE_PARSER_ERRORS, SOCKET_PARSER_ERRORS } = built("parser/dist/errors.js");
const { VIOLATIONS } = built("websocket/dist/core/violations.js");

const cell = (text) => String(text).replaceAll("|", "\\|");
const code = (text) => `\`${text}\``;
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

const text = `# Errors and codes

Made from the tables in the sources by \`scripts/errors-doc.mjs\`; \`npm run check\` fails when it is out of date.
What the limits are is in [limits.md](limits.md).

## Why a session ended

\`socket.closeReason\` and \`session.closeReason\` are records with \`reason\` (the classic string), \`code\`, \`message\`,
\`side\` (\`client\`, \`server\` or \`network\`: who brought it about), \`description\` (the error, if there is one), \`cause\` (its
code), \`transport\`, \`heartbeatAge\` and \`loopLag\` (milliseconds), and \`limit\` and \`actual\` where a limit was exceeded.
They are set when \`disconnecting\`, \`disconnect\` and \`close\` are emitted.

A WebSocket peer gets the close code of the table, and as reason the code itself, followed by the numbers of a limit or the
code of the rule that was broken, and by \`retry-after=<ms>\` if it is asked to wait: \`TOO_MANY_EVENTS: 6 of 5\`. A polling peer
gets a close packet. It has the same data, \`11008 PING_TIMEOUT\`, if the handshake said \`reasons=1\`, as @portage/client
does; else it is \`1\` alone. With @portage/client, programs read the code as \`details.code\` in
\`socket.on("disconnect", (reason, details) => ...)\`.

${table(
  ["code", "reason", "side", "WebSocket", "what happened"],
  Object.entries(ALL_CLOSE_CODES).map(([name, { reason, side, webSocketCode, message }]) => [
    code(name),
    reason,
    side,
    webSocketCode,
    message,
  ]),
)}

A socket can end while its session goes on, before it, or with a session of another engine:

${table(
  ["code", "side", "what happened"],
  Object.entries(DISCONNECT_CODES).map(([name, [side, message]]) => [code(name), side, message]),
)}

## Why a request was turned away

\`io.engine.on("connection_error", ({ req, code, message, context, name, hint }) => ...)\`. The client gets the status and, as
JSON, \`{ code, message }\`. With 503 it also gets \`retryAfter\` (milliseconds) and the header \`Retry-After\` (seconds).

${table(
  ["name", "code", "status", "message", "what may be wrong"],
  Object.entries(REFUSALS).map(([name, { code: number, status, message, hint }]) => [
    code(name),
    number,
    status,
    message,
    hint,
  ]),
)}

## Limits that a session survives

\`io.engine.on("limit", ({ code, message, limit, actual, sid }) => ...)\`, counted in \`io.stats().limits\`.

${table(
  ["code", "what happened"],
  Object.entries(ALL_LIMIT_CODES).map(([name, message]) => [code(name), message]),
)}

## Errors of the Socket.IO layer

\`SocketIoError\`: thrown, given to callbacks, or process warnings; and what HTTP answers say.

${table(
  ["code", "what happened"],
  Object.entries(SOCKETIO_ERRORS).map(([name, message]) => [code(name), message]),
)}

## Mistakes of the program

\`UsageError\`, a \`TypeError\`: thrown by the call or the constructor that got something it can't use. Where the reference
would fail later, this says so at once.

${table(
  ["code", "what happened"],
  Object.entries(USAGE_ERRORS).map(([name, message]) => [code(name), message]),
)}

## What the parsers refuse

\`ParserError\`. The session ends with \`INVALID_PACKET\` or \`TOO_MANY_PACKETS\` (the engine's), \`INVALID_MESSAGE\`
(Socket.IO's); the code is the \`cause\`.

${table(
  ["code", "what happened"],
  Object.entries({ ...ENGINE_PARSER_ERRORS, ...SOCKET_PARSER_ERRORS }).map(([name, message]) => [code(name), message]),
)}

## Violations of WebSocket

\`WebSocketError\`. The session ends with \`PROTOCOL_VIOLATION\`, or \`PAYLOAD_TOO_LARGE\` for 1009; the code is the \`cause\`.

${table(
  ["code", "close code", "what happened"],
  Object.entries(VIOLATIONS).map(([name, { closeCode, message }]) => [code(name), closeCode, message]),
)}
`;

const file = fileURLToPath(new URL("../docs/errors.md", import.meta.url));
const formatted = await format(text, { ...(await resolveConfig(file)), filepath: file });
if (!process.argv.includes("--check")) {
  writeFileSync(file, formatted);
} else if (readFileSync(file, "utf8") !== formatted) {
  console.error("docs/errors.md is out of date: run `node scripts/errors-doc.mjs`");
  process.exit(1);
}
