import type { BinaryType } from "@portage/parser/engine";
import { CookieJar } from "./cookie-jar.node.ts";

/** Calls back after the current turn, before anything else happens. */
export const nextTick: (callback: () => void, setTimeoutFn?: unknown) => void = (callback) =>
  process.nextTick(callback);

export const defaultBinaryType: BinaryType = "nodebuffer";

export const createCookieJar = (): CookieJar | undefined => new CookieJar();
