import { afterEach, describe, expect, test } from "vitest";
import type { ServerOptions, Socket } from "@portage/server/engine";
import type { RelayOptions } from "../../../packages/cluster/src/exchange/relay.ts";
import { link, TestNode } from "../../support/cluster/engine-nodes.ts";
import type { MemoryLink } from "../../support/cluster/memory-link.ts";
import { openSession, query, type RawRequest, send } from "../../support/cluster/raw-request.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";
import { FakeClock } from "../support/fake-clock.ts";

const open: TestNode[] = [];

afterEach(() => Promise.all(open.splice(0).map((node) => node.close())));

async function start(tag: string, options: ServerOptions = {}, relay: Partial<RelayOptions> = {}): Promise<TestNode> {
  const node = await new TestNode(tag, options, relay).listen();
  open.push(node);
  return node;
}

interface Trio {
  readonly owner: TestNode;
  readonly front: TestNode;
  readonly other: TestNode;
  /** The ends of the link between owner and front. */
  readonly atOwner: MemoryLink;
  readonly atFront: MemoryLink;
  readonly sid: string;
  readonly session: Socket;
}

async function startTrio(options: ServerOptions = {}): Promise<Trio> {
  const owner = await start("AAAA", options);
  const front = await start("BBBB", options);
  const other = await start("CCCC", options);
  const [atOwner, atFront] = link(owner, front);
  link(owner, other);
  link(front, other);
  const sid = await openSession(owner);
  return { owner, front, other, atOwner, atFront, sid, session: owner.engine.clients[sid] as Socket };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  await within(
    (async () => {
      while (!condition()) await turn();
    })(),
    what,
  );
}

/** Holds a poll at a front until its owner has it. */
async function holdPoll({ owner, sid }: Trio, front: TestNode): Promise<RawRequest> {
  const { owned } = owner.relay.stats;
  const poll = send(front, query(sid));
  await until(() => owner.relay.stats.owned > owned, "the poll at its owner");
  return poll;
}

