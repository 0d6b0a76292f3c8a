import { afterEach, describe, expect, test } from "vitest";
import { encodeFrame, FRAME, type FrameName } from "../../../packages/cluster/src/core/frames.ts";
import { encodeRequest } from "../../../packages/cluster/src/core/heads.ts";
import { TestNode } from "../../support/cluster/engine-nodes.ts";
import { MemoryLink } from "../../support/cluster/memory-link.ts";
import { openSession, query, send } from "../../support/cluster/raw-request.ts";
import { Random } from "../../support/random.ts";
import { turn, within } from "../../support/waiting.ts";

const open: TestNode[] = [];

afterEach(() => Promise.all(open.splice(0).map((node) => node.close())));

/** A node, and the other end of its link: a peer that sends what it likes. */
async function startWithPeer(): Promise<{ node: TestNode; peer: MemoryLink; mine: MemoryLink; sid: string }> {
  const node = await new TestNode("AAAA").listen();
  open.push(node);
  const [mine, peer] = MemoryLink.pair("turn", ["AAAA", "BBBB"]);
  node.add(mine);
  return { node, peer, mine, sid: await openSession(node) };
}

const requestOf = (sid: string, options: { method?: string; hasMore?: boolean } = {}): Buffer =>
  encodeRequest({
    method: "POST",
    url: `/socket.io/?${query(sid)}`,
    httpVersion: "1.1",
    rawHeaders: ["host", "a"],
    peer: { address: "10.0.0.1", port: 1, isEncrypted: false },
    hasMore: false,
    ...options,
  })!;

async function failureOf(mine: MemoryLink): Promise<string> {
  await within(
    (async () => {
      while (mine.failures.length === 0) await turn();
    })(),
    "the end of the link",
  );
  return mine.failures[0]!;
}

describe("as owner, the link ends after", () => {
  test.each<[string, (peer: MemoryLink, sid: string) => void]>([
    ["a malformed REQUEST", (peer) => peer.send(encodeFrame("REQUEST", 1, Buffer.from("x")))],
    ["REQUEST with an invalid number", (peer, sid) => peer.send(encodeFrame("REQUEST", 0, requestOf(sid)))],
    ["REQUEST with an invalid number", (peer, sid) => peer.send(encodeFrame("REQUEST", 0x80000001, requestOf(sid)))],
    ["DATA for a stream that was never opened", (peer) => peer.send(encodeFrame("DATA", 7))],
    ["ANSWER for a stream that was never opened", (peer) => peer.send(encodeFrame("ANSWER", 0x80000007))],
    ["DONE for a stream that was never opened", (peer) => peer.send(encodeFrame("DONE", 0))],
    [
      "the front of a request sent REQUEST inside an exchange",
      (peer, sid) => {
        peer.send(encodeFrame("REQUEST", 1, requestOf(sid, { hasMore: true })));
        peer.send(encodeFrame("REQUEST", 1, requestOf(sid)));
      },
    ],
    [
      "the front of a request sent done while receiving",
      (peer, sid) => {
        peer.send(encodeFrame("REQUEST", 1, requestOf(sid, { hasMore: true })));
        peer.send(encodeFrame("DONE", 1));
      },
    ],
    [
      "the front of a request sent data while handling",
      (peer, sid) => {
        peer.send(encodeFrame("REQUEST", 1, requestOf(sid, { method: "GET" })));
        peer.send(encodeFrame("DATA", 1, Buffer.from("x")));
      },
    ],
    [
      "the front of a request sent an invalid credit",
      (peer, sid) => {
        peer.send(encodeFrame("REQUEST", 1, requestOf(sid, { hasMore: true })));
        peer.send(encodeFrame("CREDIT", 1, Buffer.of(0, 0, 0, 1)));
      },
    ],
    [
      "the front of a request sent more bytes than its credit",
      (peer, sid) => {
        peer.send(encodeFrame("REQUEST", 3, requestOf(sid, { hasMore: true, method: "GET" })));
        for (let i = 0; i < 5; i++) peer.send(encodeFrame("DATA", 3, Buffer.alloc(65_536)));
      },
    ],
  ])("%s", async (why, act) => {
    const { peer, mine, sid, node } = await startWithPeer();
    act(peer, sid);
    expect(await failureOf(mine)).toBe(why);
    await turn();
    expect(node.relay.stats.owned).toBe(0);
    expect((await send(node, query(sid), { body: "4x" }).answer).text).toBe("ok");
  });
});

