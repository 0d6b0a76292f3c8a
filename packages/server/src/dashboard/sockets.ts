import type { Server } from "../index.ts";

/** A socket with any events. */
export type BoardSocket = Server["sockets"]["sockets"] extends Map<string, infer Each> ? Each : never;

/** The session of a socket. */
export type BoardSession = BoardSocket["conn"];
