import type { Context, Step } from "../context.ts";
import { type Finding, finding } from "../finding.ts";
import { PollingSession } from "../polling-session.ts";
import { factsOf, type Reply, sendRequest } from "../request.ts";

/** CORS: do browsers allow pages of the given origin to poll? */
export const cors: Step = {
  name: "cors",
  title: "Asking for another origin",
  needs: "polling",
  applies: ({ origin, url }) => origin !== undefined && origin !== url.origin,
  async run(context) {
    const url = context.target({ transport: "polling" });
    const origin = String(context.origin);
    const reply = await sendRequest(context, { url });
    await PollingSession.from(context, reply)?.close();
    const answer = judgeCors(origin, reply);
    if (answer.level === "limit" || Object.keys(context.headers).length === 0) return [answer];
    // Pages that set headers send a preflight first.
    return [answer, ...(await preflight(context, origin, url))];
  },
};

function judgeCors(origin: string, reply: Reply): Finding {
  const allowed = reply.headers["access-control-allow-origin"];
  const facts = { origin, allowed: allowed ?? "none" };
  if (allowed === undefined) return finding("CORS_MISSING", facts);
  // Node joins a repeated header; a browser refuses it.
  if (allowed.includes(",")) return finding("CORS_DOUBLED", facts);
  if (allowed !== "*" && allowed !== origin) return finding("CORS_OTHER_ORIGIN", facts);
  const takesCookies = allowed !== "*" && reply.headers["access-control-allow-credentials"] === "true";
  return finding(takesCookies ? "CORS_OK" : "CORS_NO_CREDENTIALS", facts);
}

async function preflight(context: Context, origin: string, url: URL): Promise<readonly Finding[]> {
  const names = Object.keys(context.headers).join(",").toLowerCase();
  const headers = { "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": names };
  const reply = await sendRequest(context, { url, method: "OPTIONS", headers });
  const allowed = reply.headers["access-control-allow-origin"];
  if (reply.status >= 200 && reply.status < 300 && (allowed === "*" || allowed === origin)) return [];
  return [finding("CORS_PREFLIGHT_REFUSED", { ...factsOf(reply), origin })];
}
