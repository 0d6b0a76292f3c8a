import { after } from "./timers.ts";

/**
 * A change in the life of the page or worker. Sentences serve as descriptions in close details.
 *
 * - `network connection lost`
 * - `wake`: the page or the network is back; connections may have died unnoticed
 * - `page frozen`: the page is frozen or enters the back/forward cache, which admits no page with open connections
 * - `leave`: the user has left the page
 */
export type PageSignal = "network connection lost" | "wake" | "page frozen" | "leave";

export interface PageListener {
  onPage_(signal: PageSignal): void;
}

/** The receivers of page signals. */
export const pageListeners = new Set<PageListener>();

const SIGNALS: Readonly<Record<string, PageSignal | undefined>> = {
  online: "wake",
  pageshow: "wake",
  visibilitychange: "wake",
  pagehide: "page frozen",
  freeze: "page frozen",
  offline: "network connection lost",
  // the user may stay, so connections stay open
  beforeunload: undefined,
};

/** Delay in milliseconds of failures while the user leaves the page. */
const GRACE = 1000;
let leavingSince = -Infinity;

/**
 * Calls back at once, or a second later while the user leaves the page: browsers cancel its requests before it is gone,
 * which is not a failure. If the user stays, the failure is reported after that second.
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

// Added when the module is loaded: service workers accept listeners at that time only. Capturing, because some of these
// events are dispatched on the document and do not bubble.
try {
  for (const type of Object.keys(SIGNALS)) addEventListener(type, (event) => onEvent(type, event), true);
} catch {
  // a platform without events, or with a different `addEventListener`
}
