import { EventMessage, type EventMark, OWN_ID } from "../../engine/index.ts";
import { decodePacket, type ParserModule, type RawData } from "../packets/codec.ts";

/** Names of events that EventSource itself dispatches (`open`, `error`), or this server (`refused`). A program's get a dollar. */
const TAKEN: ReadonlySet<string> = new Set(["open", "error", "refused"]);

/** What would end a line, and what some clients cut a line at. */
const NAME_BREAKS = /[\r\n\0]/g;

/** Returns the name of an event as a page listens to it. */
function pageName(name: unknown): string {
  const text = String(name).replace(NAME_BREAKS, " ");
  return TAKEN.has(text) ? `$${text}` : text;
}

/** Encodes the arguments of an event: one as it is, several as an array, none as null. */
function dataField(args: readonly unknown[]): string {
  const data = args.length === 1 ? args[0] : args;
  return args.length === 0 ? "null" : (JSON.stringify(data) ?? "null");
}

/** Returns the lines of an event of this server's own. */
export const ownEvent = (name: string, data: unknown): string => `event: ${name}\ndata: ${dataField([data])}\n`;

/** An event of the program, for any number of streams. */
export class NamedEvent extends EventMessage {
  readonly hasBytes: boolean;

  constructor(text: string, hasBytes: boolean, mark: EventMark | undefined) {
    super(text, mark);
    this.hasBytes = hasBytes;
  }
}

/** An encoded packet, and how to read it. */
export interface EncodedEvent {
  readonly parts: readonly RawData[];
  readonly parser: ParserModule | undefined;
  readonly mark?: EventMark | undefined;
  /** Returns the offset in the last argument, if there is one. */
  readonly offsetIn: (args: readonly unknown[], id: number | undefined) => string | undefined;
}

/** Turns an encoded packet into an event. Returns null for what is not an event. @throws what the parser throws */
export function namedEvent({ parts, parser, mark, offsetIn }: EncodedEvent): NamedEvent | null {
  const packet = decodePacket(parts, parser);
  if (packet === undefined || !Array.isArray(packet.data)) return null;
  const [name, ...args] = packet.data as unknown[];
  const offset = offsetIn(args, packet.id);
  if (offset !== undefined) args.pop();
  const found = { bytes: false };
  const mayHaveBytes = parts.length > 1 || parser !== undefined;
  const data = dataField(mayHaveBytes ? (withoutBytes(args, found) as unknown[]) : args);
  const id = offset === undefined ? "" : `id: ${OWN_ID}.${offset.replace(NAME_BREAKS, "")}\n`;
  return new NamedEvent(`${id}event: ${pageName(name)}\ndata: ${data}\n`, found.bytes, mark);
}

/** Returns decoded data with base64 in the place of bytes. */
function withoutBytes(value: unknown, found: { bytes: boolean }): unknown {
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    found.bytes = true;
    const bytes =
      value instanceof ArrayBuffer ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { _bytes: bytes.toString("base64") };
  }
  if (Array.isArray(value)) return value.map((each) => withoutBytes(each, found));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withoutBytes(each, found)]));
}
