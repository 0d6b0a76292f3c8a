import { isIP } from "node:net";
import { isLife } from "../core/tag.ts";

/** What Redis has about a node. */
export interface NodeRecord {
  readonly life: string;
  /** Where the node listens. Undefined: other nodes reach it over Redis alone. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
}

/** Most bytes of a record. */
const MAX_RECORD = 1024;
const HOST_NAME = /^[\w.-]{1,253}$/;

export function encodeNode({ life, address }: NodeRecord): string {
  return JSON.stringify({ life, ...address });
}

/** Whether a host can be the one of an address: an IP address, or a name. */
export function isHost(given: unknown): given is string {
  return typeof given === "string" && (isIP(given) !== 0 || HOST_NAME.test(given));
}

/** Whether a number can be a port that others connect to. */
export function isPort(given: unknown): given is number {
  return Number.isInteger(given) && (given as number) > 0 && (given as number) < 65_536;
}

/** Undefined: it is malformed. Members that later versions add are ignored. */
export function decodeNode(text: string): NodeRecord | undefined {
  const { life, host, port } = parseMembers(text);
  if (!isLife(life)) return undefined;
  if (host === undefined && port === undefined) return { life, address: undefined };
  return isHost(host) && isPort(port) ? { life, address: { host, port } } : undefined;
}

function parseMembers(text: string): Readonly<Record<string, unknown>> {
  if (text.length > MAX_RECORD) return {};
  try {
    const given: unknown = JSON.parse(text);
    return typeof given === "object" && given !== null ? { ...given } : {};
  } catch {
    return {};
  }
}
