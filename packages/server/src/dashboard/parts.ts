import type { MakePart } from "./part.ts";

/** The parts of the board, in the order of their start. */
export const BOARD_PARTS: readonly MakePart[] = [];
