import { ClusterError } from "../core/errors.ts";

/** Whether Redis has refused a command because its user may not use the command, a key or a channel. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.message.startsWith("NOPERM");
}

/** Returns the error for the program. The client's own error may hold the command. */
export function rightsError({ message }: Error): ClusterError {
  return new ClusterError("REDIS_REFUSED", `Redis refuses what the cluster needs: ${message}`);
}
