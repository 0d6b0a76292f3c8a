import { createHistory } from "./history.ts";
import { createOverview } from "./overview-view.ts";
import type { MakePart } from "./part.ts";
import { createConnections } from "./connections.ts";
import { createFindings } from "./findings/part.ts";

/** The parts of the board, in the order of their start. */
export const BOARD_PARTS: readonly MakePart[] = [createHistory, createOverview, createConnections, createFindings];
