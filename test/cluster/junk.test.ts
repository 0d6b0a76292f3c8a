import { Agent, request } from "node:http";
import { expect, test } from "vitest";
import type { Node } from "./nodes.ts";
import { by, isShort, PATIENT, say } from "./run.ts";
import { nodesOf, tidyUp } from "./site.ts";

// Requests with sids that no session has, 1,000 a second. They cost a look-up, and disturb no other node.

tidyUp();

const RATE = 1000;
const SECONDS = by({ short: 1, medium: 4, long: 10 });
/** The bar is 2. A short run is too short to measure well. */
const MOST = by({ short: 4, medium: 2, long: 2 });

const random = (length: number): string =>
  Array.from({ length }, () => "abcdefghijklmnopqrstuvwxyz0123456789"[Math.floor(Math.random() * 36)]).join("");

interface Answer {
  readonly status: number;
  readonly body: string;
}

function get(agent: Agent, port: number, sid: string, transport: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const path = `/socket.io/?EIO=4&transport=${transport}&sid=${sid}`;
    const req = request({ agent, port, host: "127.0.0.1", path }, (res) => {
      let body = "";
      res.on("data", (chunk: Buffer) => (body += chunk.toString()));
      res.on("end", () => resolve({ status: res.statusCode ?? 0, body }));
    });
    req.on("error", reject).end();
  });
}

/** Sends requests at the rate; returns the microseconds of CPU that one took the node, and the distinct answers. */
async function flood(node: Node, makeSid: () => string): Promise<{ cost: number; answers: Set<string> }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const answers = new Set<string>();
  const open: Promise<unknown>[] = [];
  const total = RATE * SECONDS;
  const before = await node.ask<number>("cpu");
  const begin = performance.now();
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, ((performance.now() - begin) * RATE) / 1000);
    for (; sent < due; sent += 1) {
      const answered = get(agent, node.port, makeSid(), "polling");
      open.push(answered.then(({ status, body }) => answers.add(`${status} ${body}`)));
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(open);
  const cost = ((await node.ask<number>("cpu")) - before) / total;
  agent.destroy();
  return { cost, answers };
}

interface Exchanges {
  readonly forwarded: number;
  readonly unknownTags: number;
}

async function exchangesOf(node: Node): Promise<Exchanges> {
  const { stats } = await node.report();
  return (stats as { nodes: { exchanges: Exchanges } }).nodes.exchanges;
}

const UNKNOWN = '400 {"code":1,"message":"Session ID unknown"}';

test.skipIf(isShort)("sids of unknown nodes, and of sessions that a known node does not have", PATIENT, async () => {
  const [lone] = await nodesOf({ count: 1, isCluster: false });
  const [front, owner] = await nodesOf({ count: 2 });
  const { tag } = await owner!.ask<{ tag: string }>("who");
  // The first flood only warms both up.
  for (const node of [lone, front]) await flood(node!, () => random(20));
  const local = await flood(lone!, () => random(20));
  const before = await exchangesOf(front!);
  const quiet = await owner!.ask<number>("cpu");
  const unknown = await flood(front!, () => `#${random(19)}`.replace("#", "0"));
  const disturbed = ((await owner!.ask<number>("cpu")) - quiet) / (RATE * SECONDS);
  const after = await exchangesOf(front!);
  expect(after.forwarded, "requests that cost another node a message").toBe(before.forwarded);
  expect(after.unknownTags - before.unknownTags).toBe(RATE * SECONDS);
  const known = await flood(front!, () => tag + random(16));
  say("microseconds: local 400, unknown tag, its cost at the other node, known tag at the front", [
    local.cost,
    unknown.cost,
    disturbed,
    known.cost,
  ]);
  expect([...local.answers]).toEqual([UNKNOWN]);
  expect([...unknown.answers]).toEqual([UNKNOWN]);
  // An address that asks for too many of them may be stopped at the front.
  for (const answer of known.answers) expect(answer).toMatch(/^(?:400|503) /);
  expect(unknown.cost / local.cost).toBeLessThan(MOST);
  // Its own heartbeats are all that it has to do.
  expect(disturbed).toBeLessThan(local.cost / 4);
});

test.skipIf(isShort)("sids that are malformed or long, over each transport", PATIENT, async () => {
  const [front, owner] = await nodesOf({ count: 2 });
  const { tag } = await owner!.ask<{ tag: string }>("who");
  const agent = new Agent();
  const sids = [
    "",
    tag,
    `${tag}%00${random(15)}`,
    tag + random(15),
    tag + random(17),
    tag + random(7000),
    "%F0%9F",
    "..",
    tag + "%0d%0a%0d%0aGET",
  ];
  for (const sid of sids) {
    for (const transport of ["polling", "websocket"]) {
      const { status } = await get(agent, front!.port, sid, transport);
      // An empty sid counts as absent: the request is a handshake.
      if (sid !== "") expect(status, `${transport} ${sid.slice(0, 40)}`).toBe(400);
    }
  }
  agent.destroy();
  expect((await owner!.report()).faults).toEqual([]);
  expect((await front!.ask<unknown[]>("nodes")).length, "the link has survived").toBe(2);
});
