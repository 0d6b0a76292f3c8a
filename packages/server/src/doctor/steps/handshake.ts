import type { Context, Step } from "../context.ts";
import { type Finding, finding } from "../finding.ts";
import { handshakeOf, PollingSession } from "../polling-session.ts";
import { factsOf, isUndecodable, refusalCode, type Reply, sendRequest } from "../request.ts";

/** The paths to try when the given one has no server. */
const USUAL_PATHS = ["/socket.io/", "/engine.io/", "/ws/", "/api/socket.io/", "/realtime/"];

const MAX_REDIRECTS = 5;

/** The response of revision 3 to any handshake: `97:0{"sid":...}`, or the same with binary lengths. */
// oxlint-disable-next-line no-control-regex -- the digits of a binary length are bytes from 0 to 9
const REVISION_3 = /^(\d+:|[\0\u0001][\0-\u0009]+[\ufffd\u00ff])0\{"sid"/;

/** A response is slow if it takes this long in addition to the network's time, in milliseconds. */
const SLOW = 800;

/** The polling handshake: is there a Socket.IO server, and does it open a session? */
export const handshake: Step = {
  name: "handshake",
  title: "Opening a session over polling",
  async run(context) {
    const { reply, findings } = await follow(context);
    if (reply === undefined) return findings;
    const found = handshakeOf(reply);
    if (found === undefined) return [...findings, await explain(context, reply)];
    context.handshake = found;
    await PollingSession.from(context, reply)?.close();
    const { pingInterval, maxPayload, upgrades } = found;
    findings.push(finding("HANDSHAKE_OK", { ms: reply.endAfter, pingInterval, maxPayload }));
    if (!upgrades.includes("websocket")) findings.push(finding("NO_UPGRADE_OFFERED"));
    if (isHeldBack(context, reply)) findings.push(finding("RESPONSE_HELD_BACK", { ms: reply.endAfter }));
    return findings;
  },
};

const isHeldBack = ({ roundTrip }: Context, { headAfter, endAfter }: Reply): boolean =>
  endAfter - headAfter >= SLOW || endAfter >= SLOW + 20 * roundTrip;

/** Follows redirects. The later steps examine the final server. */
async function follow(context: Context): Promise<{ reply?: Reply; findings: Finding[] }> {
  const findings: Finding[] = [];
  for (let count = 0; ; count++) {
    const target = context.target({ transport: "polling" });
    const reply = await sendRequest(context, { url: target });
    const { location } = reply.headers;
    if (reply.status < 300 || reply.status > 399 || location === undefined) return { reply, findings };
    const next = new URL(location, target);
    const isElsewhere = next.origin !== target.origin;
    const facts = { from: target.origin + target.pathname, to: next.origin + next.pathname };
    if (count === MAX_REDIRECTS) return { findings: [finding("REDIRECT_LOOP", facts)] };
    // Another path of the same server is the right path for clients, or a login page.
    if (!isElsewhere) return { findings: [await explain(context, reply, next.pathname)] };
    findings.push(
      finding(target.protocol === "http:" && next.protocol === "https:" ? "REDIRECTED_TO_TLS" : "REDIRECTED", facts),
    );
    context.url = new URL(`${next.origin}${context.url.pathname}${context.url.search}`);
  }
}

/** Explains a response that is not a handshake. */
async function explain(context: Context, reply: Reply, location?: string): Promise<Finding> {
  const facts = { ...factsOf(reply), path: context.path, port: context.port };
  if (reply.failure === "timeout") return finding("HANDSHAKE_TIMEOUT", facts);
  if (reply.failure !== undefined && reply.status === 0) return finding("HANDSHAKE_CUT", facts);
  if (isUndecodable(reply)) {
    return finding("COMPRESSION_BROKEN", { encoding: String(reply.headers["content-encoding"]) });
  }
  if (REVISION_3.test(reply.text)) return finding("EIO3_ONLY");
  if (/plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server/i.test(reply.text)) {
    return finding("TLS_EXPECTED", facts);
  }
  const refusal = refusalCode(reply);
  if (refusal === 0) return finding("POLLING_OFF");
  if (refusal === 5) return finding("EIO4_REFUSED", facts);
  if (reply.status === 401 || reply.status === 403 || refusal !== undefined)
    return finding("HANDSHAKE_FORBIDDEN", facts);
  if (reply.status >= 502 && reply.status <= 504) return finding("HANDSHAKE_BAD_GATEWAY", facts);
  if (reply.status < 500 && reply.status !== 429) return elsewhere(context, facts, location);
  return finding("HANDSHAKE_REFUSED", facts);
}

/** Searches other paths when a different server answers. */
async function elsewhere(
  context: Context,
  facts: Record<string, string | number>,
  location?: string,
): Promise<Finding> {
  const paths = [location, ...USUAL_PATHS].filter((path) => path !== undefined && path !== context.path) as string[];
  for (const path of paths) {
    const reply = await sendRequest(context, { url: context.target({ transport: "polling" }, path) });
    if (handshakeOf(reply) !== undefined) return finding("PATH_ELSEWHERE", { ...facts, found: path });
  }
  return finding("PATH_UNKNOWN", facts);
}
