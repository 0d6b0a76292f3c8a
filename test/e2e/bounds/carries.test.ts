import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Ferry } from "../carry/ferry.ts";

const WARM_UP = 100;
const CARRIES = 250;

function heap(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}

/** A client and a server, whose connection breaks with messages under way until it has been carried so often. */
async function carry(ferry: Ferry, times: number): Promise<void> {
  const { client, socket } = ferry;
  while (socket.conn.carried < times) {
    const up = client.emitWithAck("up", "x".repeat(1000));
    const down = socket.emitWithAck("down", "x".repeat(1000));
    ferry.cut();
    await Promise.all([up, down]);
    ferry.events.length = 0;
  }
}

test.each([["polling"], ["websocket"]] as const)(
  "hundreds of carries over %s leave nothing in memory",
  async (transport) => {
    const ferry = await (await Ferry.launch({ client: { transports: [transport] } })).connected();
    try {
      ferry.client.on("down", (_text: string, done: () => void) => done());
      ferry.socket.on("up", (_text: string, done: () => void) => done());
      await carry(ferry, WARM_UP);
      const before = heap();
      await carry(ferry, WARM_UP + CARRIES);
      expect(heap() / before).toBeLessThan(1.05);
      expect(ferry.socket.conn.carried).toBe(WARM_UP + CARRIES);
      expect([ferry.socket.connected, ferry.client.connected]).toEqual([true, true]);
    } finally {
      await ferry.stop();
    }
  },
);
