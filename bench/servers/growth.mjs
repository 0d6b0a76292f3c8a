// socket.io or Portage with in-process connections: the whole stack runs except for the network, so that there
// can be very many of them. Measures the cost of operations by the number of things; sends the figures to its parent.
import { createServer, IncomingMessage } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Duplex } from "node:stream";
import { clientFrame, serverFrames } from "../frames.mjs";

const [, , name, most] = process.argv;
const { Server } = await import(name === "portage" ? "@portage/server" : "socket.io");
const MOST = Number(most);

/** Bytes written to all wires. */
let written = 0;

/** A TCP connection without a peer. */
class Wire extends Duplex {
  remoteAddress = "127.0.0.1";

  _read() {}

  _write(chunk, _encoding, callback) {
    written += chunk.length;
    callback();
  }

  _writev(chunks, callback) {
    for (const { chunk } of chunks) written += chunk.length;
    callback();
  }

  setTimeout() {
    return this;
  }

  setNoDelay() {
    return this;
  }

  /** Delivers a frame to the server, copied each time, as the server unmasks in place. */
  receive(frame) {
    this.push(Buffer.from(frame));
  }
}

const HEADERS = {
  host: "localhost",
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};
const turn = () => new Promise((resolve) => setImmediate(resolve));
const ECHO = clientFrame('420["echo",1]');
const CONNECT = clientFrame("40");

/** A server with connections, and its sockets. */
class Subject {
  sockets = [];
  wires = [];

  constructor() {
    const options = { serveClient: false, pingInterval: 6e6, pingTimeout: 6e6, maxHttpBufferSize: 8e6 };
    this.io = new Server(createServer(), options);
    this.io.on("connection", (socket) => {
      this.sockets.push(socket);
      this.listen(socket);
    });
  }

  listen(socket) {
    socket.on("echo", (data, acknowledge) => acknowledge(data));
  }

  async connect(count) {
    while (this.wires.length < count) {
      for (let batch = 0; batch < 100 && this.wires.length < count; batch += 1) {
        const wire = new Wire();
        const req = new IncomingMessage(wire);
        Object.assign(req, { method: "GET", url: "/socket.io/?EIO=4&transport=websocket", headers: HEADERS });
        Object.assign(req, { httpVersion: "1.1", httpVersionMajor: 1, httpVersionMinor: 1 });
        this.io.engine.handleUpgrade(req, wire, Buffer.alloc(0));
        this.wires.push(wire);
      }
      await turn();
      for (const wire of this.wires.slice(this.sockets.length)) wire.receive(CONNECT);
      while (this.sockets.length < this.wires.length) await turn();
    }
    return this;
  }

  async close() {
    for (const wire of this.wires) wire.destroy();
    await turn();
    await turn();
    this.io.close();
    globalThis.gc();
  }
}

/** Measures microseconds of CPU per operation, 100 in a tick; the best of three runs, after a warm-up run. */
async function cost(count, operation) {
  const figures = [];
  for (let round = 0; round < 4; round += 1) {
    const before = process.cpuUsage();
    for (let index = 0; index < count; index += 1) {
      operation(index);
      if (index % 100 === 99) await turn();
    }
    await turn();
    const { user, system } = process.cpuUsage(before);
    figures.push((user + system) / count);
  }
  return Math.min(...figures.slice(1));
}

const NEWS_SIZE = serverFrames(['42["news",1]']).length;

async function writtenUpTo(bytes) {
  if (written >= bytes) return;
  await turn();
  await writtenUpTo(bytes);
}

/** Measures microseconds per delivery of broadcasts; a server may take several ticks to deliver them. */
async function delivery(count, members, broadcast) {
  const round = async () => {
    const due = written + count * members * NEWS_SIZE;
    for (let index = 0; index < count; index += 1) broadcast();
    await writtenUpTo(due);
  };
  await round();
  const figures = [];
  for (let index = 0; index < 3; index += 1) {
    const before = process.cpuUsage();
    await round();
    const { user, system } = process.cpuUsage(before);
    figures.push((user + system) / count / members);
  }
  return Math.min(...figures);
}

/** Measures the milliseconds for which one broadcast blocks the event loop. */
async function longestTurn({ io }, members) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.reset();
  // The first tick counts from here: each tick is the time between two readings of the clock.
  await new Promise((resolve) => setTimeout(resolve, 20));
  await delivery(1, members, () => io.emit("news", 1));
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  return delay.max / 1e6;
}

