import type { RawData } from "./codec.ts";

/** Type and number of attachments, namespace, id of an event as the built-in parser writes it; the arguments follow. */
const HEAD = /^(?:2|5(\d{1,9})-)(\/[^,]*,)?(\d*)(?=\[)/;

/** Whether an encoded packet is an event of the namespace, by its head and the number of its attachments. */
export function isEventText([text, ...attachments]: readonly RawData[], nsp: string): boolean {
  const head = typeof text === "string" ? HEAD.exec(text) : null;
  if (head === null) return false;
  const [, count = "0", name = "/,"] = head;
  return (
    Number(count) === attachments.length && name === `${nsp},` && attachments.every((part) => Buffer.isBuffer(part))
  );
}

/** Returns an encoded event with another id, or with a first one. */
export function replaceAckId(parts: readonly RawData[], id: number): readonly RawData[] {
  const [text, ...attachments] = parts;
  const head = typeof text === "string" ? HEAD.exec(text) : null;
  if (head === null) return parts;
  const [all, , , old = ""] = head;
  return [all.slice(0, all.length - old.length) + String(id) + head.input.slice(all.length), ...attachments];
}

/** Returns an encoded event with a string as additional last argument. */
export function appendText([text = "", ...attachments]: readonly RawData[], argument: string): readonly RawData[] {
  return [`${String(text).slice(0, -1)},${JSON.stringify(argument)}]`, ...attachments];
}

/** Whether the last argument of an encoded event is a string. */
export function endsInText([text]: readonly RawData[]): boolean {
  return typeof text === "string" && text.endsWith('"]');
}
