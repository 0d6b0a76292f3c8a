import type { BinaryType } from "@portage/parser/engine";
import { CookieJar } from "./cookie-jar.node.ts";
import type { SocketOptions } from "./options.ts";

/** Calls back after the current turn, before anything else happens. */
export const nextTick: (callback: () => void, setTimeoutFn?: unknown) => void = (callback) =>
  process.nextTick(callback);

export const defaultBinaryType: BinaryType = "nodebuffer";

/** Defaults of options that mean something here only. */
export const platformDefaults: Partial<SocketOptions> = {
  agent: false,
  rejectUnauthorized: true,
  perMessageDeflate: { threshold: 1024 },
};

export const createCookieJar = (): CookieJar | undefined => new CookieJar();
