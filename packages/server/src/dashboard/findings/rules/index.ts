/*
 * The rules of findings, one a file.
 * Knows: snapshots. A share counts from a least rate on, so that a quiet server is not alarmed by its only client.
 * Must not know: time. `watch.ts` decides how long something must be seen.
 */
import type { Rule } from "../snapshot.ts";
import { acksUnanswered } from "./acks-unanswered.ts";
import { busLate, nodeSilent } from "./cluster.ts";
import { grows } from "./grows.ts";
import { handlersFail } from "./handlers-fail.ts";
import { hotClient } from "./hot-client.ts";
import { hotEvent } from "./hot-event.ts";
import { hotRoom } from "./hot-room.ts";
import { loopLate } from "./loop-late.ts";
import { nearLimit } from "./near-limit.ts";
import { notSticky } from "./not-sticky.ts";
import { oldClients } from "./old-clients.ts";
import { reconnectStorm } from "./reconnect-storm.ts";
import { refusedAtLimit } from "./refused-at-limit.ts";
import { slowClients } from "./slow-clients.ts";
import { stuckOnPolling } from "./stuck-on-polling.ts";
import { timeouts } from "./timeouts.ts";

/** All rules, in the order of their findings on a page. */
export const FINDING_RULES: readonly Rule[] = [
  loopLate,
  hotEvent,
  slowClients,
  refusedAtLimit,
  notSticky,
  reconnectStorm,
  timeouts,
  nodeSilent,
  busLate,
  handlersFail,
  grows,
  hotRoom,
  hotClient,
  stuckOnPolling,
  acksUnanswered,
  nearLimit,
  oldClients,
];
