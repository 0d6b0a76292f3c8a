import type { OutgoingHttpHeaders } from "node:http";
import { type Refusal, refusalName, REFUSALS } from "../report/refusals.ts";

/** The status that answers a refused request. */
export function statusOf(refusal: Refusal): number {
  return REFUSALS[refusalName(refusal)].status;
}

/** Returns the message for the peer: that of `allowRequest`, or the one of the table. */
export function sentenceOf(refusal: Refusal): string {
  const { message } = refusal.context;
  return typeof message === "string" && message !== "" ? message : REFUSALS[refusalName(refusal)].message;
}

/** Clients of socket.io know `code` and `message`; when to come back is only said where that helps. */
export function bodyOf(refusal: Refusal): string {
  const { code, retryAfter } = refusal;
  return JSON.stringify({ code, message: sentenceOf(refusal), retryAfter });
}

/** In seconds, as HTTP has it (RFC 9110, section 10.2.3). */
export function retryHeaders({ retryAfter }: Refusal): Record<string, string> {
  return retryAfter === undefined ? {} : { "Retry-After": String(Math.ceil(retryAfter / 1000)) };
}

/** Whether a value can stand in a header: what listeners make of a peer's words may hold the end of a line. */
export const isHeaderLine = (value: string): boolean => !/[\r\n\0]/.test(value);

/** Headers as lines. */
export function headerLines(headers: OutgoingHttpHeaders): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    for (const item of [value ?? []].flat()) lines.push(`${name}: ${item}`);
  }
  return lines;
}
