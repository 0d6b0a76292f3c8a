import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { createServer } from "node:net";

async function isTaken(port, host) {
  const server = createServer().listen({ port, host });
  try {
    await once(server, "listening");
  } catch (error) {
    return error.code === "EADDRINUSE";
  }
  server.close();
  await once(server, "close");
  return false;
}

/**
 * Whether the port is in use at one of the addresses of localhost.
 *
 * `listen()` succeeds with one of 127.0.0.1 and ::1, and the browser may then choose the other one, where another
 * program answers.
 */
export async function isPortTaken(port) {
  if (port === 0) return false;
  const addresses = await lookup("localhost", { all: true });
  const taken = await Promise.all(addresses.map(({ address }) => isTaken(port, address)));
  return taken.includes(true);
}
