// Clients of several libraries in a process of their own, which write down what they saw. programs.ts starts it.
import { subscribe } from "node:diagnostics_channel";
import http from "node:http";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

// Each request has a connection of its own, so that it may land anywhere.
http.globalAgent = new http.Agent({ keepAlive: false });

const libraries = {
  4.8: () => require("socket.io-client").io,
  2.5: () => require("socket.io-client-2"),
  portage: () => require("@portage/client").io,
};
const ways = {
  polling: { transports: ["polling"] },
  upgrade: { transports: ["polling", "websocket"] },
  websocket: { transports: ["websocket"] },
};

const now = () => performance.timeOrigin + performance.now();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Random numbers from a seed (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Answers by status, and the first ones that no client should get. */
const answers = { statuses: {}, refused: [] };
subscribe("http.client.response.finish", ({ request, response }) => {
  const { statusCode } = response;
  answers.statuses[statusCode] = (answers.statuses[statusCode] ?? 0) + 1;
  if (statusCode < 400) return;
  const seen = { at: now(), status: statusCode, request: `${request.method} ${request.path}`, body: "" };
  if (answers.refused.length < 5000) answers.refused.push(seen);
  response.on("data", (chunk) => (seen.body += chunk));
});

const TEXT = "x".repeat(20_000);
const BYTES = Buffer.alloc(100_000, 7);
const isSame = (one, other) => (Buffer.isBuffer(one) ? Buffer.compare(one, Buffer.from(other)) === 0 : one === other);

class Session {
  #random;
  #waiting = new Map();
  #next = 0;
  #onCaughtUp = () => {};
  ups = 0;
  downs = 0;
  ended = undefined;
  faults = [];
  news = {};
  /** Milliseconds of the longest wait for an echo. */
  longest = 0;

  constructor(url, kind, seed) {
    const [library, way] = kind.split(" ");
    this.kind = kind;
    this.#random = randomFrom(seed);
    const settings = { forceNew: true, reconnection: false, timeout: 120_000, ...ways[way] };
    this.socket = libraries[library]()(url, settings);
    this.opened = new Promise((resolve) => {
      this.socket.on("connect", () => {
        this.sid = this.socket.io.engine.id;
        resolve();
      });
      const failed = (error) => {
        this.#end(`not connected: ${error?.message ?? error} ${error?.description?.message ?? ""}`);
        resolve();
      };
      this.socket.on("connect_error", failed);
      this.socket.on("error", failed);
    });
    this.socket.on("disconnect", (reason) => this.#end(reason));
    this.socket.on("down", (m, n, body) => this.#down(m, n, body));
    this.socket.on("news", (tag, n) => this.#hear(tag, n));
  }

  #fault(sentence) {
    if (this.faults.length < 5) this.faults.push(sentence);
  }

  #end(reason) {
    this.ended ??= { reason, at: now() };
    this.#onCaughtUp();
  }

  #down(m, n, body) {
    if (m !== this.downs) this.#fault(`down ${m} instead of ${this.downs}`);
    this.downs = m + 1;
    if (n === -1) return;
    if (n !== this.#next) this.#fault(`echo ${n} instead of ${this.#next}`);
    if (!isSame(this.#waiting.get(n), body)) this.#fault(`echo ${n} has another content`);
    this.#waiting.delete(n);
    this.#next = n + 1;
    if (this.#waiting.size === 0) this.#onCaughtUp();
  }

  #hear(tag, n) {
    const last = this.news[tag];
    if (last !== undefined && n !== last + 1) this.#fault(`news ${n} of ${tag} after ${last}`);
    this.news[tag] = n;
  }

  #body() {
    const chance = this.#random();
    if (chance < 0.02) return BYTES;
    return chance < 0.06 ? TEXT : `text ${chance}`;
  }

  #send() {
    const body = this.#body();
    this.#waiting.set(this.ups, body);
    this.socket.emit("up", this.ups, body);
    this.ups += 1;
  }

  #caughtUp() {
    if (this.#waiting.size === 0 || this.ended) return undefined;
    return new Promise((resolve) => (this.#onCaughtUp = resolve));
  }

  /** Sends bursts of one to five messages, each once the last one has been answered. */
  async talk({ rounds, pace }) {
    for (let round = 0; round < rounds && !this.ended; round += 1) {
      const burst = this.#random() < 0.6 ? 1 : Math.ceil(this.#random() * 5);
      for (let sent = 0; sent < burst; sent += 1) this.#send();
      const begin = performance.now();
      await this.#caughtUp();
      this.longest = Math.max(this.longest, performance.now() - begin);
      await pause(this.#random() * pace);
    }
  }

  /** Compares the counts of both sides, and leaves. */
  async leave() {
    if (this.ended) return;
    const counts = await new Promise((resolve) => {
      this.socket.on("disconnect", () => resolve(undefined));
      this.socket.emit("bye", resolve);
    });
    if (counts && counts.ups !== this.ups) this.#fault(`${this.ups} up, the server has ${counts.ups}`);
    if (counts && counts.downs !== this.downs) this.#fault(`${this.downs} down, the server sent ${counts.downs}`);
    this.transport = this.socket.io.engine.transport.name;
    this.socket.off("disconnect");
    this.left = now();
    this.socket.disconnect();
  }

  report() {
    const { kind, sid, ups, downs, ended, faults, news, left, longest } = this;
    const transport = this.transport ?? this.socket.io.engine?.transport?.name;
    return { kind, sid, tag: sid?.slice(0, 4), transport, ups, downs, ended, faults, news, left, longest };
  }
}

const sessions = [];

/** Does this for all sessions, `atOnce` at a time. */
async function each(atOnce, work) {
  const left = sessions.values();
  const next = async () => {
    for (const session of left) await work(session);
  };
  await Promise.all(Array.from({ length: atOnce }, next));
}

const questions = {
  /** Opens sessions, `rate` a second; each begins to talk when it is open. */
  async open({ url, count, kinds, rate, seed, rounds = 0, pace = 0 }) {
    const begin = performance.now();
    const begun = [];
    for (let index = 0; index < count; index += 1) {
      const session = new Session(url, kinds[index % kinds.length], seed * 100_000 + index);
      sessions.push(session);
      begun.push(session.opened.then(() => session.talk({ rounds, pace })));
      const due = begin + (1000 * (index + 1)) / rate - performance.now();
      if (due > 0) await pause(due);
    }
    await Promise.all(begun);
  },
  talk: async (plan) => void (await Promise.all(sessions.map((session) => session.talk(plan)))),
  leave: ({ atOnce = 50 } = {}) => each(atOnce, (session) => session.leave()),
  /** Waits until all sessions have heard the last broadcast of each node; returns how many have not. */
  async hear({ last, patience }) {
    const isDeaf = ({ ended, news }) => !ended && Object.entries(last).some(([tag, n]) => news[tag] !== n);
    const deadline = performance.now() + patience;
    while (sessions.some(isDeaf) && performance.now() < deadline) await pause(20);
    return sessions.filter(isDeaf).length;
  },
  /** Returns how many sessions of an owner have not ended. */
  living: (tag) => sessions.filter(({ sid, ended }) => !ended && sid?.startsWith(tag)).length,
  report: () => ({ ...answers, sessions: sessions.map((session) => session.report()) }),
};

process.on("message", async ({ id, question, value }) => {
  try {
    process.send({ id, answer: await questions[question](value) });
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) });
  }
});
process.on("disconnect", () => process.exit());
process.send({ id: 0 });
