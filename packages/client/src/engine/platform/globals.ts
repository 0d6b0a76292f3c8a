import type { BinaryType } from "@portage/parser/engine";
import type { CookieJar } from "./cookie-jar.node.ts";
import type { SocketOptions } from "../options.ts";

// Differences between platforms; Node.js uses `globals.node.ts` instead.

/** Calls back after the current turn, before any other event. Uses a promise, which fake timers do not replace. */
export const nextTick = (callback: () => void): void => {
  void Promise.resolve().then(callback);
};

/** The global timers. */
export type Timers = Pick<typeof globalThis, "setTimeout" | "clearTimeout">;

/** Global timers as members of an object; bound, as browsers throw when they are called as its methods. */
export const asMethods = (timers: Timers): object => ({
  setTimeoutFn: timers.setTimeout.bind(globalThis),
  clearTimeoutFn: timers.clearTimeout.bind(globalThis),
});

export const defaultBinaryType: BinaryType = "arraybuffer";

/** Defaults of options for this platform only. */
export const platformDefaults: Partial<SocketOptions> | undefined = undefined;

/** An object with a cookie jar. */
export interface CookieJarOwner {
  _cookieJar: CookieJar | undefined;
}

/** Does nothing: browsers store cookies themselves. */
export const addCookieJar = (_socket: CookieJarOwner, _options: SocketOptions): void => {};

/** Calls `fetch`. Throws on platforms without it. */
export const fetchWithCookies = (uri: string, init: RequestInit, _socket: unknown): Promise<Response> =>
  fetch(uri, init);

/** Returns the value: bytes have no `toJSON` outside of Node.js. */
export const hideToJson = (value: unknown): unknown => value;
export const unhide = (bytes: unknown): unknown => bytes;
