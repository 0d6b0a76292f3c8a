import type { Context, Step } from "../context.ts";
import { type Finding, finding } from "../finding.ts";
import { PollingSession } from "../polling-session.ts";
import { factsOf, type Reply } from "../request.ts";

/** The largest body to try, in bytes. */
const LARGEST_BODY = 10_000_000;

/** The relative precision of the search. */
const PRECISION = 0.02;

/** Body size: do requests of the size that the server allows reach it? */
export const bodySize: Step = {
  name: "body-size",
  title: "Posting as much as the server allows",
  needs: "polling",
  async run(context) {
    const { maxPayload = 0 } = context.handshake ?? {};
    const most = Math.min(maxPayload, LARGEST_BODY);
    if (most < 1) return [];
    const whole = await post(context, most);
    if (whole.status === 200) return [finding("BODY_OK", { bytes: most })];
    return [await narrow(context, { bytes: most, reply: whole }, maxPayload)];
  },
};

/** Finds the largest body that passes, by bisection. */
async function narrow(context: Context, first: { bytes: number; reply: Reply }, maxPayload: number): Promise<Finding> {
  let passed = 0;
  let refused = first;
  while (refused.bytes - passed > Math.max(1, refused.bytes * PRECISION)) {
    const bytes = Math.ceil((passed + refused.bytes) / 2);
    const reply = await post(context, bytes);
    if (reply.status === 200) passed = bytes;
    else refused = { bytes, reply };
  }
  const facts = { ...factsOf(refused.reply), refused: refused.bytes, passed, maxPayload };
  return finding(refused.reply.status === 0 ? "BODY_CUT" : "BODY_LIMITED", facts);
}

/** Posts one meaningless packet in its own session, since a refused body may end the session. */
async function post(context: Context, bytes: number): Promise<Reply> {
  const session = await PollingSession.open(context);
  if (!(session instanceof PollingSession)) return session;
  const reply = await session.post("6".padEnd(bytes, "x"));
  await session.close();
  return reply;
}