describe("a front that is gone is not a client that has left", () => {
  test("a held poll is forgotten, and the session goes on elsewhere", async () => {
    const trio = await startTrio();
    const { owner, other, atOwner, sid, session } = trio;
    await holdPoll(trio, trio.front);
    atOwner.close("gone");
    await turn();
    expect(owner.relay.stats).toMatchObject({ owned: 0 });
    expect(session.transport.writable).toBe(false);
    session.send("still here");
    expect((await send(other, query(sid)).answer).text).toBe("4still here");
  });

  test("a POST under way is forgotten, and nothing of it delivered", async () => {
    const trio = await startTrio();
    const { owner, other, atOwner, sid, session } = trio;
    const heard: unknown[] = [];
    session.on("message", (data) => heard.push(data));
    const post = send(trio.front, query(sid), { isOpen: true });
    post.req.write("4half");
    await until(() => owner.relay.stats.owned === 1, "the POST at its owner");
    atOwner.close("gone");
    await turn();
    expect((await send(other, query(sid), { body: "4whole" }).answer).text).toBe("ok");
    expect(heard).toEqual(["whole"]);
    expect(session.readyState).toBe("open");
  });

  test("an answer that was not reported as done is lost", async () => {
    const trio = await startTrio();
    await holdPoll(trio, trio.front);
    trio.atFront.hold();
    const closed = nextEvent(trio.session, "close");
    trio.session.send("lost");
    await until(() => trio.atOwner.sent.includes("ANSWER"), "the answer");
    trio.atOwner.close("gone");
    await closed;
    expect(trio.session.closeReason).toMatchObject({ code: "POLL_LOST" });
  });

  test("a POST that was answered and not reported as done changes nothing", async () => {
    const trio = await startTrio();
    trio.atFront.hold();
    const post = send(trio.front, query(trio.sid), { body: "4x" });
    trio.atFront.release();
    await until(() => trio.atOwner.sent.includes("ANSWER"), "the answer");
    trio.atOwner.close("gone");
    await post.answer.catch(() => undefined);
    await turn();
    expect(trio.session.readyState).toBe("open");
  });

  test("the poll is repeated before the link closes", async () => {
    const trio = await startTrio();
    const { owner, front, other, atOwner, sid, session } = trio;
    await holdPoll(trio, front);
    let answerProbe: (isThere: boolean) => void = () => undefined;
    atOwner.probe = () => new Promise((resolve) => (answerProbe = resolve));
    const repeated = send(other, query(sid));
    await until(() => owner.relay.stats.owned === 2, "the repeated poll");
    atOwner.close("gone");
    answerProbe(false);
    await until(() => session.transport.writable, "the repeated poll in the session");
    session.send("once");
    expect((await repeated.answer).text).toBe("4once");
    expect(session.readyState).toBe("open");
  });

  test("the poll is repeated at the owner itself, and its front is silent", async () => {
    const clock = new FakeClock();
    const trio = await startTrio({ clock });
    const { owner, front, atOwner, sid, session } = trio;
    const first = await holdPoll(trio, front);
    atOwner.probe = () => new Promise(() => undefined);
    const repeated = send(owner, query(sid));
    await until(() => clock.pending > 1, "the question");
    for (let i = 0; i < 20; i++) await turn();
    clock.advance(1001);
    await until(() => owner.relay.stats.repeated === 1, "the end of the wait");
    await until(() => session.transport.writable, "the repeated poll in the session");
    session.send("once");
    expect((await repeated.answer).text).toBe("4once");
    await expect(first.answer).rejects.toThrow();
    expect(session.readyState).toBe("open");
  });

  test("the poll is still in the link when the repeated one arrives", async () => {
    const trio = await startTrio();
    const { owner, front, other, atFront, atOwner, sid, session } = trio;
    atFront.hold();
    const first = send(front, query(sid));
    await until(() => atFront.sent.includes("REQUEST"), "the poll in the link");
    const repeated = await holdPoll(trio, other);
    let answerProbe: ((isThere: boolean) => void) | undefined;
    atOwner.probe = () => new Promise((resolve) => (answerProbe = resolve));
    atFront.release();
    await until(() => answerProbe !== undefined, "the question");
    answerProbe?.(false);
    await until(() => owner.relay.stats.owned === 1, "the end of the first poll");
    session.send("once");
    expect((await repeated.answer).text).toBe("4once");
    expect(session.readyState).toBe("open");
    await expect(first.answer).rejects.toThrow();
  });

  test("a poll that follows a lost answer gets nothing", async () => {
    const trio = await startTrio();
    const { owner, front, other, atFront, atOwner, sid, session } = trio;
    await holdPoll(trio, front);
    atFront.hold();
    session.send("lost");
    await until(() => atOwner.sent.includes("ANSWER"), "the answer");
    const repeated = send(other, query(sid));
    await until(() => owner.relay.stats.owned === 2, "the repeated poll");
    session.send("next");
    for (let i = 0; i < 20; i++) await turn();
    atOwner.close("gone");
    expect((await repeated.answer).status).toBe(400);
    expect(session.closeReason).toMatchObject({ code: "POLL_LOST" });
  });

  test("a second poll whose first one's front lives is an overlap", async () => {
    const trio = await startTrio();
    await holdPoll(trio, trio.front);
    const closed = nextEvent(trio.session, "close");
    const second = await send(trio.other, query(trio.sid)).answer;
    expect(second.status).toBe(400);
    await closed;
    expect(trio.session.closeReason).toMatchObject({ code: "OVERLAPPING_POLL" });
  });
});

