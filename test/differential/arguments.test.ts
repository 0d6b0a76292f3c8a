import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Socket } from "socket.io";
import { type Running, serve } from "../support/servers/host.ts";
import { ODD_VALUES, type Outcome, outcomeOf, Uncaught } from "../support/outcomes.ts";
import { packetText } from "../support/payload.ts";
import { RawWebSocket } from "../support/raw/websocket.ts";
import { portage, reference, type Target } from "../support/targets.ts";
import { nextEvent } from "../support/waiting.ts";
import { CALLS } from "./odd-arguments.ts";
import { PARSER_CALLS, PARSERS } from "./odd-arguments-parsers.ts";

/** Intended differences, with their values (all by default). Calls that only the reference refuses are not listed. */
const MEANT: Readonly<Record<string, { readonly values?: readonly string[]; readonly why: string }>> = {
  "socket.data = odd": { values: ["undefined"], why: "undefined stands for data that nobody has set" },
  "io.use(odd)": { why: "refused where the mistake is, not when the first client joins" },
  "engine.use(odd)": { why: "refused where the mistake is, not when the first request comes" },
  "decoder.add(odd)": { values: ['""'], why: "a text without a type is not a packet" },
  "decoder.off(odd)": { values: ["undefined"], why: "what is not said stands for all" },
  "decodePacket(odd)": { values: ["[]"], why: "what is neither text nor bytes is not a packet" },
};

const uncaught = new Uncaught();

beforeAll(() => {
  uncaught.start();
  vi.spyOn(console, "warn").mockReturnValue(undefined);
  vi.spyOn(process, "emitWarning").mockReturnValue(undefined);
});
afterAll(() => {
  uncaught.stop();
  vi.restoreAllMocks();
});

/** Whether a program would notice: Portage may omit an error, or throw at once instead of later. */
function isAsGood(ours: Outcome, theirs: Outcome): boolean {
  if (theirs.result === "throws" || theirs.uncaught > 0)
    return (ours.uncaught === 0 && ours.result !== "throws") || ours.result === theirs.result;
  return JSON.stringify(ours) === JSON.stringify(theirs);
}

const sentence = ({ result, uncaught: count, seen }: Outcome): string =>
  `${result}, ${count} uncaught, ${seen.join(" ")}`;

/** Tries a call with each odd value, and asserts that exactly the intended results differ. */
async function compare(name: string, run: (target: Target, odd: unknown) => Promise<Outcome>): Promise<void> {
  const different = new Map<string, string>();
  for (const [value, odd] of Object.entries(ODD_VALUES)) {
    const [theirs, ours] = [await run(reference, odd), await run(portage, odd)];
    if (!isAsGood(ours, theirs)) different.set(value, `${value}: ${sentence(ours)}; reference: ${sentence(theirs)}`);
  }
  const meant = MEANT[name];
  if (meant === undefined) expect([...different.values()]).toEqual([]);
  else expect([...different.keys()].sort()).toEqual([...(meant.values ?? Object.keys(ODD_VALUES))].sort());
}

/** Makes a call on a server with one client, which reports its events. */
async function callWithClient({ io, port }: Running, target: Target, name: string, odd: unknown): Promise<Outcome> {
  const joined = nextEvent<[Socket]>(io, "connection");
  const client = await RawWebSocket.connect({ port });
  client.send("40");
  const [socket] = await joined;
  await client.until((packet) => packet.startsWith("40"));
  const outcome = await outcomeOf(
    (seen) => CALLS[name]?.({ target, io, socket, session: socket.conn, odd: odd as never, seen }),
    uncaught,
  );
  if (socket.connected) client.send('42["in"]');
  socket.conn.send("the end");
  for (;;) {
    const packet = await Promise.race([client.next(), client.closed]);
    if (packet === "4the end") break;
    outcome.seen.push(
      typeof packet === "object" && "code" in packet ? "closed" : packetText(packet).replace(/^42\d+/, "42N"),
    );
    if (outcome.seen.at(-1) === "closed") break;
  }
  client.cut();
  outcome.uncaught += uncaught.take();
  return outcome;
}

describe("odd arguments", () => {
  let servers: Record<Target["name"], Running>;
  beforeAll(async () => {
    servers = { reference: await serve(reference), portage: await serve(portage) };
  });
  afterAll(async () => {
    await Promise.all([servers.reference.stop(), servers.portage.stop()]);
  });

  test.each(Object.keys(CALLS))("%s", (name) =>
    compare(name, (target, odd) => callWithClient(servers[target.name], target, name, odd)),
  );

  test.each(Object.entries(PARSER_CALLS))("%s", (name, call) =>
    compare(name, ({ name: target }, odd) =>
      outcomeOf((seen) => call({ ...PARSERS[target], odd: odd as never, seen }), uncaught),
    ),
  );
});
