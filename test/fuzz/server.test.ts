import { describe, expect, test } from "vitest";
import { ChildBystander, ChildServer } from "../support/servers/child-server.ts";
import { FUZZ_TIME, forSeeds } from "../support/fuzzing.ts";
import { Random } from "../support/random.ts";
import { RawTcp } from "../support/raw/tcp.ts";
import { upgradeRequest } from "../support/raw/websocket.ts";
import { enginePacket, frames, payload, request } from "./grammar.ts";
import { frame, OPCODE } from "../support/raw/frames.ts";

// For any action of clients, the process survives, others are served within a second, and memory does not grow.

const OPTIONS = {
  allowEIO3: true,
  pingInterval: 1000,
  pingTimeout: 3000,
  maxHttpBufferSize: 200_000,
  upgradeTimeout: 300,
  connectTimeout: 1000,
  destroyUpgradeTimeout: 100,
  cleanupEmptyChildNamespaces: true,
  perMessageDeflate: true,
};

type Episode = (random: Random, tcp: readonly RawTcp[], port: number) => Promise<void>;

const send = async (tcp: RawTcp, bytes: string | Buffer): Promise<void> => {
  if (!tcp.stream.destroyed) await tcp.write(bytes);
};

/** Lets the server answer, some of the time. */
const pause = (random: Random): Promise<void> =>
  random.below(2) === 0 ? new Promise((resolve) => setTimeout(resolve, random.below(4))) : Promise.resolve();

const post = (path: string, body: string | Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body as string),
  ]);

/** Opens a session over polling; its path, or undefined when the connection was refused. */
async function openPolling(tcp: RawTcp, revision: 3 | 4): Promise<{ sid: string; path: string }> {
  const path = `/socket.io/?EIO=${revision}&transport=polling`;
  await tcp.write(`GET ${path}&b64=1 HTTP/1.1\r\nHost: a\r\n\r\n`);
  const sid = /"sid":"([\w-]+)"/.exec(await tcp.until(/"sid":"[\w-]+"/))?.[1] ?? "";
  return { sid, path: `${path}&sid=${sid}` };
}

const EPISODES: Record<string, Episode> = {
  async requests(random, [tcp]) {
    for (let count = 1 + random.below(5); count > 0; count--) {
      await send(tcp!, Buffer.from(request(random, "x"), "latin1"));
      await pause(random);
    }
  },

  async polling(random, [first, second, third]) {
    const revision = random.below(3) === 0 ? 3 : 4;
    const { sid, path } = await openPolling(first!, revision);
    if (revision === 4 && random.below(4) > 0) await send(second!, post(path, "40"));
    for (let count = 1 + random.below(6); count > 0; count--) {
      const tcp = random.pick([first!, second!, third!]);
      const bytes = random.pick<() => string | Buffer>([
        () => post(path, payload(random, revision)),
        () => post(path, payload(random, revision)),
        () => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`,
        () => post(path, payload(random, revision)).subarray(0, 120),
        () => post(`${path}&j=0`, `d=${escape(String(payload(random, revision)))}`),
        () => Buffer.from(request(random, sid), "latin1"),
      ])();
      await send(tcp, bytes);
      await pause(random);
      if (random.below(6) === 0) tcp.reset();
    }
  },

  async websocket(random, [tcp], port) {
    const revision = random.below(4) === 0 ? 3 : 4;
    const early = random.below(4) === 0 ? frames(random) : Buffer.alloc(0);
    const opening = upgradeRequest({ port, revision });
    await send(tcp!, Buffer.concat([Buffer.from(opening), early]));
    if (revision === 4 && random.below(5) > 0) await send(tcp!, frame({ opcode: OPCODE.text, payload: "40" }));
    for (let count = 1 + random.below(8); count > 0; count--) {
      await send(tcp!, frames(random));
      await pause(random);
    }
  },

  async upgrade(random, [polling, first, second], port) {
    const { sid, path } = await openPolling(polling!, 4);
    const revision = random.below(6) === 0 ? 3 : 4;
    for (const candidate of [first!, second!]) await send(candidate, upgradeRequest({ port, revision, sid }));
    for (let count = 2 + random.below(8); count > 0; count--) {
      const packet = random.pick(["2probe", "5", "3probe", "6", "40", "1", "2", '42["x"]', enginePacket(random)]);
      const candidate = random.pick([first!, second!]);
      if (random.below(3) > 0) await send(candidate, frame({ opcode: OPCODE.text, payload: packet }));
      else if (random.below(2) === 0) await send(polling!, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      else await send(polling!, post(path, packet));
      await pause(random);
      if (random.below(10) === 0) candidate.reset();
    }
  },
};

async function play(server: ChildServer, episode: Episode, random: Random): Promise<void> {
  const tcp = await Promise.all([1, 2, 3].map(() => RawTcp.open(server.port)));
  try {
    await episode(random, tcp, server.port);
  } finally {
    for (const each of tcp) {
      if (random.below(2) === 0) each.reset();
      else each.end();
    }
    server.checkAlive();
  }
}

const BYSTANDERS = 2;

async function fuzz(name: string, episode: Episode, server: ChildServer): Promise<void> {
  const bystander = await ChildBystander.join(server);
  // Compiled code, caches and pools are allocated once.
  for (let seed = 0; seed < 30; seed++) await play(server, episode, new Random(seed));
  const before = await server.memory();
  const runs = await forSeeds(async (seed, random) => {
    await play(server, episode, random);
    if (seed % 10 === 0) await bystander.check();
  });
  await bystander.check();
  // The heartbeat ends abandoned sessions.
  await server.settled(BYSTANDERS);
  const after = await server.memory();
  expect(after.heapUsed, `${name}: heap after ${runs} runs, ${before.heapUsed} before`).toBeLessThan(
    before.heapUsed * 1.2 + 2e6,
  );
  bystander.leave();
}

// In parallel: each has its own server, and waits for its heartbeat.
describe.concurrent.each(Object.entries(EPISODES))("%s", (name, episode) => {
  test("of any kind do no harm to anybody", { timeout: FUZZ_TIME }, async () => {
    const server = await ChildServer.start(OPTIONS);
    try {
      await fuzz(name, episode, server);
    } finally {
      await server.stop();
    }
  });
});
