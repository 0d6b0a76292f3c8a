/*
 * Sentences of the server: `code` in backticks, a capital at the beginning, a full stop at the end.
 * Knows: how the tables of codes write sentences.
 * Must not know: the codes.
 */
import type { JSX } from "preact";

/** Text, and code between backticks, by turns. */
const piecesOf = (text: string): string[] => text.split("`");

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** Draws a sentence as text nodes and code. */
export function Prose({ children }: { children: string }): JSX.Element | null {
  const text = children.trim();
  if (text === "") return null;
  const pieces = piecesOf(text);
  return (
    <>
      {pieces.map((piece, index) => {
        if (index % 2 === 1) return <code key={index}>{piece}</code>;
        return index === 0 ? capital(piece) : piece;
      })}
      {/[.!?…:]$/.test(text) ? "" : "."}
    </>
  );
}
