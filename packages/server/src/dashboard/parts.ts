import { createHistory } from "./history.ts";
import { createOverview } from "./overview-view.ts";
import type { MakePart } from "./part.ts";
import { createActions } from "./actions.ts";
import { createCluster } from "./cluster-view.ts";
import { createConnections } from "./connections.ts";
import { createEvents } from "./events-view.ts";
import { createFindings } from "./findings/part.ts";
import { createRooms } from "./rooms-view.ts";
import { createTaps } from "./tap.ts";
import { createWhyPolling } from "./why-polling.ts";

/** The parts of the board, in the order of their start. */
export const BOARD_PARTS: readonly MakePart[] = [
  createHistory,
  createOverview,
  createConnections,
  createRooms,
  createEvents,
  createFindings,
  createWhyPolling,
  createTaps,
  createActions,
  createCluster,
];