describe("a client that leaves", () => {
  test("while its poll is held", async () => {
    const trio = await startTrio();
    const poll = await holdPoll(trio, trio.front);
    const closed = nextEvent(trio.session, "close");
    poll.req.destroy();
    await closed;
    expect(trio.session.closeReason).toMatchObject({ code: "POLL_ABORTED" });
    expect(trio.front.relay.stats).toMatchObject({ pending: 0 });
  });

  test("inside its POST", async () => {
    const trio = await startTrio();
    const closed = nextEvent(trio.session, "close");
    const post = send(trio.front, query(trio.sid), { isOpen: true });
    post.req.write("4half");
    await until(() => trio.owner.relay.stats.owned === 1, "the POST at its owner");
    post.req.destroy();
    await closed;
    expect(trio.session.closeReason).toMatchObject({ code: "POST_ABORTED" });
  });

  test("inside an answer", async () => {
    const trio = await startTrio();
    const poll = await holdPoll(trio, trio.front);
    poll.req.on("response", (res) => res.destroy());
    const closed = nextEvent(trio.session, "close");
    trio.session.send("x".repeat(30_000_000));
    await closed;
    expect(trio.session.closeReason).toMatchObject({ code: "POLL_LOST" });
    await until(() => trio.owner.relay.stats.owned + trio.front.relay.stats.pending === 0, "the end of the exchange");
  });

  test("and a session whose connection its owner cuts", async () => {
    const trio = await startTrio();
    trio.owner.engine.use((_req, res) => void res.destroy());
    await expect(send(trio.front, query(trio.sid)).answer).rejects.toThrow("socket hang up");
    expect(trio.front.relay.stats).toMatchObject({ pending: 0 });
  });
});

describe("an owner without a link", () => {
  test("that is gone: held polls and later requests are refused, readable by other origins", async () => {
    const trio = await startTrio({ cors: { origin: "*" } });
    const { front, atFront, sid } = trio;
    const poll = await holdPoll(trio, front);
    atFront.close("gone");
    const held = await poll.answer;
    expect([held.status, held.headers["access-control-allow-origin"]]).toEqual([400, "*"]);
    expect(JSON.parse(held.text)).toEqual({
      code: 1,
      message: "the node AAAA that had the session was lost 0.0 s ago",
    });
    const refused = nextEvent(front.engine, "connection_error");
    const later = await send(front, query(sid), { body: "4x" }).answer;
    expect(later.status).toBe(400);
    expect(((await refused)[0] as { context: object }).context).toMatchObject({ name: "OWNER_LOST", owner: "AAAA" });
    expect(front.relay.stats).toMatchObject({ pending: 0, refused: { OWNER_LOST: 2 } });
  });

  test("whose link is cut: a held poll moves to the next link", async () => {
    const trio = await startTrio();
    const { owner, front, atFront, session } = trio;
    const poll = await holdPoll(trio, front);
    atFront.close("cut");
    link(owner, front);
    await until(() => session.transport.writable, "the poll in the session");
    session.send("over the second link");
    expect((await poll.answer).text).toBe("4over the second link");
  });

  test("whose link stays cut: requests are refused after a second", async () => {
    const clock = new FakeClock();
    const trio = await startTrio({ clock });
    const { front, atFront, sid } = trio;
    const poll = await holdPoll(trio, front);
    const post = send(front, query(sid), { isOpen: true });
    post.req.write("4half");
    await until(() => trio.owner.relay.stats.owned === 2, "the POST at its owner");
    atFront.close("cut");
    expect((await post.answer).status).toBe(503);
    const later = send(front, query(sid), { body: "4x" });
    await until(() => front.relay.stats.waiting === 2, "two requests that wait");
    clock.advance(1001);
    for (const { answer } of [poll, later]) {
      const { status, headers, text } = await answer;
      expect([status, headers["retry-after"]]).toEqual([503, "1"]);
      expect(JSON.parse(text)).toMatchObject({ code: 1, message: "Server of the session can't be reached" });
    }
    expect(front.relay.stats).toMatchObject({ waiting: 0, pending: 0, refused: { OWNER_UNREACHABLE: 3 } });
  });

  test("whose link breaks inside an answer: the client's connection is cut", async () => {
    const trio = await startTrio();
    const poll = await holdPoll(trio, trio.front);
    trio.owner.engine.once("close", () => undefined);
    trio.session.send("x".repeat(3_000_000));
    await nextEvent(poll.req, "response");
    trio.atFront.close("cut");
    await expect(poll.answer).rejects.toThrow("aborted");
  });
});

