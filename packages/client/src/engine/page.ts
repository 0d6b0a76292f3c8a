/**
 * What the page or worker tells its connections.
 *
 * - `network connection lost`
 * - `wake`: the page or the network is back; what is open may have died unnoticed
 * - `page frozen`: it is frozen, or stored in the back/forward cache, for which nothing may be open
 * - `leave`: the page is about to be left, unless its user stays
 *
 * Sentences are what the close of a connection is described with.
 */
export type PageSignal = "network connection lost" | "wake" | "page frozen" | "leave";

/** Those that want to hear of it. */
export const pageListeners = new Set<(signal: PageSignal) => void>();

const SIGNALS: Readonly<Record<string, PageSignal>> = {
  online: "wake",
  pageshow: "wake",
  visibilitychange: "wake",
  pagehide: "page frozen",
  freeze: "page frozen",
  offline: "network connection lost",
  beforeunload: "leave",
};

// Once, when the module is loaded: a service worker may add listeners then only. Captured on the way down, because some
// of these events are the document's and do not rise from it. Where nobody dispatches them, nothing happens.
for (const [type, signal] of Object.entries(SIGNALS)) {
  globalThis.addEventListener?.(
    type,
    (event: Partial<PageTransitionEvent>) => {
      // a page that is hidden and not stored is gone: it closes nothing, as it always did
      if (type !== "pagehide" || event.persisted) for (const listener of pageListeners) listener(signal);
    },
    true,
  );
}
