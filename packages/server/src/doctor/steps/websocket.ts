import type { Context, Step } from "../context.ts";
import { type Finding, finding } from "../finding.ts";
import { parseHandshake, PollingSession } from "../polling-session.ts";
import { factsOf, refusalCode, type Reply } from "../request.ts";
import { WebSocketSession } from "../websocket-session.ts";
import { isUnknownSession } from "./stickiness.ts";

/** The largest message to try, in bytes. */
const LARGEST_MESSAGE = 10_000_000;

/** A session over WebSocket alone: the handshake, then messages. */
export const websocket: Step = {
  name: "websocket",
  title: "Opening a WebSocket",
  needs: "websocket",
  async run(context) {
    const session = await WebSocketSession.open(context);
    if (!(session instanceof WebSocketSession)) return [explainRefusal(session)];
    try {
      return await examine(context, session);
    } finally {
      session.close();
    }
  },
};

async function examine(context: Context, session: WebSocketSession): Promise<readonly Finding[]> {
  const open = await session.next(({ type }) => type === "open");
  const handshake = open && parseHandshake(open.data);
  if (handshake === undefined || !(await session.echoes())) {
    return [finding("WEBSOCKET_SILENT", { ms: context.timeout })];
  }
  context.handshake ??= handshake;
  const { extensions } = session.socket;
  const compression = extensions === "" ? "" : `, compressed with ${extensions}`;
  const works = finding("WEBSOCKET_OK", { ms: session.openedAfter, compression });
  const notes = session.handshakeVersion === "HTTP/1.0" ? [finding("HANDSHAKE_BY_HTTP_1_0")] : [];
  return [works, ...notes, ...(await sendLargest(session, handshake.maxPayload))];
}

/** Sends one message of the largest size, then a ping. */
async function sendLargest(session: WebSocketSession, maxPayload: number): Promise<readonly Finding[]> {
  const bytes = Math.min(maxPayload, LARGEST_MESSAGE);
  session.send("6".padEnd(bytes, "x"));
  if (await session.echoes()) return [];
  session.close();
  const { code } = await session.ended;
  return [finding("WEBSOCKET_MESSAGE_CUT", { bytes, maxPayload, code })];
}

/** Explains a refused WebSocket handshake. */
function explainRefusal(reply: Reply): Finding {
  const facts = factsOf(reply);
  const refusal = refusalCode(reply);
  if (reply.failure === "timeout") return finding("WEBSOCKET_TIMEOUT", facts);
  if (reply.failure !== undefined) return finding("WEBSOCKET_CUT", facts);
  if (refusal === 0) return finding("WEBSOCKET_OFF");
  // "Bad request": a request for the transport "websocket" without an Upgrade header.
  if (refusal === 3) return finding("WEBSOCKET_STRIPPED", facts);
  if (reply.status === 401 || reply.status === 403) return finding("WEBSOCKET_FORBIDDEN", facts);
  if (reply.status === 426) return finding("WEBSOCKET_UPGRADE_REQUIRED", facts);
  if (reply.status >= 502 && reply.status <= 504) return finding("WEBSOCKET_BAD_GATEWAY", facts);
  return finding("WEBSOCKET_REFUSED", facts);
}

/** A session that starts with polling and moves to WebSocket, as clients do by default. */
export const upgrade: Step = {
  name: "upgrade",
  title: "Moving a session from polling to WebSocket",
  needs: "websocket",
  applies: (context) => context.works("polling") && (context.handshake?.upgrades.includes("websocket") ?? false),
  async run(context) {
    const polling = await PollingSession.open(context);
    if (!(polling instanceof PollingSession)) return [finding("UPGRADE_FAILED", factsOf(polling))];
    const started = context.clock.now();
    const candidate = await WebSocketSession.open(context, { sid: polling.handshake.sid });
    if (!(candidate instanceof WebSocketSession)) {
      await polling.close();
      if (isUnknownSession(candidate)) return [finding("UPGRADE_NOT_STICKY")];
      return [finding("UPGRADE_FAILED", factsOf(candidate))];
    }
    const failure = await move(polling, candidate);
    candidate.close();
    if (failure !== undefined) return [finding("UPGRADE_FAILED", { failure })];
    return [finding("UPGRADE_OK", { ms: Math.round(context.clock.now() - started) })];
  },
};

/** Probes, ends the poll and commits, as in the protocol. Resolves with the failure, or undefined. */
async function move(polling: PollingSession, candidate: WebSocketSession): Promise<string | undefined> {
  const poll = polling.poll();
  candidate.send("2probe");
  if ((await candidate.next(({ type }) => type === "pong")) === undefined) return "no answer to the probe";
  const { status, failure } = await poll;
  if (status !== 200) return `the waiting poll: ${failure ?? status}`;
  candidate.send("5");
  return (await candidate.echoes()) ? undefined : "the WebSocket ended at its commit";
}
