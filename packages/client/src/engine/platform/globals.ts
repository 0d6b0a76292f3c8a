import type { BinaryType } from "@portage/parser/engine";
import type { CookieJar } from "./cookie-jar.node.ts";
import type { SocketOptions } from "../options.ts";

// What differs between platforms; `globals.node.ts` takes this file's place in Node.js.

/** Calls back after the current turn, before anything else happens. By a promise, which fake timers leave alone. */
export const nextTick = (callback: () => void): void => {
  void Promise.resolve().then(callback);
};

/** The global timers. */
export type Timers = Pick<typeof globalThis, "setTimeout" | "clearTimeout">;

/** Global timers as members of an object: browsers refuse to call them as its methods. */
export const asMethods = (timers: Timers): object => ({
  setTimeoutFn: timers.setTimeout.bind(globalThis),
  clearTimeoutFn: timers.clearTimeout.bind(globalThis),
});

export const defaultBinaryType: BinaryType = "arraybuffer";

/** Defaults of options that mean something here only. */
export const platformDefaults: Partial<SocketOptions> | undefined = undefined;

/** Keeps cookies. */
export interface CookieJarOwner {
  _cookieJar: CookieJar | undefined;
}

/** Browsers keep cookies themselves. */
export const addCookieJar = (_socket: CookieJarOwner, _options: SocketOptions): void => {};

/** `fetch`, with the cookies of a socket. Throws where there is none. */
export const fetchWithCookies = (uri: string, init: RequestInit, _socket: unknown): Promise<Response> =>
  fetch(uri, init);

/** Bytes have no `toJSON`. */
export const hideToJson = (value: unknown): unknown => value;
export const unhide = (bytes: unknown): unknown => bytes;
