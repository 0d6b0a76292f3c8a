/** The key of our messages on the channel between primary and worker; its value is their name. */
export const MESSAGE_KEY = "portage:workers";

/** Most tags of one worker: one for each server of the program. */
export const MAX_TAGS_OF_WORKER = 64;

/** Most bytes after a WebSocket handshake that travel with its socket. */
export const MAX_PASSED_HEAD = 65_536;

/** Most names and values of headers, as Node.js takes them by default. */
export const MAX_HEADERS = 4000;

/** Most sockets that a front has passed on and whose owners have not confirmed. */
export const MAX_PASSED = 1000;

/** Milliseconds until the owner has to confirm a socket. */
export const PASS_TIMEOUT = 1000;
