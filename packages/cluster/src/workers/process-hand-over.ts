import cluster from "node:cluster";
import { serverClock } from "@portage/server/relay";
import { SocketHandOver } from "./hand-over.ts";
import { writeMessage } from "./messages.ts";

let handOver: SocketHandOver | undefined;

/**
 * Returns what passes sockets for this process. Undefined: it is not a worker of node:cluster, or runs on Windows, where two
 * processes can't share a socket safely.
 */
export function processHandOver(): SocketHandOver | undefined {
  if (!cluster.worker || !process.send || process.platform === "win32") return undefined;
  handOver ??= makeHandOver();
  return handOver;
}

function makeHandOver(): SocketHandOver {
  const made = new SocketHandOver({
    clock: serverClock,
    send: (message, socket, done = () => {}) => {
      const onSent = (error: Error | null): void => done(error === null);
      if (process.connected) process.send?.(writeMessage(message), socket, { keepOpen: true }, onSent);
      else done(false);
    },
  });
  process.on("message", (message, socket) => made.onMessage(message, socket));
  return made;
}
