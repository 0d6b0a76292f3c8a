/*
 * A client and a server of ours, between which one thing breaks.
 */
import { afterEach, describe, expect, test } from "vitest";
import type { Rules } from "../../walls/line.ts";
import { within } from "../../support/waiting.ts";
import { type Accident, Ferry, type FerryOptions } from "./ferry.ts";

let ferry: Ferry;
afterEach(() => ferry.stop());

const half = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length >> 1);

const isPost = (start: string): boolean => start.startsWith("POST");

/** Breaks in the middle of what the client sends, if `wanted`. */
const cutRequest =
  (wanted: (start: string, isWebSocket: boolean) => boolean): Accident =>
  (line, isFirst): Rules => ({
    request({ start, headers, bytes }) {
      if (!wanted(start, headers.get("upgrade") !== undefined) || !isFirst()) return bytes;
      line.cutWith("up", half(bytes), "reset");
      return undefined;
    },
  });

const PLAIN_POLLS = { transports: ["polling"], stream: false } as const satisfies FerryOptions["client"];

/** Breaks in the body of the next answer. */
const inAnswer: Accident = (line, isFirst) => ({
  down({ bytes, head }) {
    if (head || !isFirst()) return bytes;
    line.cutWith("down", half(bytes), "reset");
    return undefined;
  },
});

/** Breaks in the body of the next POST. */
const inPost: Accident = (line, isFirst) => ({
  up({ bytes }) {
    if (!isFirst()) return bytes;
    line.cutWith("up", half(bytes), "reset");
    return undefined;
  },
});

const ACCIDENTS: Record<string, { readonly accident: Accident; readonly client?: FerryOptions["client"] }> = {
  "the head of a poll": { accident: cutRequest((start) => start.startsWith("GET")), client: PLAIN_POLLS },
  "the head of a POST": { accident: cutRequest(isPost), client: PLAIN_POLLS },
  "the body of a POST": { accident: inPost, client: PLAIN_POLLS },
  "the body of a POST beside an answer that goes on": { accident: inPost, client: { transports: ["polling"] } },
  "the answer to a request, at its head": {
    client: PLAIN_POLLS,
    accident: (line, isFirst) => ({
      down({ bytes, head }) {
        if (!head || !isFirst()) return bytes;
        line.cutWith("down", half(bytes), "end");
        return undefined;
      },
    }),
  },
  "the answer to a request, in its body": { accident: inAnswer, client: PLAIN_POLLS },
  "an answer that goes on": { accident: inAnswer, client: { transports: ["polling"] } },
  "a frame of the client": {
    accident: (line, isFirst) => ({
      up({ bytes }) {
        if (!line.isWebSocket || !isFirst()) return bytes;
        line.cutWith("up", half(bytes), "reset");
        return undefined;
      },
    }),
  },
  "a frame of the server": {
    accident: (line, isFirst) => ({
      down({ bytes, head }) {
        if (!line.isWebSocket || head || !isFirst()) return bytes;
        line.cutWith("down", half(bytes), "end");
        return undefined;
      },
    }),
  },
  "a frame of a client without polling": { accident: inPost, client: { transports: ["websocket"] } },
};

/** Both sides send numbers, with bytes in every third, and count the acknowledgements. */
async function talk({ client, socket, io }: Ferry, count: number) {
  const up: number[] = [];
  const down: number[] = [];
  let acknowledged = 0;
  const done = new Promise<void>((resolve) => {
    const check = (): void => {
      if (acknowledged === 2 * count && up.length >= count && down.length >= count) resolve();
    };
    const once = (): void => {
      acknowledged++;
      check();
    };
    socket.on("up", (number: number, bytes: Buffer | null, ack: () => void) => {
      if (bytes && bytes[0] !== number) throw new Error("other bytes");
      up.push(number);
      ack();
    });
    client.on("down", (number: number, ack: () => void) => {
      down.push(number);
      ack();
    });
    client.on("room", check);
    for (let number = 0; number < count; number++) {
      setImmediate(() => {
        client.emit("up", number, number % 3 ? null : Buffer.alloc(2000, number), once);
        socket.emit("down", number, once);
        io.to("room").emit("room", number);
      });
    }
  });
  await within(done, () => `${acknowledged} acknowledgements; up ${up.join()}; down ${down.join()}`);
  return { up, down, acknowledged };
}

describe("nothing is lost, doubled or reordered when the connection breaks in", () => {
  test.each(Object.entries(ACCIDENTS))("%s", async (_, { accident, client = {} }) => {
    ferry = await (await Ferry.launch({ client })).connected();
    if (client.transports?.[0] !== "polling") await ferry.upgraded();
    await ferry.socket.join("room");
    const rooms: number[] = [];
    ferry.client.on("room", (number: number) => rooms.push(number));
    ferry.expect(accident);
    const { up, down, acknowledged } = await talk(ferry, 20);
    const all = Array.from({ length: 20 }, (_value, number) => number);
    expect(ferry.hasBroken).toBe(true);
    await ferry.carried();
    expect({ up, down, acknowledged }).toEqual({ up: all, down: all, acknowledged: 40 });
    expect(rooms).toEqual(all);
    expect(ferry.events.filter((event) => !/^\w+ to \w+$/.test(event))).toEqual([]);
    expect(ferry.socket.conn.carried).toBe(1);
    expect(ferry.io.stats().sessions).toMatchObject({ open: 1, adrift: 0, closed: {} });
  });

  const DURING_UPGRADE: Record<string, Accident> = {
    "the request of the WebSocket": cutRequest((_start, isWebSocket) => isWebSocket),
    "the answer to the WebSocket": (line, isFirst) => ({
      down({ bytes }) {
        if (!line.isWebSocket || !isFirst()) return bytes;
        line.cutWith("down", half(bytes), "reset");
        return undefined;
      },
    }),
    "the probe": (line, isFirst) => ({
      up({ bytes }) {
        if (!line.isWebSocket || !isFirst()) return bytes;
        line.cut("reset");
        return undefined;
      },
    }),
    "the answer to the probe": (line, isFirst) => ({
      down({ bytes, head }) {
        if (!line.isWebSocket || head || !isFirst()) return bytes;
        line.cut("end");
        return undefined;
      },
    }),
  };

  test.each(Object.entries(DURING_UPGRADE))("an upgrade: %s", async (_, accident) => {
    ferry = await Ferry.launch();
    ferry.expect(accident);
    await ferry.connected();
    const { up, down, acknowledged } = await talk(ferry, 20);
    const all = Array.from({ length: 20 }, (_value, number) => number);
    expect({ up, down, acknowledged }).toEqual({ up: all, down: all, acknowledged: 40 });
    expect(ferry.events.filter((event) => !/^\w+ to \w+$/.test(event))).toEqual([]);
  });

  test("an upgrade: all of it", async () => {
    ferry = await Ferry.launch();
    ferry.expect((line, isFirst) => ({
      up({ bytes }) {
        if (!line.isWebSocket || !isFirst()) return bytes;
        ferry.cut();
        return undefined;
      },
    }));
    await ferry.connected();
    const { up, down } = await talk(ferry, 20);
    expect([up.length, down.length]).toEqual([20, 20]);
    expect(ferry.events.filter((event) => !/^\w+ to \w+$/.test(event))).toEqual([]);
  });
});
