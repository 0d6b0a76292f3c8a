import { performance } from "node:perf_hooks";
import { limitsInForce } from "./limits.ts";
import type { BoardCore, Viewer } from "./part.ts";
import { SERVER_VERSION } from "../socketio/host/version.ts";
import type { PartRegistry } from "./registry.ts";
import type { Hello } from "./wire.ts";

/** Returns the answer to the first question of a page. */
export function helloFor(
  { role }: Viewer,
  core: BoardCore,
  { registry, canLogOut }: { readonly registry: PartRegistry; readonly canLogOut: boolean },
): Hello {
  const { label, payloads, gauges } = core.options;
  const { features } = registry;
  if (label !== undefined) features.push("label");
  if (canLogOut) features.push("logout");
  return {
    version: SERVER_VERSION,
    node: process.version,
    started: Math.round(performance.timeOrigin),
    now: Date.now(),
    path: core.io.path(),
    role,
    payloads,
    series: registry.series,
    gauges: Object.keys(gauges),
    limits: limitsInForce(core),
    features,
  };
}
