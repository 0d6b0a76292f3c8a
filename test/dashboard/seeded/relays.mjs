// Relays between clients and a server. They lose connections, headers, or the way.
import { createServer, request } from "node:http";
import { connect, createServer as createTcp } from "node:net";

const listen = (server) =>
  new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));

/** Forwards bytes from another address of this machine; `cut` loses some connections, `freeze` silences all. */
export async function startTcpRelay(port, localAddress = "127.0.0.1") {
  const pairs = new Set();
  let isFrozen = false;
  const server = createTcp((client) => {
    const upstream = connect({ port, host: "127.0.0.1", localAddress });
    const pair = [client, upstream];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      if (!isFrozen) for (const socket of pair) socket.destroy();
    };
    for (const [from, to] of [pair, [upstream, client]]) {
      from.on("data", (chunk) => isFrozen || to.write(chunk));
      from.on("error", end).on("close", end);
    }
  });
  return {
    port: await listen(server),
    cut(isLost = () => true) {
      for (const [client, upstream] of [...pairs].filter(isLost)) {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      }
    },
    freeze(isOn) {
      isFrozen = isOn;
    },
  };
}

/** Forwards requests; `pick` says to which port. Without `upgrades`, the headers for them are lost. */
export async function startHttpRelay({ pick, localAddress = "127.0.0.1", upgrades = true }) {
  const forward = (req, headers) =>
    request({
      host: "127.0.0.1",
      port: pick(),
      localAddress,
      path: req.url,
      method: req.method,
      headers,
      agent: false,
    });
  const server = createServer((req, res) => {
    const { upgrade: _upgrade, connection: _connection, ...headers } = req.headers;
    const upstream = forward(req, headers);
    upstream.on("response", (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
      answer.on("error", () => res.destroy());
    });
    upstream.on("error", () => res.destroy());
    res.on("close", () => upstream.destroy());
    req.pipe(upstream);
  });
  if (upgrades) {
    server.on("upgrade", (req, client, head) => {
      const upstream = connect({ port: pick(), host: "127.0.0.1", localAddress });
      const lines = Object.entries(req.headers).map(([name, value]) => `${name}: ${String(value)}`);
      upstream.write(`GET ${req.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
      upstream.write(head);
      client.pipe(upstream).pipe(client);
      client.on("error", () => upstream.destroy());
      upstream.on("error", () => client.destroy());
    });
  }
  return { port: await listen(server) };
}
