import type { Context, Step } from "../context.ts";
import { type Finding, finding } from "../finding.ts";
import { packetsOf, PollingSession } from "../polling-session.ts";
import { excerpt, factsOf, isUndecodable, type Reply, sendRequest } from "../request.ts";

/** The time that an answer to a poll may take in addition to some round trips, in milliseconds. */
const PROMPT = 800;

/** The time between a poll and the POST, in milliseconds, so that the poll is pending at the server. */
const SETTLE = 50;

/** Polling: do POSTs work during a poll, and do answers arrive at once? */
export const messages: Step = {
  name: "messages",
  title: "Joining the namespace over polling",
  needs: "polling",
  async run(context) {
    const session = await PollingSession.open(context);
    if (!(session instanceof PollingSession)) return [finding("POLL_FAILED", factsOf(session))];
    const poll = session.poll();
    await context.pause(SETTLE + context.roundTrip);
    const { namespace } = context;
    const join = await session.post(namespace === "/" ? "40" : `40${namespace},`);
    if (join.status !== 200) return [postFailed(join)];
    const answer = await intime(context, poll, PROMPT + 10 * context.roundTrip);
    const findings = answer === undefined ? await late(session, poll, context) : judgeJoin(context, join, answer);
    await session.close();
    return findings;
  },
};

function postFailed(reply: Reply): Finding {
  return finding(reply.failure === "timeout" ? "POST_BLOCKED" : "POST_FAILED", factsOf(reply));
}

function intime(context: Context, poll: Promise<Reply>, ms: number): Promise<Reply | undefined> {
  return Promise.race([poll, context.pause(ms).then(() => undefined)]);
}

function judgeJoin(context: Context, join: Reply, poll: Reply): readonly Finding[] {
  const packets = packetsOf(poll);
  if (packets === undefined) return [finding("POLL_FAILED", factsOf(poll))];
  const works = finding("POST_OK", { ms: join.endAfter });
  const { namespace } = context;
  for (const { data } of packets) {
    const text = String(data ?? "");
    if (text.startsWith("0")) return [works, finding("NAMESPACE_JOINED", { namespace })];
    if (text.startsWith("4")) return [works, finding("NAMESPACE_REFUSED", { namespace, text: excerpt(text.slice(1)) })];
  }
  return [works, finding("NAMESPACE_SILENT", { namespace })];
}

/** Finds out whether a late answer is missing or buffered, by ending the session, which answers every poll. */
async function late(session: PollingSession, poll: Promise<Reply>, context: Context): Promise<readonly Finding[]> {
  const started = context.clock.now();
  const closed = session.close();
  const answer = await intime(context, poll, context.timeout);
  await closed;
  if (answer === undefined || answer.failure !== undefined) return [finding("RESPONSE_SWALLOWED")];
  const packets = packetsOf(answer);
  if (packets === undefined) return [finding("POLL_FAILED", factsOf(answer))];
  const isAnswer = packets.some(({ type }) => type === "message");
  if (!isAnswer) return [finding("NAMESPACE_SILENT", { namespace: context.namespace })];
  return [finding("RESPONSE_HELD_BACK", { ms: Math.round(PROMPT + context.clock.now() - started) })];
}

/** Compression: does a proxy compress small answers, and correctly? */
export const compression: Step = {
  name: "compression",
  title: "Looking for compression",
  needs: "polling",
  async run(context) {
    const headers = { "Accept-Encoding": "gzip, deflate, br" };
    const reply = await sendRequest(context, { url: context.target({ transport: "polling" }), headers });
    const encoding = reply.headers["content-encoding"];
    await PollingSession.from(context, reply)?.close();
    if (encoding === undefined || encoding === "identity") return [finding("COMPRESSION_NONE")];
    return [finding(isUndecodable(reply) ? "COMPRESSION_BROKEN" : "COMPRESSION_OK", { encoding })];
  },
};
