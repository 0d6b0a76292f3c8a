/*
 * Messages between the primary and its workers, over the channel of node:cluster. Other libraries use it too, so each
 * message has a key of its own, and whatever does not read as one of these is ignored.
 */
import { isTag } from "../core/tag.ts";
import { MESSAGE_KEY, MAX_PASSED_HEAD, MAX_HEADERS } from "./limits.ts";

/** A WebSocket handshake on its way to another worker. */
export interface PassedRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  /** Names and values by turns, as in `IncomingMessage.rawHeaders`. */
  readonly rawHeaders: readonly string[];
  /** Bytes that were received after the request, in base64. */
  readonly head: string;
}

/** All messages, by name. */
interface Bodies {
  /** worker: it listens to the primary, and calls start() */
  began: object;
  /** worker: start() has finished, and its nodes have joined the cluster */
  ready: object;
  /** primary: drain, close and exit */
  leave: { readonly drain: number };
  /** worker: is the primary ours? */
  hello: object;
  /** primary: it is, and passes sockets */
  primary: object;
  /** worker: it has this tag from now on */
  join: { readonly tag: string };
  /** worker: it no longer has it */
  part: { readonly tag: string };
  /** front, with a socket: for the owner of this tag */
  pass: { readonly id: number; readonly tag: string; readonly request: PassedRequest };
  /** primary, with a socket: for this owner */
  take: { readonly id: number; readonly tag: string; readonly request: PassedRequest; readonly front: number };
  /** owner: it has the socket */
  taken: { readonly id: number; readonly front: number };
  /** owner or primary: it can't take the socket, and has not written to it */
  missed: { readonly id: number; readonly front: number };
}

export type MessageName = keyof Bodies;

/** A message by its name. */
export type WorkerMessage = { [Name in MessageName]: { readonly name: Name } & Bodies[Name] }[MessageName];

type FieldCheck = (value: unknown) => boolean;

const isNumber: FieldCheck = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isString: FieldCheck = (value) => typeof value === "string";

const isRequest: FieldCheck = (value) => {
  if (typeof value !== "object" || value === null) return false;
  const { method, url, httpVersion, rawHeaders, head } = value as Record<keyof PassedRequest, unknown>;
  if (![method, url, httpVersion, head].every(isString) || (head as string).length > 2 * MAX_PASSED_HEAD) return false;
  return Array.isArray(rawHeaders) && rawHeaders.length <= MAX_HEADERS && rawHeaders.every(isString);
};

const FIELD_CHECKS: Readonly<Record<MessageName, Readonly<Record<string, FieldCheck>>>> = {
  began: {},
  ready: {},
  leave: { drain: isNumber },
  hello: {},
  primary: {},
  join: { tag: isTag },
  part: { tag: isTag },
  pass: { id: isNumber, tag: isTag, request: isRequest },
  take: { id: isNumber, tag: isTag, request: isRequest, front: isNumber },
  taken: { id: isNumber, front: isNumber },
  missed: { id: isNumber, front: isNumber },
};

/** Returns what the channel carries for a message. */
export function writeMessage(message: WorkerMessage): object {
  const { name, ...body } = message;
  return { [MESSAGE_KEY]: name, ...body };
}

/** Reads what came on the channel. Undefined: it is not ours, or malformed. */
export function readMessage(received: unknown): WorkerMessage | undefined {
  if (typeof received !== "object" || received === null) return undefined;
  const { [MESSAGE_KEY]: name, ...body } = received as Record<string, unknown>;
  if (typeof name !== "string" || !Object.hasOwn(FIELD_CHECKS, name)) return undefined;
  const checks = Object.entries(FIELD_CHECKS[name as MessageName]);
  if (!checks.every(([field, check]) => check(body[field]))) return undefined;
  return { ...body, name } as WorkerMessage;
}
