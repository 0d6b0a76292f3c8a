import { isBinaryData } from "../bytes.ts";
import { ParserError } from "../errors.ts";

/** Binary data inside the data of a packet; Blob and File where the platform has them. */
export type Attachment = ArrayBuffer | ArrayBufferView | Blob;

/** Replaces an attachment on the wire. */
interface Placeholder {
  _placeholder: true;
  num: number;
}

/**
 * Deepest nesting that is encoded. `JSON.stringify` recurses; this stays far below the stack limit.
 */
const MAX_ENCODED_DEPTH = 1000;

export function isAttachment(value: unknown): value is Attachment {
  return isBinaryData(value) || (typeof Blob === "function" && value instanceof Blob);
}

/**
 * Extracts the attachments of a value. Copies only the arrays and objects that lead to one;
 * never changes its input.
 *
 * @param out receives the attachments, in the order of their placeholders
 * @returns the copy, or the value itself if it contains no attachments
 * @throws ParserError `SOCKET_UNENCODABLE_DEPTH`
 */
export function extractAttachments(value: object, out: Attachment[], depth: number): object {
  if (depth > MAX_ENCODED_DEPTH) throw new ParserError("SOCKET_UNENCODABLE_DEPTH");
  if (Array.isArray(value)) return extractFromArray(value, out, depth);
  // Fast path: nearly all objects are plain.
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    if (isAttachment(value)) return placeholder(value, out);
    if (value instanceof Date) return value;
    if (typeof (value as WithToJson).toJSON === "function") return extractFromJson(value as WithToJson, out, depth);
  }
  return extractFromObject(value, out, depth, true);
}

interface WithToJson {
  toJSON(): unknown;
}

/**
 * Extracts from the result of `toJSON()`, without calling a `toJSON()` of the result:
 * `JSON.stringify` does not either.
 */
function extractFromJson(value: WithToJson, out: Attachment[], depth: number): object {
  const json = value.toJSON();
  if (typeof json !== "object" || json === null) return value;
  const extracted = extractFromJsonResult(json, out, depth);
  if (extracted === json) return value;
  // The object returned itself: `JSON.stringify` must not call its copy.
  if (Object.hasOwn(extracted, "toJSON")) (extracted as { toJSON: unknown }).toJSON = undefined;
  return extracted;
}

function extractFromJsonResult(json: object, out: Attachment[], depth: number): object {
  if (Array.isArray(json)) return extractFromArray(json, out, depth);
  return isAttachment(json) ? placeholder(json, out) : extractFromObject(json, out, depth, false);
}

function placeholder(attachment: Attachment, out: Attachment[]): Placeholder {
  return { _placeholder: true, num: out.push(attachment) - 1 };
}

function extractFromArray(items: readonly unknown[], out: Attachment[], depth: number): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (typeof item !== "object" || item === null) continue;
    const extracted = extractAttachments(item, out, depth + 1);
    if (extracted !== item) (copy ??= items.slice())[i] = extracted;
  }
  return copy ?? items;
}

/**
 * @param asksToJson whether an own `toJSON` counts. Checking here spares each plain
 * object a failing look-up
 */
function extractFromObject(value: object, out: Attachment[], depth: number, asksToJson: boolean): object {
  const source = value as Record<string, unknown>;
  const firstAttachment = out.length;
  let copy: Record<string, unknown> | undefined;
  for (const key in source) {
    const item = source[key];
    if (typeof item === "function" && asksToJson && key === "toJSON") {
      out.length = firstAttachment;
      return extractFromJson(value as WithToJson, out, depth);
    }
    if (typeof item !== "object" || item === null || !Object.hasOwn(source, key)) continue;
    const extracted = extractAttachments(item, out, depth + 1);
    // The spread defines even `__proto__` as an own key, so this assignment
    // cannot reach the prototype.
    if (extracted !== item) (copy ??= { ...source })[key] = extracted;
  }
  return copy ?? value;
}

/**
 * Replaces placeholders by attachments, in place: `JSON.parse` just made the data, so it has no
 * other owner. Iterates instead of recursing, so that deep nesting cannot exhaust the stack.
 *
 * @throws ParserError `SOCKET_ILLEGAL_PLACEHOLDER`
 */
export function insertAttachments(data: object, attachments: readonly unknown[]): void {
  const containers: object[] = [data];
  for (let container = containers.pop(); container !== undefined; container = containers.pop()) {
    const slots = container as Record<string, unknown>;
    for (const key of Object.keys(slots)) {
      const item = slots[key];
      if (typeof item !== "object" || item === null) continue;
      const { _placeholder: mark, num } = item as { _placeholder?: unknown; num?: unknown };
      // `JSON.parse` defines even `__proto__` as an own key, so this assignment
      // cannot reach the prototype.
      if (mark === true) slots[key] = attachmentAt(num, attachments);
      else containers.push(item);
    }
  }
}

function attachmentAt(num: unknown, attachments: readonly unknown[]): unknown {
  if (typeof num === "number" && Number.isInteger(num) && num >= 0 && num < attachments.length) return attachments[num];
  throw new ParserError("SOCKET_ILLEGAL_PLACEHOLDER");
}
