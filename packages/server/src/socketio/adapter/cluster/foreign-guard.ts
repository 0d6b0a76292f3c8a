import { SocketIoError } from "../../report/errors.ts";
import { callAdapter, failAdapter } from "../../events/listener-errors.ts";
import type { Adapter } from "../adapter.ts";
import { kGuardsItself } from "../../keys.ts";
import { BusGuard } from "./guard.ts";
import type { ClusterKeys } from "./keys.ts";
import { InMemoryAdapter } from "../in-memory.ts";
import { SessionAwareAdapter } from "../../recovery/session-aware.ts";

type BusMethod = (...args: never[]) => unknown;

/** The members that connect the `ClusterAdapter` of `socket.io-adapter`, and its subclasses, to their bus. */
interface BusMembers {
  readonly uid: string;
  doPublish: BusMethod;
  doPublishResponse: BusMethod;
  onMessage: BusMethod;
  onResponse: BusMethod;
}

/** Classes without a bus; their subclasses may have one. */
const WITHOUT_BUS: ReadonlySet<unknown> = new Set<unknown>([InMemoryAdapter, SessionAwareAdapter]);

/**
 * Makes the adapter of a namespace sign its messages to other servers, and verify theirs.
 *
 * @throws SocketIoError `ADAPTER_CANNOT_SIGN` when the adapter may have a bus but not the members to guard it
 */
export function guardAdapter(adapter: Adapter, nsp: { readonly name: string }, keys: ClusterKeys): void {
  if (kGuardsItself in adapter || WITHOUT_BUS.has(adapter.constructor)) return;
  if (!isOnBus(adapter)) {
    // Its constructor may have subscribed to the bus already.
    callAdapter(nsp, () => adapter.close());
    throw new SocketIoError("ADAPTER_CANNOT_SIGN");
  }
  const onRefused = (error: unknown): void => failAdapter(error, nsp, "thrown");
  guardBus(adapter, new BusGuard({ keys, uid: adapter.uid, nsp: nsp.name, onRefused }));
}

function isOnBus(adapter: Adapter): adapter is Adapter & BusMembers {
  const { uid, doPublish, doPublishResponse, onMessage, onResponse } = adapter as Partial<BusMembers>;
  const carriers = [doPublish, doPublishResponse, onMessage, onResponse];
  return typeof uid === "string" && carriers.every((carry) => typeof carry === "function");
}

/** Wraps the bus methods of a third-party adapter with a guard. */
function guardBus(adapter: BusMembers, guard: BusGuard): void {
  const { doPublish, doPublishResponse, onMessage, onResponse } = adapter;
  // `async`, so that a message that can't be signed rejects instead of throwing.
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
