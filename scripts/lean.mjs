import { createRequire } from "node:module";

const ofTests = createRequire(new URL("../test/package.json", import.meta.url));

/** Lines that begin like a comment. Without template literals, these are comments. */
const COMMENT = /^[ \t]*(?:\/\/(?!#).*|\/\*(?!!)(?:(?!\*\/)[^])*\*\/[ \t]*)$/gm;

const emptied = (lines) => lines.replace(/.+/g, "");

/**
 * Empties the lines that are comments alone. Node.js keeps the text of every module in memory, and comments are a quarter
 * of it. Editors read them in the declarations. A line of a template literal may begin like a comment, and stays.
 */
export function withoutComments(text) {
  if (!text.includes("`")) return text.replace(COMMENT, emptied);
  const comments = startsOfComments(text);
  return text.replace(COMMENT, (lines, at) => (comments.has(at + lines.search(/\S/)) ? emptied(lines) : lines));
}

function startsOfComments(text) {
  // Modules are files for browsers; the others are scripts.
  return startsIn(text, "script") ?? startsIn(text, "module") ?? fail();
}

function startsIn(text, sourceType) {
  const starts = new Set();
  const onComment = (_isBlock, _text, start) => starts.add(start);
  try {
    ofTests("acorn").parse(text, { ecmaVersion: "latest", sourceType, allowHashBang: true, onComment });
    return starts;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function fail() {
  throw new Error("acorn does not know a syntax of the output, so comments can't be removed: update it");
}