const echo = ({ wires }, frame = ECHO, count = 4000) =>
  cost(count, (index) => wires[(index * 7919) % wires.length].receive(frame));
const powers = (from, to) => {
  const all = [];
  for (let value = from; value < to; value *= 10) all.push(value);
  return [...all, to];
};

/** Series by panel: the cost for each number. */
const panels = {
  async connections(report) {
    const subject = await new Subject().connect(50);
    for (const socket of subject.sockets.slice(0, 10)) socket.join("warm");
    await delivery(2000, 10, () => subject.io.to("warm").emit("news", 1));
    await delivery(500, 50, () => subject.io.emit("news", 1));
    for (const count of [100, 1000, 5000, 20_000, 100_000].filter((value) => value <= MOST)) {
      await subject.connect(count);
      for (const socket of subject.sockets.slice(0, 10)) socket.join("ten");
      report("echo by connections", count, await echo(subject));
      report("room of 10 by connections", count, await cost(1000, () => subject.io.to("ten").emit("news", 1)));
      const broadcasts = Math.max(2, Math.round(40_000 / count));
      report("delivery by connections", count, await delivery(broadcasts, count, () => subject.io.emit("news", 1)));
      report("longest turn by connections", count, await longestTurn(subject, count));
    }
    await subject.close();
  },

  async rooms(report) {
    const subject = await new Subject().connect(1000);
    const { sockets } = subject;
    let rooms = 0;
    for (const count of powers(1, 100_000)) {
      for (; rooms < count; rooms += 1) sockets[rooms % 1000].join(`room ${rooms}`);
      const join = (index) => {
        sockets[index % 1000].join("one more");
        sockets[index % 1000].leave("one more");
      };
      report("join and leave by rooms", count, await cost(4000, join));
    }
    await subject.close();
  },

  async roomsOfSocket(report) {
    const subject = await new Subject().connect(1);
    const [socket] = subject.sockets;
    let rooms = 0;
    for (const count of powers(1, 1000)) {
      for (; rooms < count; rooms += 1) socket.join(`room ${rooms}`);
      report(
        "emit to a room by rooms of its member",
        count,
        await cost(2000, () => subject.io.to("room 0").emit("news", 1)),
      );
    }
    await subject.close();
  },

  async members(report) {
    const subject = await new Subject().connect(10_000);
    let members = 0;
    for (const count of powers(10, 10_000)) {
      for (; members < count; members += 1) subject.sockets[members].join("room");
      const broadcasts = Math.max(2, Math.round(20_000 / count));
      report(
        "delivery by members",
        count,
        (await cost(broadcasts, () => subject.io.to("room").emit("news", 1))) / count,
      );
    }
    await subject.close();
  },

  async namespaces(report) {
    const subject = await new Subject().connect(10);
    const connectTo = async (nsp) => {
      for (const wire of subject.wires) wire.receive(clientFrame(`40/${nsp},`));
      await turn();
      await turn();
    };
    const { io } = subject;
    let namespaces = 0;
    for (const count of powers(1, 1000)) {
      for (; namespaces < count; namespaces += 1)
        io.of(`/nsp${namespaces}`).on("connection", (socket) => subject.listen(socket));
      await connectTo(`nsp${count - 1}`);
      report("echo by namespaces", count, await echo(subject, clientFrame(`42/nsp${count - 1},0["echo",1]`)));
    }
    await subject.close();
  },

  async listeners(report) {
    const subject = await new Subject().connect(10);
    let listeners = 0;
    for (const count of powers(1, 1000)) {
      for (; listeners < count; listeners += 1) {
        for (const socket of subject.sockets) socket.on(`event ${listeners}`, () => {});
      }
      report("echo by listeners", count, await echo(subject));
    }
    await subject.close();
  },

  async size(report) {
    const subject = await new Subject().connect(10);
    for (const size of [16, 256, 4096, 65_536, 1_048_576]) {
      const frame = clientFrame(`420["echo","${"x".repeat(size)}"]`);
      const count = Math.max(10, Math.min(4000, Math.round(2e7 / size)));
      report("echo by size", size, await echo(subject, frame, count));
    }
    await subject.close();
  },
};

for (const panel of Object.values(panels)) {
  await panel((series, count, figure) => process.send({ series, count, figure }));
}
process.send({ done: true }, () => process.exit());
