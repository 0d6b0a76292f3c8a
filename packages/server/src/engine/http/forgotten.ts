import type { IncomingMessage } from "node:http";

const forgotten = new WeakSet<IncomingMessage>();

/**
 * Marks a request before it closes: the process that had received it is gone, which does not mean that its client has left.
 * The session goes on as if the request had never come.
 */
export function forgetRequest(req: IncomingMessage): void {
  forgotten.add(req);
}

/** Whether a request that has closed was forgotten. */
export const wasForgotten = (req: IncomingMessage): boolean => forgotten.has(req);
