// Clients in a process of their own that come back after each loss, to any node, and write down what they get. programs.ts
// starts it, and asks by messages.
import http from "node:http";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

const libraries = {
  4.8: () => require("socket.io-client").Manager,
  portage: () => require("@portage/client").Manager,
  "portage without carry": () => require("@portage/client").Manager,
};
const ways = {
  polling: ["polling"],
  upgrade: ["polling", "websocket"],
  websocket: ["websocket"],
};

const now = () => performance.timeOrigin + performance.now();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Its connections can be broken, also those that have become WebSockets. */
class BreakableAgent extends http.Agent {
  open = new Set();

  createConnection(options, callback) {
    const socket = super.createConnection(options, callback);
    this.open.add(socket);
    socket.once("close", () => this.open.delete(socket));
    return socket;
  }

  break(how) {
    for (const socket of this.open) {
      if (how === "reset") socket.resetAndDestroy();
      else socket.destroy();
    }
  }
}

class Client {
  /** Each session: `{ sid, at, recoveries, got: [life, n, offset, ...] }`. */
  sessions = [];
  faults = [];
  pids = new Set();
  /** Numbers of own events that were answered. */
  answered = [];
  #agent = new BreakableAgent({ keepAlive: true });
  #sent = 0;
  #urls;

  constructor({ id, kind, retries, urls }) {
    this.id = id;
    this.kind = kind;
    this.retries = retries;
    this.#urls = urls;
    const [, library, way] = /^(.+) (\w+)$/.exec(kind);
    this.manager = new (libraries[library]())(urls[id % urls.length], {
      transports: ways[way],
      agent: this.#agent,
      reconnectionDelay: 20,
      reconnectionDelayMax: 300,
      timeout: 5000,
      ...(library === "portage without carry" && { carry: false }),
    });
    this.socket = this.manager.socket("/", {
      auth: { client: id },
      ...(retries && { retries: 1000, ackTimeout: 2000 }),
    });
    // A node does not answer: the next one is tried.
    this.manager.on("error", () => this.hop());
    this.socket.on("connect", () => this.#connected());
    this.socket.on("connect_error", ({ message }) => {
      if (this.socket.active) return;
      this.faults.push(`refused: ${message}`);
      setTimeout(() => this.socket.connect(), 100);
    });
    this.socket.on("disconnect", (reason) => {
      // Not by itself: the node has closed.
      if (reason === "io server disconnect") setTimeout(() => this.socket.connect(), 50);
    });
    this.socket.on("news", (life, n, offset) => this.sessions.at(-1)?.got.push(life, n, offset));
    this.socket.connect();
  }

  #connected() {
    const { id: sid, recovered } = this.socket;
    this.pids.add(this.socket._pid);
    const session = this.sessions.at(-1);
    if (!recovered) this.sessions.push({ sid, at: now(), recoveries: 0, got: [] });
    else if (session?.sid === sid) session.recoveries += 1;
    else this.faults.push("recovered as another socket");
  }

  /** The next attempt goes to this node, or to the next one. */
  hop(index = this.#urls.indexOf(this.manager.uri) + 1) {
    this.manager.uri = this.#urls[index % this.#urls.length];
  }

  break(how) {
    this.#agent.break(how);
  }

  /** Sends a numbered event, which counts once. */
  send() {
    const n = this.#sent;
    this.#sent += 1;
    this.socket.emit("up", n, (error) => {
      if (error) this.faults.push(`event ${n} was not answered`);
      else this.answered.push(n);
    });
  }

  report() {
    const { id, kind, sessions, faults, answered } = this;
    const transport = this.manager.engine?.transport?.name;
    const isConnected = this.socket.connected;
    return { id, kind, sessions, faults, answered, sent: this.#sent, transport, isConnected, pids: [...this.pids] };
  }
}

const clients = [];
let sending;

const until = async (isDone, patience) => {
  const deadline = performance.now() + patience;
  while (!isDone() && performance.now() < deadline) await pause(10);
  return isDone();
};

const questions = {
  /** Opens clients; resolves once all are connected. */
  async open({ plans, urls }) {
    for (const plan of plans) {
      clients.push(new Client({ ...plan, urls }));
      await pause(5);
    }
    return until(() => clients.every(({ socket }) => socket.connected), 20_000);
  },
  /** Breaks the connections of some clients; with `to`, they come back to that node. */
  break({ ids, how, to }) {
    for (const id of ids) {
      if (to !== undefined) clients[id].hop(to);
      clients[id].break(how);
    }
  },
  /** Clients with `retries` send this many events a second, each; the others enter and leave a room. */
  send({ rate }) {
    clearInterval(sending);
    sending = setInterval(() => {
      for (const client of clients) {
        if (client.retries) client.send();
        else if (client.socket.connected) client.socket.emit("move", Math.random() < 0.5);
      }
    }, 1000 / rate);
  },
  /** Stops sending; returns the clients that wait for an answer or have not got the last event of each node. */
  async settle({ last, patience }) {
    clearInterval(sending);
    const hasGot = ({ got }, { life, n }) => {
      for (let at = got.length - 3; at >= 0; at -= 3) if (got[at] === life && got[at + 1] === n) return true;
      return false;
    };
    const isDone = (client) => {
      const { answered, sent } = client.report();
      const session = client.sessions.at(-1);
      return (
        session !== undefined &&
        last.every((each) => hasGot(session, each)) &&
        answered.length === (client.retries ? sent : 0)
      );
    };
    await until(() => clients.every(isDone), patience);
    return clients.filter((client) => !isDone(client)).map(({ id }) => id);
  },
  connected: (patience) => until(() => clients.every(({ socket }) => socket.connected), patience),
  leave() {
    for (const { socket } of clients) socket.disconnect();
  },
  report: () => clients.map((client) => client.report()),
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
