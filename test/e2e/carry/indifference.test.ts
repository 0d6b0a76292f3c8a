/*
 * Clients that know nothing of the carry: the bytes on their wire are the same whether the server offers it or not.
 */
import { Server } from "@portage/server";
import { describe, expect, test } from "vitest";
import { ask, CLIENTS, type ClientOptions, WAYS } from "../../support/clients.ts";
import { FrameReader } from "../../support/raw/frames.ts";
import { Host } from "../../support/servers/host.ts";
import { nextEvent } from "../../support/waiting.ts";
import { type Direction, type Line, Road, type Rules } from "../../walls/line.ts";

/** What differs from run to run: ids, keys, times, ports. */
const RANDOM: [RegExp, string][] = [
  [/^(sec-websocket-(?:key|accept)|date): .*$/gim, "$1: *"],
  [/127\.0\.0\.1:\d+/g, "host"],
  [/([?&])t=[^& ]+/g, "$1t=*"],
  [/(?<![\w-])[\w-]{20}(?![\w-])/g, "<id>"],
];

const masked = (text: string): string => RANDOM.reduce((rest, [pattern, mask]) => rest.replace(pattern, mask), text);

/** Removes the masks from frames of a client; each comes in one piece. */
function unmask(bytes: Buffer): Buffer {
  const length = bytes.readUInt8(1) & 0x7f;
  const start = length === 126 ? 4 : 2;
  const size = length === 126 ? bytes.readUInt16BE(2) : length;
  const plain = Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 4, start + 4 + size)]);
  plain.writeUInt8(length, 1);
  for (let index = 0; index < size; index++) {
    plain.writeUInt8(plain.readUInt8(start + index) ^ bytes.readUInt8(start + (index & 3)), start + index);
  }
  const rest = bytes.subarray(start + 4 + size);
  return rest.length > 0 ? Buffer.concat([plain, unmask(rest)]) : plain;
}

/** Everything that passes, in both directions. */
class Recorder {
  readonly passed: string[] = [];

  readonly begin = (line: Line): Rules => {
    const frames = { up: new FrameReader(), down: new FrameReader() };
    const noteFrames = (direction: Direction, bytes: Buffer): void => {
      const read = frames[direction].push(direction === "up" ? unmask(bytes) : bytes);
      for (const { opcode, payload } of read) this.#note(direction, Buffer.concat([Buffer.from([opcode]), payload]));
    };
    const note = (direction: Direction, bytes: Buffer): Buffer => {
      const isAnswer = bytes.subarray(0, 8).toString() === "HTTP/1.1";
      // The first frames may come in one read with the answer to the handshake.
      const end = isAnswer ? bytes.indexOf("\r\n\r\n") + 4 : 0;
      if (!line.isWebSocket) this.#note(direction, bytes);
      else if (isAnswer) this.#note(direction, bytes.subarray(0, end));
      if (line.isWebSocket && end < bytes.length) noteFrames(direction, bytes.subarray(end));
      return bytes;
    };
    return {
      request: ({ bytes }) => {
        this.#note("up", bytes);
        return bytes;
      },
      up: ({ bytes }) => note("up", bytes),
      down: ({ bytes }) => note("down", bytes),
    };
  };

  #note(direction: Direction, bytes: Buffer): void {
    this.passed.push(masked(`${direction} ${bytes.toString("latin1")}`));
  }
}

/** What passes between a client and a server: events, acknowledgements, bytes, an end. */
async function record(name: string, options: ClientOptions, carry: boolean): Promise<string[]> {
  const host = new Host();
  const io = new Server(host.http, { carry, allowEIO3: true });
  io.on("connection", (socket) => {
    socket.on("echo", (...args: unknown[]) => (args.pop() as (...answer: unknown[]) => void)(...args));
    socket.on("bye", () => socket.disconnect(true));
  });
  await host.listen();
  const recorder = new Recorder();
  const road = new Road(host.port, recorder.begin);
  const client = CLIENTS[name]!(await road.listen(), options);
  try {
    await nextEvent(client, "connect");
    const { engine } = client.io;
    if (options.transports === undefined && engine.transport.name !== "websocket") await nextEvent(engine, "upgrade");
    for (const value of ["text", { deep: [1, null] }, Buffer.from([1, 2, 3])]) await ask(client, "echo", value);
    const gone = nextEvent(client, "disconnect");
    client.emit("bye");
    await gone;
  } finally {
    client.close();
    await road.stop();
    await io.close();
    await host.drained();
  }
  return recorder.passed;
}

/** The body, and the head of an answer with a body of one byte. */
const NOOP_ANSWER = /^down (?:6$|HTTP\/1\.1 200 OK\r\n[^]*content-length: 1\r\n)/i;

const OTHERS = Object.keys(CLIENTS).filter((name) => name !== "@portage/client");

describe.each(OTHERS)("%s", (name) => {
  test.each(Object.entries(WAYS))("%s", async (_, options) => {
    const [without, offered] = [await record(name, options, false), await record(name, options, true)];
    expect(offered.join("\n")).not.toMatch(/carry|turn=/);
    // requests side by side come in any order, and a poll during an upgrade is answered by a noop or by the queue
    const bytes = (passed: string[]): Set<string> => new Set(passed.filter((each) => !NOOP_ANSWER.test(each)));
    expect(bytes(offered)).toEqual(bytes(without));
    if (options.transports?.[0] === "websocket") expect(offered).toEqual(without);
  });
});
