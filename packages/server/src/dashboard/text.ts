/** Names of namespaces, rooms and events are shown, and kept, up to this many characters. */
const LONGEST_SHOWN_NAME = 200;

/**
 * Cuts text, and copies it. A part of a string keeps all of that string in memory, and names come from packets: they may have
 * a megabyte more.
 */
export function cutText(text: string, most: number): string {
  return Buffer.from(text.slice(0, most), "utf16le").toString("utf16le");
}

/** Cuts a name if it is too long to be kept. */
export const cutName = (name: string): string =>
  name.length > LONGEST_SHOWN_NAME ? cutText(name, LONGEST_SHOWN_NAME) : name;