describe("a node that has not joined yet", () => {
  test("holds requests until it has", async () => {
    const node = await start("");
    const opened = send(node, "EIO=4&transport=polling");
    await until(() => node.relay.stats.waiting === 1, "a request that waits");
    node.peers.join("DDDD");
    expect((await opened.answer).text).toMatch(/"sid":"DDDD/);
  });

  test.each(["after two seconds", "when it can't join"])("refuses them %s", async (when) => {
    const clock = new FakeClock();
    const node = await start("", { clock });
    const opened = send(node, "EIO=4&transport=polling");
    const gone = send(node, "EIO=4&transport=polling");
    await until(() => node.relay.stats.waiting === 2, "requests that wait");
    gone.req.destroy();
    for (let i = 0; i < 20; i++) await turn();
    if (when === "after two seconds") clock.advance(2001);
    else node.peers.failToJoin();
    const { status, headers, text } = await opened.answer;
    expect([status, headers["retry-after"], JSON.parse(text)]).toEqual([
      503,
      "1",
      { code: 7, message: "Server is starting", retryAfter: 1000 },
    ]);
    expect(node.relay.stats.refused).toEqual({ SERVER_STARTING: 1 });
  });
});

describe("limits", () => {
  test("of exchanges under way", async () => {
    const owner = await start("AAAA");
    const front = await start("BBBB", {}, { maxPendingExchanges: 1 });
    link(owner, front);
    const sid = await openSession(owner);
    send(front, query(sid));
    await until(() => owner.relay.stats.owned === 1, "the poll at its owner");
    const { status, text, headers } = await send(front, query(sid), { body: "4x" }).answer;
    expect([status, JSON.parse(text), headers["retry-after"]]).toEqual([
      503,
      { code: 6, message: "Too many forwarded requests", retryAfter: 1000 },
      "1",
    ]);
    expect(front.relay.stats).toMatchObject({ refused: { FORWARD_OVERLOADED: 1 } });
  });

  test("of the owner", async () => {
    const owner = await start("AAAA", {}, { maxPendingExchanges: 1 });
    const front = await start("BBBB");
    link(owner, front);
    const sid = await openSession(owner);
    send(front, query(sid));
    await until(() => owner.relay.stats.owned === 1, "the poll at its owner");
    expect((await send(front, query(sid), { body: "4x" }).answer).status).toBe(503);
  });

  test("of a link: requests are refused, bodies and answers wait", async () => {
    const owner = await start("AAAA", { maxHttpBufferSize: 1e7 }, { maxLinkBytes: 1e6 });
    const front = await start("BBBB", {}, { maxLinkBytes: 1e6 });
    const [atOwner, atFront] = link(owner, front);
    atOwner.highWater = atFront.highWater = 500_000;
    const sids = await Promise.all(Array.from({ length: 20 }, () => openSession(owner)));
    atFront.hold();
    const posts = sids.map((sid) => send(front, query(sid), { body: `4${"x".repeat(200_000)}` }));
    await until(() => atFront.queuedBytes > 500_000, "a long queue");
    for (let i = 0; i < 50; i++) await turn();
    expect(atFront.queuedBytes).toBeLessThan(750_000);
    atFront.release();
    expect((await Promise.all(posts.map(({ answer }) => answer))).map(({ text }) => text)).toEqual(
      sids.map(() => "ok"),
    );
    atOwner.hold();
    const polls = sids.map((sid) => send(front, query(sid)));
    await until(() => owner.relay.stats.owned === 20, "the polls at their owner");
    for (const sid of sids) (owner.engine.clients[sid] as Socket).send("y".repeat(200_000));
    await until(() => atOwner.queuedBytes > 500_000, "a long queue");
    for (let i = 0; i < 50; i++) await turn();
    expect(atOwner.queuedBytes).toBeLessThan(750_000);
    atOwner.release();
    for (const { answer } of polls) expect((await answer).text).toBe(`4${"y".repeat(200_000)}`);
  });

  test("of unknown ids from one address; sessions that were found before go on", async () => {
    const clock = new FakeClock();
    const trio = await startTrio({ clock });
    const { front, sid, owner } = trio;
    await send(front, query(sid), { body: "4x" }).answer;
    const junk = (i: number): string => query(`AAAA${String(i).padStart(16, "0")}`);
    for (let i = 0; i < 500; i++) expect((await send(front, junk(i)).answer).status).toBe(400);
    expect((await send(front, junk(500)).answer).status).toBe(503);
    expect((await send(front, query(sid), { body: "4x" }).answer).text).toBe("ok");
    expect(owner.relay.stats.received).toBe(502);
    clock.advance(10);
    expect((await send(front, junk(501)).answer).status).toBe(400);
  });
});

test("the id of a session that has ended counts as unknown", async () => {
  const clock = new FakeClock();
  const owner = await start("AAAA", { clock });
  const front = await start("BBBB", { clock }, { maxUnknownIds: 2 });
  link(owner, front);
  const [lasting, ending] = [await openSession(owner), await openSession(owner)];
  const post = async (sid: string): Promise<number> => (await send(front, query(sid), { body: "4x" }).answer).status;
  expect([await post(lasting), await post(ending)]).toEqual([200, 200]);
  (owner.engine.clients[ending] as Socket).close(true);
  expect([await post(ending), await post(ending), await post(ending)]).toEqual([400, 400, 503]);
  expect(await post(lasting)).toBe(200);
});

test("a node that listens again after a drain serves as before", async () => {
  const trio = await startTrio();
  void trio.front.engine.drain();
  trio.front.relay.resume();
  const poll = await holdPoll(trio, trio.front);
  trio.session.send("as before");
  expect((await poll.answer).text).toBe("4as before");
  expect(trio.front.relay.isLeaving).toBe(false);
});

test("a node that leaves has its held polls answered, and asks for other connections", async () => {
  const trio = await startTrio();
  const poll = await holdPoll(trio, trio.front);
  void trio.front.engine.drain();
  const { text, headers } = await poll.answer;
  expect([text, headers.connection]).toEqual(["6", "close"]);
  await until(() => trio.owner.relay.stats.owned === 0, "the end of the exchange");
  trio.session.send("elsewhere");
  expect((await send(trio.other, query(trio.sid)).answer).text).toBe("4elsewhere");
});

test("a node that closes answers its held polls: their clients poll elsewhere", async () => {
  const trio = await startTrio({ cors: { origin: "*" } });
  const poll = await holdPoll(trio, trio.front);
  trio.front.engine.close();
  for (const link of trio.front.peers.links.values()) link.close("left", "gone");
  const { text, headers } = await poll.answer;
  expect([text, headers["access-control-allow-origin"]]).toEqual(["6", "*"]);
  trio.session.send("elsewhere");
  expect((await send(trio.other, query(trio.sid)).answer).text).toBe("4elsewhere");
});

test("a node that has settled has no answer under way, and answers further polls itself", async () => {
  const trio = await startTrio();
  const poll = await holdPoll(trio, trio.front);
  await trio.front.relay.settle();
  expect(trio.front.relay.stats.pending).toBe(0);
  expect((await poll.answer).text).toBe("6");
  await until(() => trio.owner.relay.stats.owned === 0, "the end of the exchange");
  const { received } = trio.owner.relay.stats;
  expect((await send(trio.front, query(trio.sid)).answer).text).toBe("6");
  expect(trio.owner.relay.stats.received).toBe(received);
  expect((await send(trio.front, query(trio.sid), { body: "4x" }).answer).text).toBe("ok");
  trio.session.send("elsewhere");
  expect((await send(trio.other, query(trio.sid)).answer).text).toBe("4elsewhere");
});
