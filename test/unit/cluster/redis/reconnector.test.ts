import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { inspect } from "node:util";
import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { createClient } from "redis";
import { createClient as createClient6 } from "redis-6";
import { afterEach, describe, expect, test } from "vitest";
import { ClientPort } from "../../../../packages/cluster/src/redis/client-port.ts";
import { nextEvent } from "../../../support/waiting.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const CLIENTS = {
  ioredis: (url: string) => new Redis(url, { lazyConnect: true }),
  iovalkey: (url: string) => new Valkey(url, { lazyConnect: true }),
  "redis 4": (url: string) => createClient({ url }),
  "redis 6": (url: string) => createClient6({ url }),
};

/** A Redis that takes connections, and sends one reply to all it reads, or none. */
class ScriptedRedis {
  readonly server: Server;
  readonly open = new Set<Socket>();

  constructor(reply = "") {
    this.server = createServer((socket) => {
      this.open.add(socket);
      this.server.emit("change");
      socket.on("error", () => undefined);
      socket.on("data", () => socket.write(reply));
      socket.on("close", () => {
        this.open.delete(socket);
        this.server.emit("change");
      });
    });
  }

  async listen(): Promise<string> {
    await once(this.server.listen(0, "127.0.0.1"), "listening");
    return `redis://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  /** Resolves when so many connections are open. */
  async until(count: number): Promise<void> {
    while (this.open.size !== count) await nextEvent(this.server, "change");
  }

  close(): void {
    for (const socket of this.open) socket.destroy();
    this.server.close();
  }
}

let redis: ScriptedRedis | undefined;
afterEach(() => redis?.close());

describe.each(Object.entries(CLIENTS))("an attempt to connect with %s that takes too long", (_name, client) => {
  test("is ended before the next one, and by the end of the port", async () => {
    redis = new ScriptedRedis();
    const clock = new FakeClock();
    const port = new ClientPort(client(await redis.listen()), clock);
    await redis.until(2);
    const first = [...redis.open];
    clock.advance(10_000);
    await redis.until(0);
    clock.advance(50);
    await redis.until(2);
    expect(first.some((socket) => redis?.open.has(socket))).toBe(false);
    port.close();
    await redis.until(0);
  });
});

test.each(Object.entries(CLIENTS))(
  "the error of a refused password with %s does not have the password",
  async (_name, client) => {
    redis = new ScriptedRedis("-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    const url = (await redis.listen()).replace("//", "//:open-sesame@");
    const port = new ClientPort(client(url), new FakeClock());
    const error = await new Promise((resolve) => {
      port.observe({ onInterrupted: (_part, reason) => resolve(reason) });
    });
    port.close();
    expect(error).toMatchObject({ code: "REDIS_UNAVAILABLE", message: expect.stringContaining("WRONGPASS") as string });
    expect(inspect(error, { depth: 9 })).not.toContain("open-sesame");
  },
);
