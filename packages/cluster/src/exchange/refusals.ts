import type { RelayRefusal } from "@portage/server/relay";

/** Milliseconds after which a refused client should try again. */
const RETRY_AFTER = 1000;

export const SERVER_STARTING: RelayRefusal = { name: "SERVER_STARTING", retryAfter: RETRY_AFTER };

/** The node with the session has ended. */
export function ownerLost(tag: string, age: number): RelayRefusal {
  const message = `the node ${tag} that had the session was lost ${(age / 1000).toFixed(1)} s ago`;
  return { name: "OWNER_LOST", message, context: { owner: tag } };
}

/** The node with the session may be alive, and has no link to this one. */
export function ownerUnreachable(tag: string): RelayRefusal {
  return { name: "OWNER_UNREACHABLE", context: { owner: tag }, retryAfter: RETRY_AFTER };
}

/** A limit of this node or of the owner. */
export function forwardOverloaded(limit: string): RelayRefusal {
  return { name: "FORWARD_OVERLOADED", context: { limit }, retryAfter: RETRY_AFTER };
}
