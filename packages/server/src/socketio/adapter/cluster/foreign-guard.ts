import { SocketIoError } from "../../report/errors.ts";
import { callAdapter, failAdapter } from "../../events/listener-errors.ts";
import type { Adapter } from "../adapter.ts";
import { BusGuard } from "./guard.ts";
import type { ClusterKeys } from "./keys.ts";
import { ClusterAdapter } from "./cluster.ts";
import { InMemoryAdapter } from "../in-memory.ts";
import { SessionAwareAdapter } from "../../recovery/session-aware.ts";

type Carry = (...args: never[]) => unknown;

/** The members by which the `ClusterAdapter` of `socket.io-adapter`, and all that extend it, talk to their bus. */
interface OnBus {
  readonly uid: string;
  doPublish: Carry;
  doPublishResponse: Carry;
  onMessage: Carry;
  onResponse: Carry;
}

/** Classes that have no bus. One that extends them may have one. */
const WITHOUT_BUS: ReadonlySet<unknown> = new Set<unknown>([InMemoryAdapter, SessionAwareAdapter]);

/**
 * Lets the adapter of a namespace sign what it says to other servers, and verify what it hears.
 *
 * @throws SocketIoError `ADAPTER_CANNOT_SIGN`
 */
export function guardAdapter(adapter: Adapter, nsp: { readonly name: string }, keys: ClusterKeys): void {
  // Our own one knows the keys.
  if (adapter instanceof ClusterAdapter || WITHOUT_BUS.has(adapter.constructor)) return;
  if (!isOnBus(adapter)) {
    // It may listen to its bus already.
    callAdapter(nsp, () => adapter.close());
    throw new SocketIoError("ADAPTER_CANNOT_SIGN");
  }
  const onRefused = (error: unknown): void => failAdapter(error, nsp, "thrown");
  guardBus(adapter, new BusGuard({ keys, uid: adapter.uid, nsp: nsp.name, onRefused }));
}

function isOnBus(adapter: Adapter): adapter is Adapter & OnBus {
  const { uid, doPublish, doPublishResponse, onMessage, onResponse } = adapter as Partial<OnBus>;
  const carriers = [doPublish, doPublishResponse, onMessage, onResponse];
  return typeof uid === "string" && carriers.every((carry) => typeof carry === "function");
}

/** Puts a guard before the methods of an adapter that was written by others. */
function guardBus(adapter: OnBus, guard: BusGuard): void {
  const { doPublish, doPublishResponse, onMessage, onResponse } = adapter;
  // They return promises: what can't be signed is a rejection, too.
  adapter.doPublish = async (message: object) => Reflect.apply(doPublish, adapter, [guard.seal(message)]);
  adapter.doPublishResponse = async (uid: string, response: object) =>
    Reflect.apply(doPublishResponse, adapter, [uid, guard.seal(response)]);
  adapter.onMessage = (message: object, offset?: string) => {
    const genuine = guard.open(message);
    if (genuine !== undefined) Reflect.apply(onMessage, adapter, [genuine, offset]);
  };
  adapter.onResponse = (response: object) => {
    const genuine = guard.open(response);
    if (genuine !== undefined) Reflect.apply(onResponse, adapter, [genuine]);
  };
}
