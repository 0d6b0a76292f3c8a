import { Random } from "../support/random.ts";
import { type Head, type Piece } from "./http-pieces.ts";
import type { Begin, Line, Rules } from "./line.ts";

/** What the scenario does besides its usual messages. */
export interface Talk {
  /** Bytes of one larger message of the client. */
  readonly large?: number;
  /** Messages that the client sends in one tick, of 400 bytes each. */
  readonly burst?: number;
  /** Milliseconds during which both sides are silent. */
  readonly pause?: number;
  /** Milliseconds that the wall needs beyond the usual time to show what it does. */
  readonly more?: number;
}

/** Something between clients and servers that does not let everything pass. */
export interface Wall {
  readonly name: string;
  readonly does: string;
  readonly begin: Begin;
  readonly talk?: Talk;
  /** What the diagnosis of a client of ours says that has met this wall. */
  readonly named?: RegExp;
  /** What meets the wall. Default: WebSocket. */
  readonly over?: "WebSocket" | "anything";
}

const PORTAL = "<html><title>Welcome to our hotel</title></html>";

/** Rules for WebSocket alone; HTTP passes. */
const onWebSocket = (judge: (line: Line, head: Head) => Buffer | undefined): Begin => {
  return (line) => ({ request: (head) => (line.isWebSocket ? judge(line, head) : head.bytes) });
};

/** The head of a request without what asks for a WebSocket. */
function stripped({ start, headers }: Head): Buffer {
  const rest = [...headers].filter(([name]) => name !== "upgrade" && name !== "connection");
  const lines = [start, ...rest.map(([name, value]) => `${name}: ${value}`), "connection: close"];
  return Buffer.from(lines.join("\r\n") + "\r\n\r\n", "latin1");
}

/** Something happens to each WebSocket that has opened. */
const afterOpening = (act: (line: Line) => void, ms = 0): Begin => {
  return (line) => ({
    down(piece) {
      if (!line.isWebSocket || !piece.head) return piece.bytes;
      line.release("down", piece.bytes);
      if (ms > 0) line.after(ms, () => act(line));
      else act(line);
      return undefined;
    },
  });
};

/** Sets a reserved bit in what a client sends over WebSocket, as scanners do that take frames for something else. */
const mangle: Begin = (line) => ({
  up(piece) {
    if (line.isWebSocket) piece.bytes[0] = (piece.bytes[0] as number) | 0x40;
    return piece.bytes;
  },
});

/** Finds the frames of a WebSocket in what a client sends. */
class Frames {
  #bytes: Buffer = Buffer.alloc(0);

