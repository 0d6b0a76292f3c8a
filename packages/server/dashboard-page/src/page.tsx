/*
 * What all components share: the connection and the address.
 * Knows: hooks and stores.
 * Must not know: what a view shows.
 */
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { Answer, Hello, ViewName, Views } from "../../src/dashboard/wire.ts";
import type { Live } from "./live.ts";
import { parseRoute, type Route } from "./route.ts";
import { Store, useStore } from "./store.ts";

export const LiveContext = createContext<Live | null>(null);

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error("a component is drawn outside the page");
  return live;
}

/** What the server said about itself. Views are drawn only once it is there. */
export function useHello(): Hello {
  const hello = useStore(useLive().hello);
  if (hello === null) throw new Error("a view is drawn before the server has answered");
  return hello;
}

/** Whether the server has a part. */
export const useFeature = (name: string): boolean => useHello().features.includes(name);

/** Whether the viewer may change things, and the server can. */
export function useMayAct(): boolean {
  const { role, features } = useHello();
  return role === "act" && features.includes("actions");
}

const route = new Store<Route>(parseRoute(location.hash));
addEventListener("hashchange", () => route.set(parseRoute(location.hash)));

export const useRoute = (): Route => useStore(route);

/** Goes to an address; `isSilent` leaves no entry in the history of the browser. */
export function go(address: string, isSilent = false): void {
  if (address === location.hash) return;
  if (isSilent) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  route.set(parseRoute(address));
}

/** Returns the newest rows of a view; undefined until the first answer. */
export function useView<Name extends ViewName>(
  name: Name,
  params: Record<string, string> = {},
): Answer<Views[Name]> | undefined {
  const live = useLive();
  const key = JSON.stringify(params);
  const [state, setState] = useState<{ key: string; rows: Answer<Views[Name]> } | undefined>(undefined);
  useEffect(
    () => live.watch(name, JSON.parse(key) as Record<string, string>, (rows) => setState({ key, rows })),
    [live, name, key],
  );
  return state?.key === key ? state.rows : undefined;
}

/** Returns the server's time, and draws again every second while the page is shown. */
export function useNow(): number {
  const live = useLive();
  useStore(live.seconds);
  return live.now();
}