const head = (text: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text, "latin1")]);
};

describe("as front, only the exchange ends after", () => {
  test.each<[string, string, Buffer]>([
    ["a malformed answer", "GET", Buffer.from("x")],
    ["an answer that is shorter than its head", "POST", Buffer.of(0, 0, 1, 0)],
    ["an informational status", "GET", head("\n103\nEarly Hints")],
    ["an informational status, and more", "POST", head("m\n100\nContinue")],
  ])("%s to a %s", async (_what, method, answer) => {
    const { node, peer, mine, sid } = await startWithPeer();
    const options = method === "POST" ? { body: "4x" } : {};
    const request = send(node, query(`BBBB${"0".repeat(16)}`), options);
    await within(
      (async () => {
        while (!mine.sent.includes("REQUEST")) await turn();
      })(),
      "the request",
    );
    peer.send(encodeFrame("ANSWER", 0x80000001, answer));
    await expect(request.answer).rejects.toThrow("socket hang up");
    // What the owner sends until it hears of the loss is ignored.
    peer.send(encodeFrame("FIN", 0x80000001));
    await turn();
    expect([mine.sent, mine.failures, node.relay.stats.pending]).toEqual([["REQUEST", "LOST"], [], 0]);
    expect((await send(node, query(sid), { body: "4x" }).answer).text).toBe("ok");
  });
});

describe("as front, the link ends after", () => {
  test.each<[string, [FrameName, Buffer][]]>([
    ["data while waiting", [["DATA", Buffer.from("x")]]],
    ["fin while waiting", [["FIN", Buffer.alloc(0)]]],
    ["an unknown code", [["RESET", Buffer.of(99)]]],
    ["an invalid credit", [["CREDIT", Buffer.of(0, 0, 0, 1)]]],
    ["DONE from an owner", [["DONE", Buffer.alloc(0)]]],
    [
      "begin while answering",
      [
        ["ANSWER", head("m\n200\nOK")],
        ["ANSWER", head("m\n200\nOK")],
      ],
    ],
    [
      "more bytes than its credit",
      [
        ["ANSWER", head("m\n200\nOK")],
        ...Array.from({ length: 5 }, () => ["DATA", Buffer.alloc(65_536)] as [FrameName, Buffer]),
      ],
    ],
  ])("%s", async (why, frames) => {
    const { node, peer, mine } = await startWithPeer();
    const poll = send(node, query(`BBBB${"0".repeat(16)}`));
    if (why === "more bytes than its credit") poll.req.on("response", (res) => res.socket.pause());
    await within(
      (async () => {
        while (node.relay.stats.pending === 0) await turn();
      })(),
      "the poll",
    );
    for (const [type, body] of frames) peer.send(encodeFrame(type, 0x80000001, body));
    expect(await failureOf(mine)).toBe(`the owner of a session sent ${why}`);
    await turn();
    expect(node.relay.stats.pending).toBe(0);
    poll.req.destroy();
  });
});

test("frames of anything end the link, and nothing else", async () => {
  const names = Object.keys(FRAME) as FrameName[];
  for (let seed = 1; seed <= 150; seed++) {
    const random = new Random(seed);
    const { node, peer, mine, sid } = await startWithPeer();
    for (let i = 0; i < 30 && !mine.isClosed; i++) {
      const stream = random.pick([1, 2, 3, 3, 0x80000001, random.below(2 ** 32)]);
      const isRequest = random.below(3) === 0;
      const method = random.pick(["GET", "POST", "PUT"]);
      if (isRequest)
        peer.send(encodeFrame("REQUEST", stream, requestOf(sid, { method, hasMore: random.below(2) === 0 })));
      else peer.send(encodeFrame(random.pick(names), stream, random.bytes(random.below(12))));
      if (random.below(4) === 0) await turn();
    }
    await turn();
    if (!mine.isClosed) mine.close("gone");
    for (let i = 0; i < 5; i++) await turn();
    expect([seed, node.relay.stats.owned, node.relay.stats.pending]).toEqual([seed, 0, 0]);
    await open.pop()!.close();
  }
}, 60_000);