  /** @returns lengths of the frames that are complete with this chunk */
  add(chunk: Buffer): number[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const lengths: number[] = [];
    for (;;) {
      const short = (this.#bytes[1] ?? 0) & 0x7f;
      const size = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (this.#bytes.length < size) return lengths;
      const length =
        short === 126 ? this.#bytes.readUInt16BE(2) : short === 127 ? Number(this.#bytes.readBigUInt64BE(2)) : short;
      const end = size + 4 + length;
      if (this.#bytes.length < end) return lengths;
      lengths.push(length);
      this.#bytes = this.#bytes.subarray(end);
    }
  }
}

function swallowBehindLarge(line: Line): Rules {
  const frames = new Frames();
  return {
    up(piece) {
      if (line.isWebSocket && frames.add(piece.bytes).some((length) => length > 16_384)) {
        queueMicrotask(() => line.mute("up"));
      }
      return piece.bytes;
    },
  };
}

/** Answers pass once they are whole, their first `free` bytes at once. */
function holdAnswers(line: Line, free: number): Rules {
  let held: Buffer[] = [];
  let passed = 0;
  return {
    down(piece) {
      if (line.isWebSocket) return piece.bytes;
      if (piece.head) passed = 0;
      passed += piece.bytes.length;
      if (!piece.isLast && passed <= free) return piece.bytes;
      held.push(piece.bytes);
      if (!piece.isLast) return undefined;
      const all = Buffer.concat(held);
      held = [];
      return all;
    },
  };
}

/** What the server says leaves 200 ms late, unless an answer ends with it. */
function cork(line: Line): Rules {
  const held: Buffer[] = [];
  const release = (): Buffer => Buffer.concat(held.splice(0));
  return {
    down(piece) {
      held.push(piece.bytes);
      if (piece.isLast) return release();
      if (held.length === 1) line.after(200, () => line.release("down", release()));
      return undefined;
    },
  };
}

/** Connections end that carry nothing for so long. Milliseconds. */
function cutIdle(line: Line, ms: number): Rules {
  let last = performance.now();
  const look = (): void => {
    const idle = performance.now() - last;
    if (idle >= ms) line.cut();
    else line.after(ms - idle, look);
  };
  line.after(ms, look);
  const note = (piece: Piece): Buffer => {
    last = performance.now();
    return piece.bytes;
  };
  return { up: note, down: note };
}

function refuseLargePosts(line: Line): Rules {
  return {
    request(head) {
      if (Number(head.headers.get("content-length") ?? 0) <= 8192) return head.bytes;
      line.answer("413 Content Too Large", "too large");
      return undefined;
    },
  };
}

function cutHttpRefuseWebSocket(line: Line): Rules {
  line.after(2000, () => line.cut());
  return {
    request(head) {
      if (!line.isWebSocket) return head.bytes;
      line.answer("403 Forbidden", "no");
      return undefined;
    },
  };
}

function cutAny(line: Line): Rules {
  line.after(1000 + new Random(line.road.count).below(2000), () => line.cut());
  return {};
}

function portal(line: Line): Rules {
  return {
    request(head) {
      if (line.road.age > 2000) return head.bytes;
      line.answer("200 OK", PORTAL);
      return undefined;
    },
  };
}

const refuseUploads = (line: Line): Rules => ({
  request(head) {
    if (!head.start.startsWith("POST")) return head.bytes;
    line.answer("403 Forbidden", "no uploads");
    return undefined;
  },
});

const everything: Begin = () => ({});

const swallow = (line: Line): undefined => line.mute("up", "down") as undefined;

export const WALLS = {
  none: { name: "none", does: "lets everything pass", begin: everything },
  strips: {
    name: "strips Upgrade",
    does: "WebSocket handshakes reach the server as common requests",
    begin: onWebSocket((_line, head) => stripped(head)),
    named: /400/,
  },
  forbids: {
    name: "403",
    does: "WebSocket handshakes are answered with 403",
    begin: onWebSocket((line) => line.answer("403 Forbidden", "no") as undefined),
    named: /403/,
  },
  resets: {
    name: "reset",
    does: "WebSocket handshakes end with a RST",
    begin: onWebSocket((line) => line.cut("reset") as undefined),
    named: /ECONNRESET/,
  },
  hangs: {
    name: "upgrade hangs",
    does: "WebSocket handshakes are never answered",
    begin: onWebSocket(swallow),
    named: /timeout|pending|dropped/,
  },
  deaf: {
    name: "101, then nothing",
    does: "WebSockets open, and nothing passes",
    begin: afterOpening(swallow),
    named: /timeout|pending|dropped/,
  },
  downstream: {
    name: "101, downstream only",
    does: "WebSockets open, and nothing of the client passes",
    begin: afterOpening((line) => line.mute("up")),
    named: /timeout|pending|dropped|PING_TIMEOUT/,
  },
  mangles: {
    name: "101, frames mangled",
    does: "WebSockets open, and a reserved bit of the client's frames is set",
    begin: mangle,
    named: /1002/,
  },
  ends: {
    name: "WebSocket ends",
    does: "WebSockets end after 1.5 s",
    begin: afterOpening((line) => line.cut(), 1500),
    talk: { more: 14_000 },
    named: /1006|skipped/,
  },
  falls: {
    name: "WebSocket falls silent",
    does: "nothing passes through a WebSocket any more after 1.5 s",
    begin: afterOpening(swallow, 1500),
    talk: { more: 3000 },
    named: /ping timeout|skipped|silen/,
  },
  large: {
    name: "> 16 KB swallows",
    does: "client frames behind one of more than 16 KB never arrive",
    begin: swallowBehindLarge,
    talk: { large: 20_000, more: 3000 },
  },
  buffers: {
    name: "whole answers only",
    does: "HTTP answers pass once they are whole",
    begin: (line) => holdAnswers(line, 0),
  },
  kilobyte: {
    name: "1 KiB, then holds",
    does: "1 KiB of an HTTP answer passes, the rest once it is whole",
    begin: (line) => holdAnswers(line, 1024),
  },
  cutsHttp: {
    name: "HTTP cut, no WebSocket",
    does: "connections end after 2 s, and WebSocket handshakes are answered with 403",
    begin: cutHttpRefuseWebSocket,
    talk: { pause: 2500 },
    named: /403/,
  },
  cuts: { name: "all cut", does: "every connection ends after 1 to 3 s", begin: cutAny, talk: { pause: 3500 } },
  portal: {
    name: "captive portal",
    does: "for 2 s every request is answered with a page",
    begin: portal,
    named: /200|Welcome/,
    over: "anything",
  },
  uploads: { name: "no uploads", does: "every POST is answered with 403", begin: refuseUploads },
  posts: {
    name: "POST > 8 KB refused",
    does: "a POST of more than 8 KB is answered with 413",
    begin: refuseLargePosts,
    talk: { burst: 40 },
  },
  idle: {
    name: "idle cut",
    does: "connections without bytes for 1 s end, long before the next ping",
    begin: (line) => cutIdle(line, 1000),
    talk: { pause: 12_000 },
  },
  corks: { name: "corks", does: "what does not end an answer leaves 200 ms late", begin: cork },
  oneWay: {
    name: "one-way loss",
    does: "after 1.5 s nothing that the server says over a WebSocket arrives",
    begin: afterOpening((line) => line.mute("down"), 1500),
    talk: { more: 3000 },
    named: /ping timeout|skipped|silen/,
  },
} as const satisfies Record<string, Wall>;

export type WallName = keyof typeof WALLS;
