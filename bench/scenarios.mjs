import { frame, PollingClient, WireClient } from "./clients.mjs";

const open = (Client, port, count) => Promise.all(Array.from({ length: count }, () => Client.open(port)));

/** Opens many clients without a connection storm. */
async function openMany(Client, port, count) {
  const clients = [];
  while (clients.length < count) clients.push(...(await open(Client, port, Math.min(50, count - clients.length))));
  return clients;
}

/** Microseconds of server CPU per operation; `work` has been done once before, to warm up. */
async function cpuPer(contender, operations, work) {
  await work();
  const before = await contender.ask("cpu");
  await work();
  return ((await contender.ask("cpu")) - before) / operations;
}

async function echo(contender, { clients, depth, turns, payload }) {
  const all = await openMany(WireClient, contender.port, clients);
  const batch = Buffer.concat(Array.from({ length: depth }, (_, id) => payload(id)));
  const framesPerAnswer = payload.attachments ? 2 : 1;
  const run = async (client) => {
    for (let turn = 0; turn < turns; turn += 1) {
      const target = client.frames + depth * framesPerAnswer;
      client.socket.write(batch);
      await client.next(target);
    }
  };
  const figure = await cpuPer(contender, clients * depth * turns, () => Promise.all(all.map(run)));
  for (const client of all) client.close();
  return figure;
}

const text = (size) => {
  const data = "x".repeat(size);
  return (id) => frame(`42${id}["echo","${data}"]`);
};

function binary(size) {
  const bytes = Buffer.alloc(size, 1);
  const payload = (id) => Buffer.concat([frame(`451-${id}["echo",{"_placeholder":true,"num":0}]`), frame(bytes)]);
  payload.attachments = 1;
  return payload;
}

const US = "µs/op";

export const scenarios = {
  echo: {
    title: "emit + ack, 100 clients, one in flight",
    unit: US,
    run: (contender) => echo(contender, { clients: 100, depth: 1, turns: 300, payload: text(10) }),
  },
  pipelined: {
    title: "emit + ack, 16 in flight",
    unit: US,
    run: (contender) => echo(contender, { clients: 50, depth: 16, turns: 100, payload: text(10) }),
  },
  ingest: {
    title: "one-way client to server",
    unit: US,
    async run(contender) {
      const all = await openMany(WireClient, contender.port, 10);
      const events = Buffer.concat(Array.from({ length: 999 }, () => frame('42["in","hello"]')));
      const batch = Buffer.concat([events, frame('420["echo",1]')]);
      const run = async (client) => {
        for (let turn = 0; turn < 10; turn += 1) {
          const target = client.frames + 1;
          client.socket.write(batch);
          await client.next(target);
        }
      };
      return cpuPer(contender, 10 * 10 * 1000, () => Promise.all(all.map(run)));
    },
  },
  broadcast: {
    title: "broadcast to 1,000, one a turn",
    unit: "µs/delivery",
    run: (contender) => broadcast(contender, { clients: 1000, each: 1, turns: 30 }),
  },
  burst: {
    title: "broadcast to 1,000, 8 in one tick",
    unit: "µs/delivery",
    run: (contender) => broadcast(contender, { clients: 1000, each: 8, turns: 10 }),
  },
  binary: {
    title: "binary event + ack, 64 KiB",
    unit: US,
    run: (contender) => echo(contender, { clients: 10, depth: 1, turns: 100, payload: binary(65_536) }),
  },
  text: {
    title: "text event + ack, 64 KiB",
    unit: US,
    run: (contender) => echo(contender, { clients: 10, depth: 1, turns: 60, payload: text(65_536) }),
  },
  polling: {
    title: "long-polling, 1 POST + 1 GET",
    unit: US,
    async run(contender) {
      const all = await openMany(PollingClient, contender.port, 20);
      const run = async (client) => {
        for (let turn = 0; turn < 100; turn += 1) await Promise.all([client.poll(), client.post('420["echo",1]')]);
      };
      return cpuPer(contender, 20 * 100, () => Promise.all(all.map(run)));
    },
  },
  connect: {
    title: "connect + namespace + close, WebSocket",
    unit: US,
    async run(contender) {
      const round = async () => {
        for (const client of await openMany(WireClient, contender.port, 400)) client.close();
        while ((await contender.ask("clients")) > 0);
      };
      return cpuPer(contender, 400, round);
    },
  },
  idle: {
    title: "idle WebSocket client, heap",
    unit: "KiB",
    async run(contender) {
      await openMany(WireClient, contender.port, 100);
      const before = await contender.ask("memory");
      await openMany(WireClient, contender.port, 2000);
      const after = await contender.ask("memory");
      return (after.heap - before.heap) / 2000 / 1024;
    },
  },
};

async function broadcast(contender, { clients, each, turns }) {
  const all = await openMany(WireClient, contender.port, clients);
  const work = async () => {
    for (let turn = 0; turn < turns; turn += 1) {
      const done = all.map((client) => client.next(client.frames + each));
      await contender.ask("broadcast", each);
      await Promise.all(done);
    }
  };
  return cpuPer(contender, clients * each * turns, work);
}
