/*
 * The steps of an examination, in their order.
 * Knows: the wire and the findings of the steps before them, through the context that each of them gets.
 * Must not know: how findings are printed, or what their sentences say.
 */
import type { Step } from "../context.ts";
import { bodySize } from "./body-size.ts";
import { cors } from "./cors.ts";
import { handshake } from "./handshake.ts";
import { hold } from "./hold.ts";
import { http2 } from "./http2.ts";
import { address, connection, tls } from "./network.ts";
import { compression, messages } from "./polling.ts";
import { stickiness } from "./stickiness.ts";
import { streaming } from "./streaming.ts";
import { upgrade, websocket } from "./websocket.ts";

/** The steps in order: each builds on the findings of the earlier ones. */
export const STEPS: readonly Step[] = [
  address,
  connection,
  tls,
  handshake,
  stickiness,
  cors,
  messages,
  bodySize,
  compression,
  streaming,
  websocket,
  upgrade,
  http2,
  hold,
];
