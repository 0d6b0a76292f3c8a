import type { OutgoingHttpHeaders } from "node:http";
import { isReturn } from "../carry/carry.ts";
import type { TransportRequest } from "../http/request.ts";
import { type Refusal, refusalName, REFUSALS } from "../report/refusals.ts";

/** Close code of a return that can't succeed later either. */
export const FINAL = 1008;

/** Whether a refusal is that of a client that returns, and can't succeed later either. */
export function isFinalReturn({ _query: query }: TransportRequest, refusal: Refusal): boolean {
  const name = refusalName(refusal);
  return isReturn(query) && (name === "UNKNOWN_SID" || name === "OWNER_LOST" || name.startsWith("CARRY_"));
}

/** Returns the HTTP status for a refusal. */
export function statusOf(refusal: Refusal): number {
  return REFUSALS[refusalName(refusal)].status;
}

/** Returns the message for the client: from `allowRequest`, or from the table. */
export function sentenceOf(refusal: Refusal): string {
  const { message } = refusal.context;
  return typeof message === "string" && message !== "" ? message : REFUSALS[refusalName(refusal)].message;
}

/** Encodes a refusal as JSON. socket.io's clients read `code` and `message`; `retryAfter` is set for limits only. */
export function bodyOf(refusal: Refusal): string {
  const { code, retryAfter } = refusal;
  return JSON.stringify({ code, message: sentenceOf(refusal), retryAfter });
}

/** Returns `Retry-After` in seconds (RFC 9110, section 10.2.3), if the refusal has a delay. */
export function retryHeaders({ retryAfter }: Refusal): Record<string, string> {
  return retryAfter === undefined ? {} : { "Retry-After": String(Math.ceil(retryAfter / 1000)) };
}

/** Returns the headers that tell an HTTP client what to do: when to come back, or with which method (RFC 9110, section 15.5.6). */
export function refusalHeaders(refusal: Refusal): Record<string, string> {
  return refusalName(refusal) === "METHOD_NOT_ALLOWED" ? { Allow: "GET" } : retryHeaders(refusal);
}

/** Whether a value is valid in a header. Listeners may have copied a line break from the request. */
export const isHeaderLine = (value: string): boolean => !/[\r\n\0]/.test(value);

/** Formats headers as lines. */
export function headerLines(headers: OutgoingHttpHeaders): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    for (const item of [value ?? []].flat()) lines.push(`${name}: ${item}`);
  }
  return lines;
}
