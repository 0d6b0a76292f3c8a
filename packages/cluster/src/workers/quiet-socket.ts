import type { Socket } from "node:net";

/** The part of a socket's handle that reads. Node.js has no public way to stop it at once: `pause()` fills a buffer first. */
interface ReadingHandle {
  reading?: boolean;
  readStart?(): number;
  readStop?(): number;
}

function handleOf(socket: Socket): ReadingHandle | null {
  return (Reflect.get(socket, "_handle") as ReadingHandle | null | undefined) ?? null;
}

/** A socket that does not read any more. */
export interface QuietSocket {
  /** Bytes that it had read. */
  readonly bytes: Buffer;
  /** Makes it as it was: the bytes are in its buffer again, and it reads. */
  restore(): void;
}

/**
 * Stops a socket from reading, at once, and takes the bytes that it has read. What arrives from now on stays in the kernel,
 * for the process that gets the socket. Undefined: the socket has no handle that can stop.
 */
export function quiet(socket: Socket): QuietSocket | undefined {
  const handle = handleOf(socket);
  if (!handle?.readStop || !handle.readStart) return undefined;
  // This may start the handle, so that it is stopped afterwards. Nothing is read in between, as that takes a turn.
  const bytes = readAll(socket);
  handle.readStop();
  handle.reading = false;
  return {
    bytes,
    restore: () => {
      if (socket.destroyed) return;
      if (bytes.length > 0) socket.unshift(bytes);
      handle.reading = true;
      handle.readStart?.();
    },
  };
}

function readAll(socket: Socket): Buffer {
  const length = socket.readableLength;
  return length === 0 ? Buffer.alloc(0) : ((socket.read(length) as Buffer | null) ?? Buffer.alloc(0));
}

/**
 * Detaches a socket from the bookkeeping by which Node.js follows sockets into other processes: the server would ask those at
 * its end, and wait. The server still counts the connection until the socket is destroyed.
 */
export function unfollow(socket: Socket): void {
  Reflect.set(socket, "server", null);
}
