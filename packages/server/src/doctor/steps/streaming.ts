import type { IncomingHttpHeaders } from "node:http";
import type { Context, Step } from "../context.ts";
import { type Finding, finding } from "../finding.ts";
import { PollingSession } from "../polling-session.ts";
import { factsOf, sendRequest } from "../request.ts";

/** Bytes of the comment to ask for, as clients do. */
const COMMENT_BYTES = 2049;

/** Milliseconds after which clients go on with plain polls, or four round trips. */
const CLIENT_PATIENCE = 150;

/** Milliseconds after which the answer counts as held back as a whole. */
const LONGEST_WAIT = 1000;

/** Whether an answer to a poll arrives as the server writes it, packet by packet. */
export const streaming: Step = {
  name: "streaming",
  title: "Reading an answer bit by bit",
  needs: "polling",
  async run(context) {
    const found = await tryStream(context);
    // A machine that is busy for a moment may look the same.
    return [found.code === "STREAM_HELD_BACK" ? await tryStream(context) : found];
  },
};

async function tryStream(context: Context): Promise<Finding> {
  const session = await PollingSession.open(context);
  if (!(session instanceof PollingSession)) return finding("POLL_FAILED", factsOf(session));
  const { clock, roundTrip } = context;
  const { url } = session;
  url.searchParams.set("stream", String(COMMENT_BYTES));
  const started = clock.now();
  let onBody: (length: number) => void = () => undefined;
  const passed = new Promise<number>((resolve) => {
    onBody = (length) => void (length >= COMMENT_BYTES && resolve(Math.round(clock.now() - started)));
  });
  const poll = sendRequest(context, { url, headers: { Accept: "text/event-stream" }, onBody });
  const ms = await Promise.race([passed, context.pause(LONGEST_WAIT + 10 * roundTrip).then(() => undefined)]);
  // That ends the answer, and a poll of a server that does not stream.
  await session.close();
  const { headers, endAfter } = await poll;
  if (!headers["content-type"]?.startsWith("text/event-stream")) return finding("STREAM_OFF");
  if (ms !== undefined && ms <= Math.max(CLIENT_PATIENCE, 4 * roundTrip)) return finding("STREAM_OK", { ms });
  return finding("STREAM_HELD_BACK", { ms: ms ?? endAfter, by: namesIn(headers) });
}

/** The names that proxies and servers give themselves. */
function namesIn({ via, server }: IncomingHttpHeaders): string {
  const names = Object.entries({ Via: via, Server: server }).filter(([, name]) => name !== undefined);
  return names.length > 0 ? ` (${names.map(([header, name]) => `${header}: ${String(name)}`).join(", ")})` : "";
}
