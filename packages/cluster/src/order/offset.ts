import type { LogPosition } from "./log.ts";

/*
 * The offset of an event: the last argument that clients get, and give back when they return. It is the epoch, then the number with
 * base 36.
 */

/** Epochs have letters, digits, "-" and "_", so that JSON does not escape them. */
const OFFSET = /^([\w-]{4})([0-9a-z]{1,11})$/;

/** The offset of an event that is not in the order of the log: a client can't resume from it. */
export const NO_OFFSET = "-";

export function formatOffset({ epoch, number }: LogPosition): string {
  return epoch + number.toString(36);
}

/** Parses the offset of a client; undefined if it is not one. */
export function parseOffset(offset: string): LogPosition | undefined {
  const [, epoch = "", digits = ""] = OFFSET.exec(offset) ?? [];
  const number = parseInt(digits, 36);
  return Number.isSafeInteger(number) ? { epoch, number } : undefined;
}
