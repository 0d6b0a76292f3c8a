import cluster from "node:cluster";
import { Socket } from "node:net";
import { readMessage, writeMessage } from "./messages.ts";
import { Passing, type PassingPort } from "./passing.ts";

const port: PassingPort = {
  send: (id, message, socket, done = () => {}) => {
    const worker = cluster.workers?.[id];
    if (!worker?.isConnected()) return false;
    // Without a callback, a failure would be an "error" event of the worker.
    worker.send(writeMessage(message), socket, {}, (error) => done(error === null));
    return true;
  },
};

let passing: Passing | undefined;

/**
 * Prepares a primary that starts its workers itself, with `cluster.fork()`: it passes the socket of a WebSocket handshake that
 * reached another worker than the owner of its session. Without it, that worker forwards the messages of the WebSocket
 * for as long as it is open. `runWorkers()` does it by itself. In a worker, it has no effect.
 *
 * @example
 * import cluster from "node:cluster";
 *
 * if (cluster.isPrimary) {
 *   setupPrimary();
 *   for (let i = 0; i < 4; i += 1) cluster.fork();
 * }
 */
export function setupPrimary(): void {
  if (!cluster.isPrimary || passing) return;
  const made = new Passing(port);
  passing = made;
  cluster.on("message", (worker, received: unknown, handle: unknown) => {
    const message = readMessage(received);
    if (message) made.onMessage(worker.id, message, handle instanceof Socket ? handle : undefined);
  });
  cluster.on("exit", ({ id }) => made.onExit(id));
  for (const worker of Object.values(cluster.workers ?? {})) if (worker) made.greet(worker.id);
}
