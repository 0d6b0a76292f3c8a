import type { Context, Step } from "../context.ts";
import { type Finding, finding } from "../finding.ts";
import { packetsOf, PollingSession } from "../polling-session.ts";
import { factsOf, type Reply } from "../request.ts";
import { WebSocketSession } from "../websocket-session.ts";

/** Idle connections: do a poll and a WebSocket stay open without traffic? */
export const hold: Step = {
  name: "quiet",
  title: "Holding a poll and a WebSocket without traffic",
  applies: (context) => context.hold > 0,
  async run(context) {
    const held = await Promise.all([
      context.works("polling") ? holdPoll(context) : undefined,
      context.works("websocket") ? holdWebSocket(context) : undefined,
    ]);
    const findings = held.filter((finding) => finding !== undefined);
    return findings.length > 0 ? findings : [finding("HELD_OK", { seconds: seconds(context.hold) })];
  },
};

/** Polls again and again until the time is over. */
async function holdPoll(context: Context): Promise<Finding | undefined> {
  const session = await PollingSession.open(context);
  if (!(session instanceof PollingSession)) return finding("POLL_CUT", { ...factsOf(session), ...about(0) });
  const end = context.clock.now() + context.hold;
  for (let left = context.hold; left > 0; left = end - context.clock.now()) {
    const reply = await session.poll(left);
    if (reply.failure === "timeout") return undefined;
    const packets = packetsOf(reply);
    if (packets === undefined) return finding("POLL_CUT", { ...factsOf(reply), ...about(lasted(reply)) });
    if (packets.some(({ type }) => type === "close")) return finding("SESSION_CLOSED", about(lasted(reply)));
    if (packets.some(({ type }) => type === "ping")) await session.post("3");
  }
  await session.close();
  return undefined;
}

const lasted = (reply: Reply): number => reply.endAfter;

async function holdWebSocket(context: Context): Promise<Finding | undefined> {
  const session = await WebSocketSession.open(context);
  // An earlier step opened one successfully, so this is a network failure.
  if (!(session instanceof WebSocketSession)) return finding("WEBSOCKET_IDLE_CUT", about(0));
  const ending = await Promise.race([session.ended, context.pause(context.hold).then(() => undefined)]);
  session.close();
  if (ending === undefined) return undefined;
  // A server sends a close frame when it ends a session; a proxy that cuts an idle connection does not.
  return finding(ending.code === 1006 ? "WEBSOCKET_IDLE_CUT" : "SESSION_CLOSED", about(ending.quietFor));
}

/** Returns a time in seconds, and a pingInterval that is short enough. */
function about(ms: number): { seconds: number; suggestion: number } {
  return { seconds: seconds(ms), suggestion: Math.round(ms * 0.6) };
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10;
