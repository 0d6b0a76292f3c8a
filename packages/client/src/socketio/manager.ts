import { Socket as Engine } from "../engine/socket.ts";
import type { DefaultEventsMap, EventsMap } from "../typed-events.ts";
import { BaseManager, type ManagerReservedEvents } from "./base-manager.ts";
import type { ManagerOptions } from "./options.ts";

export type { ManagerOptions, ManagerReservedEvents };

/** Opens, keeps and reopens one connection, which the sockets of several namespaces share. */
export class Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends BaseManager<ListenEvents, EmitEvents> {
  override createEngine(uri: string | undefined, opts: Partial<ManagerOptions>): Engine {
    return new Engine(uri, opts);
  }
}
