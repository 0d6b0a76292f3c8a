// Events of the page or worker that concern a connection. Where nobody dispatches such events, nothing happens.

/** What a connection wants to know of its page. */
export interface PageListener {
  /** The network is gone. */
  onOffline(): void;
  /** The page or the network is back: what is open may have died unnoticed. */
  onWake(): void;
  /** The page is frozen or stored in the back/forward cache, for which nothing may be open. */
  onFreeze(): void;
  /** The page is about to be left. */
  onLeave(): void;
}

const listeners = new Set<PageListener>();

const HANDLERS: Readonly<Record<string, (listener: PageListener, event: Event) => void>> = {
  offline: (listener) => listener.onOffline(),
  online: (listener) => listener.onWake(),
  pageshow: (listener) => listener.onWake(),
  visibilitychange: (listener) => {
    if (!document.hidden) listener.onWake();
  },
  freeze: (listener) => listener.onFreeze(),
  pagehide: (listener, event) => {
    if ((event as PageTransitionEvent).persisted) listener.onFreeze();
  },
  beforeunload: (listener) => listener.onLeave(),
};

// Once, when the module is loaded: a service worker may add listeners then only. Captured on the way down, because some
// of these events are the document's and do not rise from it.
if (typeof addEventListener === "function") {
  for (const [type, handle] of Object.entries(HANDLERS)) {
    addEventListener(type, (event) => listeners.forEach((listener) => handle(listener, event)), true);
  }
}

export function watchPage(listener: PageListener): void {
  listeners.add(listener);
}

export function unwatchPage(listener: PageListener): void {
  listeners.delete(listener);
}
