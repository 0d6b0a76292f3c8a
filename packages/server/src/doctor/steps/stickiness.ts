import type { Context, Step } from "../context.ts";
import { type Finding, finding } from "../finding.ts";
import { PollingSession } from "../polling-session.ts";
import { refusalCode, type Reply, sendRequest } from "../request.ts";

/** Requests to one session: enough to hit another server, even if the balancer chooses at random. */
const REQUESTS = 8;

/** A packet without an effect; the server answers "ok". */
const NOOP = "6";

/** Stickiness: does every connection reach the server that has the session? */
export const stickiness: Step = {
  name: "stickiness",
  title: "Reaching the session again on other connections",
  needs: "polling",
  async run(context) {
    const plain = await knock(context);
    if (plain.lost === 0) return [finding("STICKY_OK", { count: REQUESTS })];
    const withCookie = plain.cookie === undefined ? undefined : await knockWith(context, plain.cookie);
    if (withCookie === undefined) return [finding("NOT_STICKY", { lost: plain.lost, count: REQUESTS })];
    return [withCookie];
  },
};

interface Knocks {
  readonly lost: number;
  /** The cookies that the handshake has set. */
  readonly cookie: string | undefined;
}

async function knock(context: Context): Promise<Knocks> {
  const reply = await sendRequest(context, { url: context.target({ transport: "polling" }) });
  const session = PollingSession.from(context, reply);
  if (session === undefined) return { lost: REQUESTS, cookie: undefined };
  let lost = 0;
  for (let count = 0; count < REQUESTS; count++) if (isUnknownSession(await session.post(NOOP))) lost++;
  await session.close();
  const cookies = (reply.headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");
  return { lost, cookie: cookies === "" ? undefined : cookies };
}

/** Does the same with the balancer's cookie, which later steps use as well. */
async function knockWith(context: Context, cookie: string): Promise<Finding | undefined> {
  context.cookie = cookie;
  const { lost } = await knock(context);
  if (lost === 0) return finding("STICKY_BY_COOKIE", { cookie: cookie.replaceAll(/=[^;]*/g, "") });
  context.cookie = undefined;
  return undefined;
}

/** Whether a request reached a server that does not know the session. */
export const isUnknownSession = (reply: Reply): boolean => refusalCode(reply) === 1;
