// Reads the texts of error codes from comments, where a table of texts would be loaded by every page.
//
//   - `CODE`: what happened              or above a row of a table:    /**
//     Fix: what to do.                                                  * What happened.
//     Connect again: no.                                                * Fix: what to do.
//                                                                       */
//
// The last line is for errors that end a connection, or an attempt to open one.

const LISTED = /^ \* - `(?<listed>[A-Z0-9_]+)`: (?<item>[^]*?)(?=^ \* - | \*\/)/;
const ABOVE = /^ +\/\*\*(?<comment>(?:[^*]|\*(?!\/))*)\*\/\n +(?<name>[A-Z0-9_]+):/;
const ROW = new RegExp(`${LISTED.source}|${ABOVE.source}`, "gm");
const PARTS = /^(?<message>.+?)\.?(?: Fix: (?<fix>.+?)\.)?(?: Connect again: (?<retry>.+)\.)?$/;

/** Returns what happened, what to do, and whether to connect again, by code. */
export function readComments(source) {
  const rows = {};
  for (const { groups } of source.matchAll(ROW)) {
    const text = (groups.item ?? groups.comment).replaceAll(/\s*^ *\*? ?/gm, " ").replaceAll(/\s+/g, " ");
    const { message, fix = "", retry = "" } = PARTS.exec(text.trim()).groups;
    rows[groups.listed ?? groups.name] = { message: message.replace(/^[A-Z](?![A-Z])/, lower), fix, retry };
  }
  return rows;
}

const lower = (letter) => letter.toLowerCase();
