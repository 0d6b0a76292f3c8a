import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServerOptions } from "socket.io";
import { serve } from "../support/servers/host.ts";
import { ODD_VALUES, type Outcome, outcomeOf, Uncaught } from "../support/outcomes.ts";
import { call } from "../support/raw/http.ts";
import { Refused, RawWebSocket } from "../support/raw/websocket.ts";
import { portage, reference, type Target } from "../support/targets.ts";

type Make = (odd: never) => Partial<ServerOptions> & Record<string, unknown>;

/** Options of the reference: a server with an odd value must behave the same. */
const OPTIONS: Readonly<Record<string, Make>> = {
  serveClient: (odd) => ({ serveClient: odd }),
  adapter: (odd) => ({ adapter: odd }),
  parser: (odd) => ({ parser: odd }),
  connectionStateRecovery: (odd) => ({ connectionStateRecovery: odd }),
  "connectionStateRecovery.maxDisconnectionDuration": (odd) => ({
    connectionStateRecovery: { maxDisconnectionDuration: odd, skipMiddlewares: true },
  }),
  "connectionStateRecovery.skipMiddlewares": (odd) => ({
    connectionStateRecovery: { maxDisconnectionDuration: 1000, skipMiddlewares: odd },
  }),
  cleanupEmptyChildNamespaces: (odd) => ({ cleanupEmptyChildNamespaces: odd }),
  upgradeTimeout: (odd) => ({ upgradeTimeout: odd }),
  'transports: "polling,websocket"': () => ({ transports: "polling,websocket" as never }),
  allowUpgrades: (odd) => ({ allowUpgrades: odd }),
  allowEIO3: (odd) => ({ allowEIO3: odd }),
  maxHttpBufferSize: (odd) => ({ maxHttpBufferSize: odd }),
  perMessageDeflate: (odd) => ({ perMessageDeflate: odd }),
  "perMessageDeflate.threshold": (odd) => ({ perMessageDeflate: { threshold: odd } }),
  "perMessageDeflate.concurrencyLimit": (odd) => ({ perMessageDeflate: { concurrencyLimit: odd, threshold: 0 } }),
  httpCompression: (odd) => ({ httpCompression: odd }),
  "httpCompression.threshold": (odd) => ({ httpCompression: { threshold: odd } }),
  initialPacket: (odd) => ({ initialPacket: odd }),
  cookie: (odd) => ({ cookie: odd }),
  "cookie.name": (odd) => ({ cookie: { name: odd } }),
  "cookie.path": (odd) => ({ cookie: { name: "io", path: odd } }),
  cors: (odd) => ({ cors: odd }),
  "cors.origin": (odd) => ({ cors: { origin: odd } }),
  wsEngine: (odd) => ({ wsEngine: odd }),
  destroyUpgrade: (odd) => ({ destroyUpgrade: odd }),
  destroyUpgradeTimeout: (odd) => ({ destroyUpgradeTimeout: odd }),
  addTrailingSlash: (odd) => ({ addTrailingSlash: odd }),
};

/** Intended differences, with their values (all by default). */
const MEANT: Readonly<Record<string, { readonly values?: readonly string[]; readonly why: string }>> = {
  allowUpgrades: { values: ["undefined"], why: "an option that is there but undefined keeps its default" },
  maxHttpBufferSize: {
    values: ["undefined", "null", "false", "NaN", '""', '"5"', "{}"],
    why: "clients are given a number, and what is not a number does not lift the limit",
  },
};

/** One value of each kind, as each costs two servers. */
const VALUES = ["undefined", "null", "false", "0", "-1", "NaN", '""', '"5"', "{}"];

const uncaught = new Uncaught();
beforeAll(() => uncaught.start());
afterAll(() => uncaught.stop());

/** Returns the results of a poll and a WebSocket. */
async function look(port: number, seen: string[]): Promise<void> {
  const headers = { origin: "http://other.example" };
  const poll = call({ port, path: "/socket.io/?EIO=4&transport=polling", headers }).catch(() => undefined);
  const answer = await Promise.race([poll, uncaught.next()]);
  const body = String(answer?.body ?? "").replace(/"sid":"[^"]*"/, "");
  seen.push(`poll ${answer?.status} ${body} ${answer?.headers["set-cookie"] === undefined ? "" : "cookie"}`);
  seen.push(`cors ${answer?.headers["access-control-allow-origin"]}`);
  try {
    const client = await Promise.race([RawWebSocket.connect({ port }), uncaught.next()]);
    if (client === undefined) return void seen.push("failed");
    client.send("40");
    const joined = await Promise.race([client.until((packet) => packet.startsWith("40")), client.closed]);
    seen.push(typeof joined === "string" ? "joined" : `closed ${joined.code}`);
    client.send('42["echo","0123456789"]');
    const echo = await Promise.race([client.until((packet) => packet.startsWith("42")), client.closed]);
    seen.push(typeof echo === "string" ? echo.slice(0, 24) : `closed ${echo.code}`);
    client.cut();
  } catch (error) {
    seen.push(error instanceof Refused ? `refused ${error.status}` : "failed");
  }
}

async function run(target: Target, options: Partial<ServerOptions>): Promise<Outcome> {
  return outcomeOf(async (seen) => {
    const running = await serve(target, options);
    const { io, port } = running;
    io.on("connection", (socket) => socket.on("echo", (text) => socket.emit("echo", text)));
    await look(port, seen);
    const stopped = running.stop().catch(() => seen.push("did not stop"));
    // A handler that threw left its request unanswered, and closing would wait for it.
    if (uncaught.count > 0) running.host.http.closeAllConnections();
    await stopped;
  }, uncaught);
}

function isAsGood(ours: Outcome, theirs: Outcome): boolean {
  if (theirs.result === "throws" || theirs.uncaught > 0) return ours.uncaught === 0;
  return JSON.stringify(ours) === JSON.stringify(theirs);
}

const sentence = ({ result, uncaught: count, seen }: Outcome): string =>
  `${result}, ${count} uncaught, ${seen.join("; ")}`;

describe("odd options", () => {
  test.each(Object.entries(OPTIONS))("%s", async (name, make) => {
    const different = new Map<string, string>();
    for (const value of VALUES) {
      const odd = ODD_VALUES[value];
      const [theirs, ours] = [await run(reference, make(odd as never)), await run(portage, make(odd as never))];
      if (!isAsGood(ours, theirs)) different.set(value, `${value}: ${sentence(ours)}; REF ${sentence(theirs)}`);
    }
    const meant = MEANT[name];
    if (meant === undefined) expect([...different.values()]).toEqual([]);
    else expect([...different.keys()].sort()).toEqual([...(meant.values ?? VALUES)].sort());
  });
});
