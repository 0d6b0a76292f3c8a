import { after } from "./timers.ts";

/**
 * What the page or worker tells its connections.
 *
 * - `network connection lost`
 * - `wake`: the page or the network is back; what is open may have died unnoticed
 * - `page frozen`: it is frozen, or stored in the back/forward cache, for which nothing may be open
 * - `leave`: the page is left for good
 *
 * Sentences are what the close of a connection is described with.
 */
export type PageSignal = "network connection lost" | "wake" | "page frozen" | "leave";

export interface PageListener {
  onPage_(signal: PageSignal): void;
}

/** Those that want to hear of it. */
export const pageListeners = new Set<PageListener>();

const SIGNALS: Readonly<Record<string, PageSignal | undefined>> = {
  online: "wake",
  pageshow: "wake",
  visibilitychange: "wake",
  pagehide: "page frozen",
  freeze: "page frozen",
  offline: "network connection lost",
  // the user may stay: nothing ends yet
  beforeunload: undefined,
};

/** Milliseconds for which a failure is held back while the page is being left. */
const GRACE = 1000;
let leavingSince = -Infinity;

/**
 * Calls back at once, or a second later while the page is being left: browsers cancel its requests before it is gone, which
 * is not a failure. If the page stays after all, the failure is reported then.
 *
 * @param owner see {@link after}
 */
export function unlessLeaving(owner: object, callback: () => void): void {
  if (Date.now() - leavingSince < GRACE) after(owner, GRACE, callback);
  else callback();
}

function onEvent(type: string, event: Partial<PageTransitionEvent>): void {
  const isLeft = type === "pagehide" && !event.persisted;
  if (isLeft || type === "beforeunload") leavingSince = Date.now();
  else if (type === "pageshow") leavingSince = -Infinity;
  const signal = isLeft ? "leave" : SIGNALS[type];
  if (signal) for (const listener of pageListeners) listener.onPage_(signal);
}

// Once, when the module is loaded: a service worker may add listeners then only. Captured on the way down, because some
// of these events are the document's and do not rise from it. Where nobody dispatches them, nothing happens.
try {
  for (const type of Object.keys(SIGNALS)) addEventListener(type, (event) => onEvent(type, event), true);
} catch {
  // a platform without events, or with events of its own manner
}
